# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Answer the REST requests of robots: who they are, and the log of a session.

A robot shows the token that REST_API_TOKEN brought it; by that it is known which robot it is.
"""

from __future__ import annotations

from collections.abc import Callable
import hashlib
import json
import re
import secrets
from typing import Any

from ..errors import BadInput
from ..json_reader import read_object
from .platform_frames import finite

PATH = '/api/'
METRICS = ('cpu_usage', 'memory_usage', 'disk_usage')
MOST_LINES = 5000  # of one request
_LEVEL = re.compile(r'\[(DEBUG|INFO|WARN|ERROR|FATAL)\]')
Answer = tuple[int, str]


class RestApi:
    """The endpoints; `log` is called with robot, level, text and session of each line."""

    def __init__(self, log: Callable[[str, str, str, str], None]) -> None:
        self._log = log
        self._robots: dict[bytes, str] = {}  # by the hash of the token
        self._paths = {
            '/api/robot-info/': self._robot_info,
            '/api/log-session/': self._log_session,
            '/api/update-logs/': self._update_logs,
        }

    def admit(self, token: str, robot: str) -> None:
        """Know a robot by a token from now on, and by its earlier ones no more."""
        self._robots = {key: name for key, name in self._robots.items() if name != robot}
        self._robots[_hash(token)] = robot

    def token_for(self, robot: str) -> str:
        """Return a new token for a robot that has none, an empty text if it has one."""
        if robot in self._robots.values():
            return ''
        token = secrets.token_urlsafe(24)
        self.admit(token, robot)
        return token

    def answer(self, method: str, path: str, body: bytes, authorization: str) -> Answer | None:
        """Status and JSON of a request; None if there is nothing at this path."""
        handler = self._paths.get(path.partition('?')[0])
        if handler is None:
            return None
        robot = self._robots.get(_hash(authorization.partition(' ')[2].strip()))
        if robot is None:
            return 401, '{"error": "no such token; it comes as REST_API_TOKEN"}'
        if method != 'POST':
            return 405, '{"error": "POST"}'
        try:
            return 200, json.dumps(handler(robot, read_object(body)))
        except BadInput as error:
            return 400, json.dumps({'error': str(error)})

    def _robot_info(self, robot: str, data: dict[str, Any]) -> dict[str, Any]:
        return {'status': 'ok', 'robot_id': robot}

    def _log_session(self, robot: str, data: dict[str, Any]) -> dict[str, Any]:
        return {'status': 'ok', 'session_id': f'log-{secrets.token_hex(6)}'}

    def _update_logs(self, robot: str, data: dict[str, Any]) -> dict[str, Any]:
        session, lines = data.get('session_id'), data.get('logs', [])
        if not isinstance(session, str) or not session:
            raise BadInput('session_id is missing')
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise BadInput('logs is no list of texts')
        if len(lines) > MOST_LINES:
            raise BadInput(f'more than {MOST_LINES} lines of logs')
        for line in lines:
            level = _LEVEL.search(line[:200])
            self._log(robot, level[1] if level else 'INFO', line, session)
        said = [f'{key} {data[key]:g} %' for key in METRICS if finite(data.get(key))]
        if said:
            self._log(robot, 'DEBUG', ', '.join(said), session)
        return {'status': 'ok'}


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
