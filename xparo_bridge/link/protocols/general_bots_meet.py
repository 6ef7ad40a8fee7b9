# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Protocol `general_bots_meet`: the meeting endpoint of a General Bots server.

It carries who is in a room and the WebRTC signals between them, which the bridge relays and never
looks into. Rooms that were joined are joined again when the connection comes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self
from urllib.parse import urlencode

from ...credentials import Credentials
from ...messages import MeetJoin, MeetLeave, MeetSignal
from ..json_text import dumps
from .base import Frame, parse_object, Protocol, ProtocolError, take
from .general_bots import bounded


class GeneralBotsMeet(Protocol):
    """The rooms one robot is in."""

    name: ClassVar[str] = 'general_bots_meet'
    required_credentials = ()
    capabilities = frozenset({MeetJoin, MeetLeave, MeetSignal})

    def __init__(self, *, url: str, secret_key: str = '') -> None:
        """Take the endpoint, `…/ws/meet`, and the token of the chat endpoint where one is used."""
        self._url = url
        self._token = secret_key
        self._rooms: dict[str, MeetJoin] = {}

    @classmethod
    def configured(cls, settings: Mapping[str, Any], credentials: Credentials) -> Self:
        return cls(url=settings['url'], secret_key=credentials.secret_key)

    def url(self) -> str:
        return f'{self._url}?{urlencode({"token": self._token})}' if self._token else self._url

    def redacted_url(self) -> str:
        return f'{self._url}?token=***' if self._token else self._url

    def on_open(self) -> Sequence[Frame]:
        return [frame for join in self._rooms.values() for frame in self.encode(join)]

    def decode(self, frame: Frame) -> Sequence[Any]:
        body = parse_object(frame)
        kind = take(body, 'type', str, 'message')
        room = take(body, 'room_id', str, kind[:80])
        if kind == 'join':
            return (MeetJoin(room, take(body, 'participant_name', str, kind)),)
        if kind == 'leave':
            return (MeetLeave(room),)
        if kind == 'signal':
            return (
                MeetSignal(
                    room, take(body, 'target_id', str, kind), take(body, 'signal', dict, kind)
                ),
            )
        raise ProtocolError(
            f'unknown message type "{kind[:80]}"; this protocol has join, leave, signal'
        )

    def encode(self, message: Any) -> Sequence[Frame]:
        if isinstance(message, MeetJoin):
            self._rooms[message.room_id] = message
            body = {
                'type': 'join',
                'room_id': message.room_id,
                'participant_name': message.participant_name,
            }
        elif isinstance(message, MeetLeave):
            self._rooms.pop(message.room_id, None)
            body = {'type': 'leave', 'room_id': message.room_id}
        elif isinstance(message, MeetSignal):
            body = {
                'type': 'signal',
                'room_id': message.room_id,
                'target_id': message.target_id,
                'signal': message.signal,
            }
        else:
            self._refuse(message)
        return (bounded(dumps(body)),)
