# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Protocol `general_bots_meet`: the meeting endpoint of a General Bots server.

It carries who is in a room and the WebRTC signals between them, which the bridge relays and never
looks into. The robot side joins its rooms again when the connection comes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self
from urllib.parse import urlencode

from ...credentials import Credentials
from ...json_writer import dumps
from ...messages import (
    MeetJoin,
    MeetLeave,
    MeetSignal,
    Message,
    PeerError,
    Ping,
    Pong,
)
from .base import Frame, parse_object, Protocol, ProtocolError, read_field, unknown_type
from .general_bots import bounded, error_code

# How servers name who sent a signal or left a room; the documents name nobody.
SENDERS = ('sender_id', 'from_id', 'from', 'participant_id', 'participant_name', 'sender')


class GeneralBotsMeet(Protocol):
    """The rooms one robot is in."""

    name: ClassVar[str] = 'general_bots_meet'
    required_credentials = ()
    capabilities = frozenset({MeetJoin, MeetLeave, MeetSignal, Pong})

    def __init__(self, *, url: str, secret_key: str = '') -> None:
        """Take the endpoint, `…/ws/meet`, and the token of the chat endpoint where one is used."""
        self._url = url
        self._token = secret_key

    @classmethod
    def configured(cls, settings: Mapping[str, Any], credentials: Credentials) -> Self:
        return cls(url=settings['url'], secret_key=credentials.secret_key)

    def url(self) -> str:
        return f'{self._url}?{urlencode({"token": self._token})}' if self._token else self._url

    def redacted_url(self) -> str:
        return f'{self._url}?token=***' if self._token else self._url

    def decode(self, frame: Frame) -> Sequence[Message]:
        body = parse_object(frame)
        kind = read_field(body, 'type', str, 'message')
        if kind == 'ping':
            return (Ping(),)
        if kind == 'pong':
            return ()
        if kind == 'error':
            code, named = error_code(body)
            text = read_field(body, 'message', str, kind, '')
            return (
                PeerError(
                    code,
                    ': '.join(part for part in (named, text) if part) or 'no reason given',
                ),
            )
        if kind not in ('join', 'leave', 'signal'):
            raise unknown_type(kind, ('join', 'leave', 'signal', 'error', 'ping', 'pong'))
        room = read_field(body, 'room_id', str, kind)
        if kind == 'join':
            return (MeetJoin(room, read_field(body, 'participant_name', str, kind)),)
        if kind == 'leave':
            return (MeetLeave(room, _sender(body)),)
        if 'signal' not in body:
            raise ProtocolError('signal: "signal" is missing')
        return (
            MeetSignal(
                room, read_field(body, 'target_id', str, kind, ''), body['signal'], _sender(body)
            ),
        )

    def encode(self, message: Any) -> Sequence[Frame]:
        body: dict[str, Any]
        if isinstance(message, MeetJoin):
            body = {
                'type': 'join',
                'room_id': message.room_id,
                'participant_name': message.participant_name,
            }
        elif isinstance(message, MeetLeave):
            body = {'type': 'leave', 'room_id': message.room_id}
        elif isinstance(message, MeetSignal):
            body = {
                'type': 'signal',
                'room_id': message.room_id,
                'target_id': message.target_id,
                'signal': message.signal,
            }
        elif isinstance(message, Pong):
            body = {'type': 'pong'}
        else:
            self._refuse(message)
        return (bounded(dumps(body)),)


def _sender(body: dict[str, Any]) -> str:
    return next((body[key] for key in SENDERS if isinstance(body.get(key), str)), '')
