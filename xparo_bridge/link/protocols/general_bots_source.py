# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Protocol `general_bots_source`: what the source of a General Bots server speaks.

The server knows the robot by ids in the URL and greets it; then each side sends one form of
object, and a reply comes in pieces of which the last says so. docs/protocols.md has the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, UTC
import time
from typing import Any, ClassVar, Self
from urllib.parse import quote, urlencode
from uuid import uuid4

from ...credentials import Credentials
from ...messages import ChatReply, ChatRequest, ChatSession, Suggestions, ToolResult
from ..json_text import dumps
from ..streams import StreamJoiner
from .base import Frame, parse_object, Protocol, ProtocolError, take, take_list, take_options
from .general_bots import bounded

EXTERNAL, USER, BOT, CONTINUE, SUGGESTION, CONTEXT_CHANGE, TOOL = range(7)  # message_type


class GeneralBotsSource(Protocol):
    """One robot's conversation with a bot, in the dialect of the server's source."""

    name: ClassVar[str] = 'general_bots_source'
    required_credentials = ()
    capabilities = frozenset({ChatRequest})

    def __init__(
        self,
        *,
        url: str,
        bot: str = '',
        session_id: str = '',
        user_id: str = '',
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        """Take the endpoint up to `/ws`; ids that are not given are made and kept."""
        self._base = url.rstrip('/')
        self._bot = bot
        self._bot_id = bot or 'default'
        self._session = session_id or new_id()
        self._user = user_id or new_id()
        self._now = now
        self._new_id = new_id
        self._streams = StreamJoiner(clock)
        self._reply_id = ''

    @classmethod
    def configured(cls, settings: Mapping[str, Any], credentials: Credentials) -> Self:
        return cls(
            url=settings['url'], **take_options(settings, bot=str, session_id=str, user_id=str)
        )

    def url(self) -> str:
        query = urlencode({'session_id': self._session, 'user_id': self._user})
        path = f'/{quote(self._bot, safe="")}' if self._bot else ''
        return f'{self._base}{path}?{query}'

    def redacted_url(self) -> str:
        # Whoever knows the ids is the user.
        return self.url().partition('?')[0] + '?session_id=***&user_id=***'

    def on_close(self) -> Sequence[Any]:
        self._reply_id = ''
        return self._streams.abandon('the connection was lost')

    def deadline(self) -> float | None:
        return self._streams.deadline()

    def on_time(self) -> Sequence[Any]:
        return self._streams.expire()

    def decode(self, frame: Frame) -> Sequence[Any]:
        body = parse_object(frame)
        return self._response(body) if 'type' not in body else self._greeting(body)

    def encode(self, message: Any) -> Sequence[Frame]:
        if not isinstance(message, ChatRequest):
            self._refuse(message)
        return (
            bounded(
                dumps(
                    {
                        'bot_id': self._bot_id,
                        'user_id': self._user,
                        'session_id': self._session,
                        'channel': 'web',
                        'content': message.text,
                        'message_type': USER,
                        'timestamp': datetime.fromtimestamp(self._now(), UTC).isoformat(),
                    }
                )
            ),
        )

    def _greeting(self, body: dict[str, Any]) -> Sequence[Any]:
        kind = take(body, 'type', str, 'message')
        if kind != 'connected':
            raise ProtocolError(f'unknown message type "{kind[:80]}"; this dialect has connected')
        self._session = take(body, 'session_id', str, kind)
        self._user = take(body, 'user_id', str, kind)
        self._bot_id = take(body, 'bot_id', str, kind)
        return (
            ChatSession(self._session, active=True, reason=take(body, 'message', str, kind, '')),
        )

    def _response(self, body: dict[str, Any]) -> Sequence[Any]:
        where = 'response'
        text = take(body, 'content', str, where)
        kind = take(body, 'message_type', int, where)
        if not EXTERNAL <= kind <= TOOL:
            raise ProtocolError(f'{where}: "message_type" is {kind}, expected 0 to {TOOL}')
        complete = take(body, 'is_complete', bool, where)
        offers = [
            take(offer, 'text', str, f'{where}, suggestion')
            for offer in take_list(body, 'suggestions', dict, where, [])
        ]
        messages: list[Any] = []
        if kind in (USER, CONTEXT_CHANGE):
            return ()  # The robot's own words coming back; a change only a screen would show.
        if kind == SUGGESTION:
            offers = [text, *offers]
        elif kind == TOOL:
            messages.append(ToolResult('', text))
        else:
            messages += self._piece(text, take(body, 'stream_token', str, where, ''), complete)
        return [*messages, Suggestions(tuple(offers))] if offers else messages

    def _piece(self, text: str, token: str, complete: bool) -> Sequence[Any]:
        if complete and not self._reply_id:
            # Either a whole reply at once or only the end of nothing.
            return (ChatReply(text),) if text else ()
        self._reply_id = self._reply_id or token or self._new_id()
        messages = self._streams.add(self._reply_id, text) if text else []
        if complete:
            messages += self._streams.end(self._reply_id)
            self._reply_id = ''
        return messages
