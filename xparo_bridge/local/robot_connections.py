# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A robot's connection to the local platform: what its API carries, and in which frames."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from .key_api import task_xml
from .platform_frames import make
from .platform_store import RobotRecord

DISPATCH_PATH = '/ws/chatbot_api'
KEYS_PATH = '/chatbot_api'


class RobotConnection:
    """
    One open connection of a robot.

    `reports` is what its API carries of what becomes of an order: `all`, its `end`, or `nothing`.
    """

    reports = 'all'
    carries_parameters = True

    def __init__(self, number: int, socket: Any, record: RobotRecord) -> None:
        self.number = number
        self.socket = socket
        self.record = record
        self.reading = asyncio.Event()
        self.reading.set()
        self.pings_unanswered = 0

    def frame(self, kind: str, data: dict[str, Any]) -> str:
        """Return the frame that carries a message of the documented kinds to this robot."""
        return make(kind, data)


class KeyConnection(RobotConnection):
    """A robot whose frames are objects of keys; `chatbot` if they are of the older API."""

    chatbot = False
    carries_parameters = False

    @property
    def reports(self) -> str:  # type: ignore[override]
        return 'nothing' if self.chatbot else 'end'

    def frame(self, kind: str, data: dict[str, Any]) -> str:
        if self.chatbot and kind not in ('remote_command', 'chat_response'):
            raise ValueError(f'robots on {KEYS_PATH} take no {kind}')
        if kind == 'remote_command':
            # What ends others goes out all the same: without parameters it ends all.
            if data.get('parameters') and data['command'] not in ('stop', 'cancel'):
                raise ValueError(f'the API of {self.record.robot_id} carries no parameters')
            if self.chatbot:
                return json.dumps({'command': data['command']})
            order = {'robot_id': self.record.robot_id, 'command': data['command']}
            order |= {'request_id': data.get('command_id'), 'timeout': 30}
            return json.dumps({'RUN_COMMAND': order})
        if kind == 'chat_response':
            return json.dumps({'message': {'bot_response': data['response']}})
        if kind == 'behavior_update':
            tree = task_xml(data['xml'])
            task = {'task_id': data['tree_name'], 'tree_xml': tree, 'stage': 'production'}
            return json.dumps({'RUN_TASK': task})
        if kind == 'log_updated':
            return json.dumps({'log_updated': data['session_id']})
        if kind == 'REST_API_TOKEN':
            return json.dumps({'REST_API_TOKEN': data['token']})
        raise ValueError(f'robots on {DISPATCH_PATH} take no {kind}')
