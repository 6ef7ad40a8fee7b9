# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A fake General Bots server: `python test/fakes/general_bots.py --port 8080`.

`/ws` speaks as documented, `/source/ws` as the server's source does, `/ws/meet` relays between
those in a room. It streams its replies, calls the tool that a message `tool: name` asks for, and
chokes on what the real one refuses without an error code.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from aiohttp import web
from peer import check, Choke, FakePeer, run

CLIENT: dict[str, dict[str, Any]] = {
    'auth': {'token': str},
    'message': {'session_id': str, 'content': str},
    'typing_start': {'session_id': str},
    'typing_stop': {'session_id': str},
    'subscribe': {'session_id': str},
    'unsubscribe': {'session_id': str},
    'tool_result': {'session_id': str, 'tool': str, 'result': dict},
    'ping': {},
    'pong': {},
}
MEET: dict[str, dict[str, Any]] = {
    'join': {'room_id': str, 'participant_name': str},
    'leave': {'room_id': str},
    'signal': {'room_id': str, 'target_id': str, 'signal': dict},
}
USER_MESSAGE: dict[str, Any] = {
    'bot_id': str,
    'user_id': str,
    'session_id': str,
    'channel': str,
    'content': str,
    'message_type': int,
    'timestamp': str,
}


class FakeGeneralBots(FakePeer):
    """A bot; with a token it answers nobody without it."""

    routes = {
        '/ws': 'chat',
        '/ws/meet': 'meet',
        '/source/ws': 'source',
        '/source/ws/{bot}': 'source',
    }
    max_message = 64 * 1024

    def __init__(self, token: str = '', limit: int = 0) -> None:
        super().__init__()
        self.token = token
        self.limit = limit  # messages after which everything is RATE_LIMITED, 0 for none
        self.sessions: set[str] = set()
        self.subscribed: set[str] = set()
        self.tool_results: list[dict[str, Any]] = []
        self._let_in: set[int] = set()
        self._kinds: dict[int, str] = {}
        self._rooms: dict[str, list[Any]] = {}
        self._ids: dict[int, dict[str, str]] = {}
        self._messages = 0

    async def opened(self, ws: Any, request: web.Request) -> None:
        path = request.match_info.route.resource
        kind = self.routes[path.canonical] if path else ''
        self._kinds[id(ws)] = kind
        if request.query.get('token') == self.token or not self.token:
            self._let_in.add(id(ws))
        elif 'token' in request.query:
            await self._error(ws, 'AUTH_FAILED', 'Invalid or expired token')
        if kind == 'source':
            self._ids[id(ws)] = {
                'session_id': request.query.get('session_id', str(uuid4())),
                'user_id': request.query.get('user_id', str(uuid4())),
                'bot_id': request.match_info.get('bot', 'default'),
            }
            await ws.send_json(
                {
                    'type': 'connected',
                    **self._ids[id(ws)],
                    'message': 'Connected to bot server',
                    'tools': [],
                }
            )

    async def text(self, ws: Any, body: dict[str, Any]) -> None:
        kind = self._kinds[id(ws)]
        if kind == 'source':
            await self._source(ws, body)
        elif kind == 'meet':
            await self._meet(ws, body)
        else:
            await self._chat(ws, body)

    async def _error(self, ws: Any, code: str, text: str) -> None:
        await ws.send_json({'type': 'error', 'code': code, 'message': text})

    async def _chat(self, ws: Any, body: dict[str, Any]) -> None:
        kind = str(body.get('type'))
        if kind not in CLIENT:
            await self._error(ws, 'INVALID_FORMAT', f'type {kind}')
            raise Choke(f'type {kind}')
        check({key: value for key, value in body.items() if key != 'type'}, CLIENT[kind], kind)
        if kind == 'auth' and body['token'] == self.token:
            self._let_in.add(id(ws))
        elif id(ws) not in self._let_in:
            await self._error(ws, 'AUTH_FAILED', 'Invalid or expired token')
        elif kind == 'ping':
            await ws.send_json({'type': 'pong', 'timestamp': '2024-01-01T10:00:00Z'})
        elif kind == 'subscribe':
            if body['session_id'] in self.sessions:
                self.subscribed.add(body['session_id'])
            else:
                await self._error(ws, 'SESSION_NOT_FOUND', 'Session does not exist')
        elif kind == 'tool_result':
            self.tool_results.append(body)
        elif kind == 'message':
            await self._reply(ws, body['session_id'], body['content'])

    async def _reply(self, ws: Any, session: str, text: str) -> None:
        self._messages += 1
        if self.limit and self._messages > self.limit:
            await self._error(ws, 'RATE_LIMITED', 'Too many messages')
            return
        if session not in self.sessions:
            self.sessions.add(session)
            await ws.send_json({'type': 'session_created', 'session_id': session})
        if tool := re.fullmatch(r'tool: (\w+)', text):
            await ws.send_json(
                {'type': 'tool_call', 'session_id': session, 'tool': tool[1], 'arguments': {}}
            )
            return
        message = str(uuid4())
        pieces = ['You ', 'said: ', text]
        await ws.send_json({'type': 'bot_typing', 'session_id': session, 'is_typing': True})
        await ws.send_json({'type': 'stream_start', 'session_id': session, 'message_id': message})
        for piece in pieces:
            await ws.send_json({'type': 'stream_chunk', 'message_id': message, 'content': piece})
        await ws.send_json(
            {'type': 'stream_end', 'message_id': message, 'content': ''.join(pieces)}
        )
        await ws.send_json({'type': 'bot_typing', 'session_id': session, 'is_typing': False})

    async def _source(self, ws: Any, body: dict[str, Any]) -> None:
        check(body, USER_MESSAGE, 'UserMessage', {'media_url': str, 'context_name': str})
        if not re.fullmatch(
            r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)', body['timestamp']
        ):
            raise Choke(f'timestamp {body["timestamp"]}')
        for text, complete in (('You said: ', False), (body['content'], False), ('', True)):
            await ws.send_json(
                {
                    **self._ids[id(ws)],
                    'channel': body['channel'],
                    'content': text,
                    'message_type': 2,
                    'is_complete': complete,
                    'context_length': 0,
                    'context_max_length': 0,
                }
            )

    async def _meet(self, ws: Any, body: dict[str, Any]) -> None:
        kind = str(body.get('type'))
        if kind not in MEET:
            raise Choke(f'meet: type {kind}')
        check({key: value for key, value in body.items() if key != 'type'}, MEET[kind], kind)
        room = self._rooms.setdefault(body['room_id'], [])
        if kind == 'join':
            room.append(ws)
        for other in [other for other in room if other is not ws and not other.closed]:
            await other.send_json(body)
        if kind == 'leave' and ws in room:
            room.remove(ws)


if __name__ == '__main__':
    run(
        lambda given: FakeGeneralBots(given.token),
        8080,
        token={'default': '', 'help': 'the token without which nobody is answered'},
    )
