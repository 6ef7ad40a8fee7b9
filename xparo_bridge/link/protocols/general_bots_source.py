# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Protocol `general_bots_source`: what the source of a General Bots server speaks.

The server knows the robot by ids in the URL and greets it; then each side sends one form of
object, and a reply comes in pieces of which the last says so. Replies are HTML, of which the text
is kept. docs/protocols.md has the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, UTC
from html import unescape
import re
import time
from typing import Any, ClassVar, Self
from urllib.parse import quote, urlencode
from uuid import uuid4

from ...credentials import Credentials
from ...json_writer import dumps
from ...messages import (
    ChatDelta,
    ChatReply,
    ChatRequest,
    ChatSession,
    LinkProblem,
    Message,
    PeerActivity,
    PeerState,
    Suggestions,
    ToolResult,
    Widget,
)
from ..streams import StreamJoiner
from .base import (
    Frame,
    MAX_SAID,
    parse_json,
    Protocol,
    ProtocolError,
    read_field,
    read_options,
    unknown_type,
)
from .general_bots import bounded
from .parts import parse_parts, read_optional, readable_parts

EXTERNAL, USER, BOT, CONTINUE, SUGGESTION, CONTEXT_CHANGE, TOOL, SYSTEM, SWITCHER = range(9)
# What only a screen would show: the robot's own words, a change of context, a switch.
SILENT = (USER, CONTEXT_CHANGE, SWITCHER)
# Before its first answer the server runs a script that may say something whole, and waits 2 s for
# it; an answer follows, or none does.
SCRIPT_TIME = 3.0  # s
# The elements of HTML; what else stands between < and > is text.
_TAGS = (
    'a abbr address article aside audio b bdi bdo big blockquote body br button caption center '
    'cite code col colgroup dd del details dfn dialog div dl dt em fieldset figcaption figure '
    'font footer form h[1-6] head header hgroup hr html i iframe img input ins kbd label legend '
    'li link main mark menu meta nav noscript object ol optgroup option output p picture pre '
    'progress q rp rt ruby s samp script section select small source span strike strong style '
    'sub summary sup svg table tbody td template textarea tfoot th thead time title tr tt u ul '
    'var video wbr'
).split()
_TAG = re.compile(rf'</?({"|".join(_TAGS)})\b[^<>]*>|<!--', re.IGNORECASE)
# What of it is no text.
_HIDDEN = re.compile(
    r'<!--.*?(?:-->|\Z)|<(script|style|template|noscript|head)\b[^<>]*>.*?(?:</\1\s*>|\Z)',
    re.IGNORECASE | re.DOTALL,
)
# Whole texts that may wait for an answer.
_MOST_WHOLE = 20
# Of a longer reply, characters, the HTML stays: to read it would hold up the other links.
_LONGEST_HTML = 1 << 16
_BREAKS = frozenset(
    'address article aside blockquote br caption dd details dialog div dl dt fieldset figcaption '
    'figure footer form h1 h2 h3 h4 h5 h6 header hr legend li main menu nav ol option p pre '
    'section summary table tbody tfoot thead title tr ul'.split()
)


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
        self._clock = clock
        self._now = now
        self._new_id = new_id
        self._streams = StreamJoiner(clock)
        self._reply_id = ''  # '' while no answer is being made.
        self._greeted = False  # From then on the session is the one that the server named.
        self._asked = False  # Whether something was said to which no answer came yet.
        self._whole: list[str] = []  # said at once since then, and until when an answer may follow
        self._whole_until = 0.0
        self._thinking = False

    @classmethod
    def configured(cls, settings: Mapping[str, Any], credentials: Credentials) -> Self:
        return cls(
            url=settings['url'], **read_options(settings, bot=str, session_id=str, user_id=str)
        )

    def url(self) -> str:
        query = urlencode({'session_id': self._session, 'user_id': self._user})
        path = f'/{quote(self._bot, safe="")}' if self._bot else ''
        return f'{self._base}{path}?{query}'

    def redacted_url(self) -> str:
        # Whoever knows the ids is the user.
        return self.url().partition('?')[0] + '?session_id=***&user_id=***'

    def on_close(self) -> Sequence[Message]:
        self._reply_id, self._asked = '', False
        return [
            *self._reply_with_whole(),
            *self._think(False),
            *self._streams.abandon('the connection was lost'),
        ]

    def deadline(self) -> float | None:
        silent = self._streams.deadline()
        return self._whole_until if self._whole else silent

    def on_time(self) -> Sequence[Message]:
        messages: list[Message] = list(self._streams.expire())
        if any(isinstance(message, ChatDelta) for message in messages):
            self._reply_id = ''
        if self._whole and self._clock() >= self._whole_until:
            messages += self._reply_with_whole()
        return messages

    def decode(self, frame: Frame) -> Sequence[Message]:
        body, problems = parse_parts(frame)
        read = self._response if 'type' not in body else self._greeting
        return [*problems, *read(body)]

    def encode(self, message: Any) -> Sequence[Frame]:
        if not isinstance(message, ChatRequest):
            self._refuse(message)
        self._asked = True
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

    def _greeting(self, body: dict[str, Any]) -> Sequence[Message]:
        kind = read_field(body, 'type', str, 'message')
        if kind != 'connected':
            raise unknown_type(kind, ('connected',))
        self._session = read_field(body, 'session_id', str, kind)
        self._user = read_field(body, 'user_id', str, kind)
        self._bot_id = read_field(body, 'bot_id', str, kind)
        self._greeted = True
        return (
            ChatSession(
                self._session, active=True, reason=read_field(body, 'message', str, kind, '')
            ),
        )

    def _response(self, body: dict[str, Any]) -> Sequence[Message]:
        where = 'response'
        if 'event' in body and 'content' not in body:
            return (Widget(readable_parts(body)),)
        text = read_field(body, 'content', str, where)
        if (event := _event(text)) is not None:
            return (Widget(event),)
        kind = read_field(body, 'message_type', int, where)
        complete = read_field(body, 'is_complete', bool, where)
        problems: list[LinkProblem] = []
        offers = _offers(body, problems)
        session = read_optional(body, 'session_id', str, where, self._session, problems)
        messages: list[Message] = []
        if kind in SILENT:
            return problems
        if kind == SUGGESTION:
            offers = [text, *offers]
        elif kind == TOOL:
            messages.append(ToolResult('', text))
        elif kind == SYSTEM or (self._greeted and session != self._session):
            messages += [ChatReply(plain_text(text), unasked=True)] if complete and text else []
        else:
            thinking = read_optional(body, 'thinking', bool, where, False, problems)
            messages += self._think(thinking)
            token = read_optional(body, 'stream_token', str, where, '', problems)
            messages += self._piece(text, token, complete)
        messages += [Suggestions(tuple(offers))] if offers else []
        return [*problems, *messages]

    def _piece(self, text: str, token: str, complete: bool) -> list[Message]:
        """One part of an answer; the first is often empty, to keep the connection open."""
        if complete and not self._reply_id:
            return self._read_whole(text) if text else []
        messages: list[Message] = []
        if not self._reply_id:
            # What was said at once before this was the script's, not the answer.
            messages += [ChatReply(whole, unasked=True) for whole in self._whole]
            self._whole.clear()
            self._reply_id = token or self._new_id()
            messages += self._streams.start(self._reply_id)
        if text:
            messages += self._streams.add(self._reply_id, text)
        if complete:
            self._asked = False
            for message in self._streams.end(self._reply_id):
                if isinstance(message, ChatReply):
                    message = ChatReply(plain_text(message.text), message.unasked)
                messages.append(message)
            self._reply_id = ''
        return messages

    def _read_whole(self, text: str) -> list[Message]:
        text = plain_text(text)
        if not self._asked:
            return [ChatReply(text)]
        if not self._whole:
            self._whole_until = self._clock() + SCRIPT_TIME
        if len(self._whole) >= _MOST_WHOLE:
            return [ChatReply(text, unasked=True)]
        self._whole.append(text)
        return []

    def _reply_with_whole(self) -> list[Message]:
        """Give what was said at once as the answer, as no other came."""
        whole, self._whole = self._whole, []
        self._asked = False
        return [ChatReply('\n'.join(whole))] if whole else []

    def _think(self, thinking: bool) -> list[Message]:
        if thinking == self._thinking:
            return []
        self._thinking = thinking
        return [PeerActivity(PeerState.THINKING if thinking else PeerState.IDLE)]


