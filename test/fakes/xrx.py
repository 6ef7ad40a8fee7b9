# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A fake xRx server: `python test/fakes/xrx.py --port 8000`.

It answers typed text, hears a sentence in every second of sound, and chokes on what the real
server dies of: an action whose `parameters` are an object, frames that are not 30 ms of sound.
"""

from __future__ import annotations

import json
from typing import Any

from peer import check, Choke, FakePeer, run

FRAME = 960  # bytes: 30 ms, s16le mono, 16 kHz
SPEECH = bytes(4800)  # 100 ms, s16le mono, 24 kHz


class FakeXrx(FakePeer):
    """An agent that repeats what it is told; with a key it lets nobody in without it."""

    routes = {'/api/v1/ws': 'agent'}

    def __init__(self, key: str = '', greeting: str = 'Hello, how can I help you?') -> None:
        super().__init__()
        self.key = key
        self.greeting = greeting
        self.heard = 0
        self.actions: list[dict[str, Any]] = []

    def refuse(self, request: Any) -> int | None:
        return 401 if self.key and request.headers.get('x-api-key') != self.key else None

    async def opened(self, ws: Any, request: Any) -> None:
        if self.greeting:
            await self.say(ws, 'agent', self.greeting, 'text')

    async def say(self, ws: Any, user: str, content: str, kind: str) -> None:
        """Send a text message."""
        await ws.send_json({'user': user, 'content': content, 'type': kind})

    async def text(self, ws: Any, body: dict[str, Any]) -> None:
        if body.get('type') == 'text':
            check(body, {'type': str, 'content': str}, 'text')
            await self._answer(ws, body['content'], spoken=False)
        elif body.get('type') == 'action':
            check(body, {'type': str, 'content': dict, 'modality': str}, 'action')
            content = body['content']
            check(content, {'tool': str, 'parameters': str}, 'action', {'modality': str})
            if body['modality'] not in ('text', 'audio'):
                raise Choke(f'modality {body["modality"]}')
            try:
                parameters = json.loads(content['parameters'])
            except ValueError:
                raise Choke('action: parameters are not JSON') from None
            self.actions.append({'tool': content['tool'], 'parameters': parameters})
            await self.say(
                ws,
                'agent',
                json.dumps(
                    {
                        'type': 'receipt',
                        'details': json.dumps(parameters),
                        'available-tools': [],
                    }
                ),
                'widget',
            )
        else:
            raise Choke(f'type {body.get("type")}')

    async def binary(self, ws: Any, data: bytes) -> None:
        if len(data) != FRAME:
            raise Choke(f'a frame of {len(data)} bytes; {FRAME} are 30 ms')
        self.heard += len(data)
        if self.heard >= 32000:
            self.heard -= 32000
            await self.say(ws, 'system', 'clear_audio_buffer', 'action')
            await self.say(ws, 'user', 'go to the kitchen', 'audio')
            await self._answer(ws, 'go to the kitchen', spoken=True)

    async def _answer(self, ws: Any, text: str, spoken: bool) -> None:
        await self.say(ws, 'agent', 'agent_started_thinking', 'action')
        await self.say(ws, 'agent', 'One moment please...', 'audio')
        await self.say(ws, 'agent', f'You said: {text}', 'audio')
        await self.say(ws, 'agent', 'agent_ended_thinking', 'action')
        if spoken:
            await ws.send_bytes(SPEECH)
            await self.say(ws, 'system', 'audio_generation_done', 'action')


if __name__ == '__main__':
    run(
        lambda given: FakeXrx(given.key),
        8000,
        key={'default': '', 'help': 'the API key without which nobody gets in'},
    )
