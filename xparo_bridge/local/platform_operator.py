# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What an operator can ask of the local platform, and how.

An operator sends `{"id": n, "verb": …, …}` and gets `{"id": n, "result": …}` or
`{"id": n, "error": "why not"}`; after `watch` also `{"event": {…}}`, see EventLog.

| verb | keys | result |
|---|---|---|
| robots | | list of summaries |
| state | robot | everything kept of one robot |
| send | robot, command, parameters, command_id, issued_at, deadline | {command_id} |
| chat | robot, text | {} |
| push_tree | robot, name, xml | {} |
| log_session | robot, session_id | {} |
| token | robot, token | {} |
| raw | robot, text or hex (bytes for a binary frame) | {} |
| kick | robot, code, reason | {} |
| stall | robot, on | {} |
| watch | since: an event's number, 0 for all, absent for from now on | {seq} |

`robot` may be absent while only one is connected. `command_id` is made when absent and left out
when null.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Protocol
from uuid import uuid4

from ..json_reader import read_object
from .platform_store import EventLog, RobotRecord


class Robot(Protocol):
    """What an operator uses of a robot's connection."""

    socket: Any
    record: RobotRecord

    def frame(self, kind: str, data: dict[str, Any]) -> str:
        """Return the frame that carries a message of the documented kinds to this robot."""


class Platform(Protocol):
    """What an operator uses of the platform."""

    events: EventLog
    robots: dict[str, RobotRecord]

    def connection(self, robot: str | None) -> Any:
        """Return the newest connection of a robot, or the only robot's."""

    async def send(self, connection: Any, frame: str | bytes) -> None:
        """Send a frame to a robot and note it."""

    def stall(self, connection: Any, on: bool) -> None:
        """Stop reading from a robot, or go on."""


class Operator:
    """One operator's connection."""

    def __init__(self, server: Platform, socket: Any) -> None:
        self._server = server
        self._socket = socket
        self._watching: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Answer requests until the connection closes."""
        try:
            while True:
                await self._answer(await self._socket.recv())
        finally:
            if self._watching is not None:
                self._watching.cancel()

    async def _answer(self, text: str | bytes) -> None:
        number = None
        try:
            request = read_object(text)
            number = request.pop('id', None)
            verb = request.pop('verb', None)
            do = _VERBS.get(verb)
            if do is None:
                raise ValueError(f'no verb {verb!r}; there are {", ".join(_VERBS)}')
            reply = {'id': number, 'result': await do(self, request)}
        except KeyError as error:
            reply = {'id': number, 'error': f'"{error.args[0]}" is missing'}
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            reply = {'id': number, 'error': str(error)}
        await self._socket.send(json.dumps(reply))

    def _robot(self, request: dict[str, Any]) -> Robot:
        robot: Robot = self._server.connection(request.get('robot'))
        return robot

    async def _tell(self, request: dict[str, Any], kind: str, data: dict[str, Any]) -> None:
        robot = self._robot(request)
        await self._server.send(robot, robot.frame(kind, data))

    async def robots(self, request: dict[str, Any]) -> Any:
        return [record.summary() for record in self._server.robots.values()]

    async def state(self, request: dict[str, Any]) -> Any:
        robots = self._server.robots
        robot = request.get('robot')
        if robot is None and len(robots) == 1:
            robot = next(iter(robots))
        if robot not in robots:
            raise LookupError(f'no robot {robot!r}; known: {", ".join(sorted(robots)) or "none"}')
        return robots[robot].everything()

    async def send(self, request: dict[str, Any]) -> Any:
        command_id = request.get('command_id', f'cmd-{uuid4().hex[:12]}')
        data = {'command': request['command'], 'parameters': request.get('parameters', {})}
        if command_id is not None:
            data['command_id'] = command_id
        data.update({key: request[key] for key in ('issued_at', 'deadline') if key in request})
        await self._tell(request, 'remote_command', data)
        return {'command_id': command_id}

    async def chat(self, request: dict[str, Any]) -> Any:
        connection = self._robot(request)
        connection.record.chat.append({'from': 'platform', 'text': request['text']})
        await self._tell(request, 'chat_response', {'response': request['text']})
        return {}

    async def push_tree(self, request: dict[str, Any]) -> Any:
        await self._tell(
            request, 'behavior_update', {'tree_name': request['name'], 'xml': request['xml']}
        )
        return {}

    async def log_session(self, request: dict[str, Any]) -> Any:
        await self._tell(request, 'log_updated', {'session_id': request['session_id']})
        return {}

    async def token(self, request: dict[str, Any]) -> Any:
        await self._tell(request, 'REST_API_TOKEN', {'token': request['token']})
        return {}

    async def raw(self, request: dict[str, Any]) -> Any:
        frame = bytes.fromhex(request['hex']) if 'hex' in request else str(request['text'])
        await self._server.send(self._robot(request), frame)
        return {}

    async def kick(self, request: dict[str, Any]) -> Any:
        connection = self._robot(request)
        await connection.socket.close(request.get('code', 1000), request.get('reason', ''))
        return {}

    async def stall(self, request: dict[str, Any]) -> Any:
        self._server.stall(self._robot(request), bool(request.get('on', True)))
        return {}

    async def watch(self, request: dict[str, Any]) -> Any:
        if self._watching is not None:
            self._watching.cancel()
        seq = int(request.get('since', self._server.events.last))
        self._watching = asyncio.ensure_future(self._watch(seq))
        return {'seq': seq}

    async def _watch(self, seq: int) -> None:
        events = self._server.events
        while True:
            await events.wait(seq)
            for event in events.since(seq):
                await self._socket.send(json.dumps({'event': event}))
                seq = event['seq']


_VERBS = {
    name: getattr(Operator, name)
    for name in (
        'robots',
        'state',
        'send',
        'chat',
        'push_tree',
        'log_session',
        'token',
        'raw',
        'kick',
        'stall',
        'watch',
    )
}