def _offers(body: dict[str, Any], problems: list[LinkProblem]) -> list[str]:
    """Texts of the suggestions, which are objects or the texts themselves."""
    offers = []
    for offer in read_optional(body, 'suggestions', list, 'response', [], problems):
        text = offer.get('text') if isinstance(offer, dict) else offer
        if isinstance(text, str) and text:
            offers.append(text)
        elif len(problems) < MAX_SAID:
            problems.append(LinkProblem('response, suggestions: one is neither text nor has one'))
    return offers


def _event(text: str) -> dict[str, Any] | None:
    """Instruction for the server's own web page, which it puts where words are expected."""
    if not text.lstrip().startswith('{'):
        return None
    try:
        value = parse_json(text)
    except ProtocolError:
        return None
    return value if isinstance(value, dict) and 'event' in value else None


def plain_text(text: str) -> str:
    """Return the words of a reply in HTML, a line for each block; other text as it is."""
    if len(text) > _LONGEST_HTML or not _TAG.search(text):
        return text
    shown = _HIDDEN.sub('', text)
    words = unescape(_TAG.sub(_instead_of_tag, shown))
    lines = (' '.join(line.split()) for line in words.splitlines())
    return '\n'.join(line for line in lines if line)


def _instead_of_tag(tag: re.Match[str]) -> str:
    name = (tag[1] or '').lower()
    return '\n' if name in _BREAKS else ' ' if name in ('td', 'th') else ''
