# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Protocol `general_bots`: chat with a General Bots server.

Every frame is a JSON object with a `type`; docs/protocols.md has the table. This is the documented
dialect; general_bots_source.py is the one of the server's source, general_bots_meet.py the
meeting endpoint. A tool that the bot calls is a RemoteCommand, and the command's end its result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import time
from typing import Any, ClassVar, Self
from urllib.parse import urlencode
from uuid import uuid4

from ...credentials import Credentials
from ...json_writer import dumps
from ...messages import (
    ChatDelta,
    ChatReply,
    ChatRequest,
    ChatSession,
    CommandState,
    CommandStatus,
    Heartbeat,
    LinkProblem,
    MAX_NAME,
    Message,
    PeerActivity,
    PeerError,
    PeerErrorCode,
    PeerState,
    Ping,
    Pong,
    RemoteCommand,
    Subscribe,
    ToolResult,
    Typing,
)
from ..streams import MAX_ENDED, StreamJoiner
from .base import (
    Frame,
    parse_leniently,
    Protocol,
    ProtocolError,
    read_field,
    read_options,
    unknown_type,
)
from .orders import arguments_of
from .parts import parts_of, read_optional, readable_parts

MAX_MESSAGE = 64 * 1024  # bytes of a frame, the server's limit
PING_PERIOD = 30.0  # s; the server hangs up after 5 minutes of silence
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0  # s to keep quiet after RATE_LIMITED, doubling

ERROR_CODES = {code.value.upper(): code for code in PeerErrorCode}
# Who speaks for the bot; what a system, a tool or an operator says answers no question.
ANSWERING = ('assistant', 'bot', 'agent')


class GeneralBots(Protocol):
    """
    One robot's conversation with a bot.

    The session is kept when the connection is not: a new connection subscribes to it again, until
    the server says that it does not know it. What is said in other sessions is marked as unasked.
    """

    name: ClassVar[str] = 'general_bots'
    required_credentials = ()
    capabilities = frozenset({ChatRequest, Typing, Subscribe, CommandStatus, Pong})

    def __init__(
        self,
        *,
        url: str,
        secret_key: str = '',
        auth: str = 'query',
        session_id: str = '',
        clock: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        """Take the endpoint and a token, sent in the URL (`query`) or as the first `message`."""
        if auth not in ('query', 'message'):
            raise ValueError(f'auth is query or message, not "{auth}"')
        self._url = url
        self._token = secret_key
        self._auth = auth
        self._session = session_id
        self._session_known = bool(session_id)  # by the server, which may name it otherwise
        self._asked = False  # Whether something was said to which no answer came yet.
        self._clock = clock
        self._new_id = new_id
        self._streams = StreamJoiner(clock)
        self._stream_sessions: dict[str, str] = {}  # by message_id; only the start names it
        self._next_ping = clock() + PING_PERIOD
        self._pause = FIRST_PAUSE
        self._send_not_before = clock()
        self._readers: dict[str, Callable[[dict[str, Any], str], Sequence[Message]]] = {
            'message': self._message,
            'stream_start': self._stream_start,
            'stream_chunk': self._stream_chunk,
            'stream_end': self._stream_end,
            'bot_typing': self._bot_typing,
            'tool_result': _tool_result,
            'error': self._error,
            'session_created': self._session_created,
            'session_closed': self._session_closed,
            'ping': lambda data, kind: (Ping(),),
            'pong': lambda data, kind: (),
        }

    @classmethod
    def configured(cls, settings: Mapping[str, Any], credentials: Credentials) -> Self:
        return cls(
            url=settings['url'],
            secret_key=credentials.secret_key,
            **read_options(settings, auth=str, session_id=str),
        )

    def url(self) -> str:
        query = urlencode({'token': self._token})
        return f'{self._url}?{query}' if self._token and self._auth == 'query' else self._url

    def redacted_url(self) -> str:
        return f'{self._url}?token=***' if self.url() != self._url else self._url

    def on_open(self) -> Sequence[Frame]:
        self._next_ping = self._clock() + PING_PERIOD
        frames = []
        if self._token and self._auth == 'message':
            frames.append(dumps({'type': 'auth', 'token': self._token}))
        if self._session:
            frames.append(dumps({'type': 'subscribe', 'session_id': self._session}))
        return frames

    def on_close(self) -> Sequence[Message]:
        return self._streams.abandon('the connection was lost')

    def deadline(self) -> float:
        return min(self._next_ping, self._streams.deadline() or self._next_ping)

    def on_time(self) -> Sequence[Message]:
        messages = self._streams.expire()
        if self._clock() >= self._next_ping:
            self._next_ping = self._clock() + PING_PERIOD
            messages.append(Heartbeat())
        return messages

    def send_not_before(self) -> float:
        return self._send_not_before

    def answer(self, message: Any) -> Sequence[Frame]:
        if isinstance(message, Heartbeat):
            return ('{"type":"ping"}',)
        return ('{"type":"pong"}',) if isinstance(message, Ping) else ()

    def decode(self, frame: Frame) -> Sequence[Message]:
        body, faults = parse_leniently(frame, self.urgent)
        kind = read_field(body, 'type', str, 'message')
        if kind == 'tool_call':
            payload = body.get('payload')
            return self._tool_call(
                {**(payload if isinstance(payload, dict) else {}), **body}, faults
            )
        body, problems = parts_of(body, faults)
        reader = self._readers.get(kind)
        if reader is None:
            raise unknown_type(kind, (*self._readers, 'tool_call'))
        # The documents show fields both beside `type` and in a `payload`.
        payload = read_field(body, 'payload', dict, kind, {})
        return [*problems, *reader({**payload, **body}, kind)]

    def encode(self, message: Any) -> Sequence[Frame]:
        if isinstance(message, CommandStatus):
            return self._tool_answer(message)
        if isinstance(message, Pong):
            return ('{"type":"pong"}',)
        if isinstance(message, ChatRequest):
            self._asked = True
            body = {'type': 'message', 'session_id': self._own_session(), 'content': message.text}
        elif isinstance(message, Typing):
            body = {
                'type': 'typing_start' if message.active else 'typing_stop',
                'session_id': self._own_session(),
            }
        elif isinstance(message, Subscribe):
            body = {
                'type': 'subscribe' if message.active else 'unsubscribe',
                'session_id': message.session_id,
            }
        else:
            self._refuse(message)
        return (bounded(dumps(body)),)

    def _own_session(self) -> str:
        if not self._session:
            self._session, self._session_known = self._new_id(), False
        return self._session

    def _of_others(self, data: dict[str, Any], kind: str) -> bool:
        """Whether this belongs to a session other than ours, by its own word or its stream's."""
        session: str = read_field(data, 'session_id', str, kind, '')
        stream = read_field(data, 'message_id', str, kind, '')
        if session and stream:
            self._stream_sessions[stream] = session
            if len(self._stream_sessions) > MAX_ENDED:
                self._stream_sessions.pop(next(iter(self._stream_sessions)))
        session = session or self._stream_sessions.get(stream, '')
        return bool(session and self._session and session != self._session)

    def _message(self, data: dict[str, Any], kind: str) -> Sequence[Message]:
        text = read_field(data, 'content', str, kind)
        role = read_field(data, 'role', str, kind, 'assistant')
        self._pause = FIRST_PAUSE
        if role == 'user':
            return ()  # What the user said comes back to all who hear the session.
        unasked = self._of_others(data, kind) or role not in ANSWERING
        if not text.strip() and (unasked or not self._asked):
            return ()  # After the answer it is no later answer.
        self._asked = self._asked and unasked
        return (ChatReply(text, unasked),)

    def _stream_start(self, data: dict[str, Any], kind: str) -> Sequence[Message]:
        return self._streams.start(
            read_field(data, 'message_id', str, kind), self._of_others(data, kind)
        )

    def _stream_chunk(self, data: dict[str, Any], kind: str) -> Sequence[Message]:
        return self._streams.add(
            read_field(data, 'message_id', str, kind),
            read_field(data, 'content', str, kind),
            self._of_others(data, kind),
        )

    def _stream_end(self, data: dict[str, Any], kind: str) -> Sequence[Message]:
        self._pause = FIRST_PAUSE
        unasked = self._of_others(data, kind)
        self._asked = self._asked and unasked
        return self._streams.end(
            read_field(data, 'message_id', str, kind),
            read_field(data, 'content', str, kind, None),
            unasked,
        )

    def _bot_typing(self, data: dict[str, Any], kind: str) -> Sequence[Message]:
        typing = read_field(data, 'is_typing', bool, kind)
        if self._of_others(data, kind):
            return ()
        return (PeerActivity(PeerState.TYPING if typing else PeerState.IDLE),)

    def _tool_call(self, data: dict[str, Any], faults: Sequence[str]) -> Sequence[Message]:
        """Read the call of a tool: what is wrong beside its name is the command's problem."""
        name = read_field(data, 'tool', str, 'tool_call')
        problems = list(faults[:10])
        try:
            # The call has no id; the session in ours is where the result goes, also after a
            # restart.
            session = read_field(data, 'session_id', str, 'tool_call')
        except ProtocolError as error:
            session = self._session
            problems.append(str(error))
        arguments = arguments_of(data.get('arguments'), 'arguments', problems)
        return (
            RemoteCommand(
                name[:MAX_NAME],
                arguments,
                command_id=f'{self.name}/{self._new_id()}/{session}',
                problems=tuple(problems),
            ),
        )

    def _tool_answer(self, status: CommandStatus) -> Sequence[Frame]:
        maker, _, rest = status.command_id.partition('/')
        if maker != self.name or not status.state.terminal:
            return ()
        if status.state is CommandState.SUCCEEDED:
            result = dict(status.result or {'status': status.state.value})
        else:
            result = {'status': status.state.value, 'error': status.error or {}}
        body = {
            'type': 'tool_result',
            'session_id': rest.partition('/')[2],
            'tool': status.command,
            'result': result,
        }
        try:
            return (bounded(dumps(body)),)
        except ProtocolError as error:
            # A bot that never hears of its tool waits for it.
            body['result'] = {'status': status.state.value, 'error': {'message': str(error)}}
            return (bounded(dumps(body)),)

    def _error(self, data: dict[str, Any], kind: str) -> Sequence[Message]:
        problems: list[LinkProblem] = []
        code, named = error_code(data)
        if code is PeerErrorCode.RATE_LIMITED:
            asked = read_optional(data, 'retry_after', float, kind, 0.0, problems)
            self._send_not_before = self._clock() + min(max(self._pause, asked), LONGEST_PAUSE)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        elif code is PeerErrorCode.SESSION_NOT_FOUND and not self._of_others(data, kind):
            self._session = ''
        text = read_optional(data, 'message', str, kind, '', problems)
        said = ': '.join(part for part in (named, text) if part) or 'no reason given'
        return (*problems, PeerError(code, said))

    def _session_created(self, data: dict[str, Any], kind: str) -> Sequence[Message]:
        session = read_field(data, 'session_id', str, kind)
        if not self._session_known:
            self._session, self._session_known = session, True
        return (ChatSession(session, active=True),)

    def _session_closed(self, data: dict[str, Any], kind: str) -> Sequence[Message]:
        session = read_field(data, 'session_id', str, kind)
        reason = read_field(data, 'reason', str, kind, '')
        closed = ChatSession(session, active=False, reason=reason)
        if session != self._session:
            return (closed,)
        self._session = ''
        why = f'the bot closed the session{": " if reason else ""}{reason}'
        ends = self._streams.abandon(why)
        if self._asked and not ends:
            # Whoever still waits for an answer in it waits in vain.
            ends = [ChatDelta('', final=True, error=why)]
        self._asked = False
        return (*ends, closed)


def error_code(data: Mapping[str, Any]) -> tuple[PeerErrorCode, str]:
    """Return the code of an error, which may be in any case or a number, and its text."""
    code = data.get('code')
    if isinstance(code, (int, float)):
        code = dumps(code)
    named = code[:80] if isinstance(code, str) else ''
    return ERROR_CODES.get(named.upper(), PeerErrorCode.OTHER), named


def bounded(frame: str) -> str:
    """Return the frame if it is within the server's limit, else raise ProtocolError."""
    size = len(frame.encode())
    if size > MAX_MESSAGE:
        raise ProtocolError(f'message of {size} bytes; the server takes {MAX_MESSAGE}')
    return frame


def _tool_result(data: dict[str, Any], kind: str) -> Sequence[Message]:
    if 'result' not in data:
        raise ProtocolError('tool_result: "result" is missing')
    return (ToolResult(read_field(data, 'tool', str, kind), readable_parts(data['result'])),)
