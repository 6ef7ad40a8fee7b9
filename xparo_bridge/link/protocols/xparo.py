# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Protocol `xparo`: the platform's documented WebSocket API.

Every frame is `{"type": …, "data": {…}}`; the URL's path carries the secret key and the project.
docs/protocol-xparo.md has the table. `command_status`, `behavior_status`, `robot_info`
and `telemetry_history` are this bridge's additions in the same form; `extensions` says which of
them are sent. Each status has a `message_id`; what may have arrived before has `resent`, also a
chat, which otherwise is as documented.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self
from urllib.parse import quote

from ...credentials import Credentials, REQUIRED
from ...json_writer import dumps
from ...messages import (
    ApiToken,
    BehaviorStatus,
    BehaviorUpdate,
    ChatReply,
    ChatRequest,
    CommandStatus,
    LogSession,
    MAX_NAME,
    Outbound,
    Ping,
    Pong,
    RobotInfo,
    Telemetry,
    TelemetryHistory,
)
from .base import Frame, parse_leniently, Protocol, ProtocolError, read_field, unknown_type
from .orders import operator_of, read_order

EXTENSIONS = ('command_status', 'behavior_status', 'robot_info', 'telemetry_history')


class Xparo(Protocol):
    """One robot's conversation with the XPARO platform."""

    name: ClassVar[str] = 'xparo'
    sends_origin = True
    required_credentials = REQUIRED
    asking_words = ('remote_command', 'behavior_update')

    def __init__(
        self, *, url: str, secret_key: str, project_id: str, extensions: Iterable[str] = EXTENSIONS
    ) -> None:
        """Take the endpoint up to, not including, `/<secret_key>/<project_id>/`."""
        self._base = url.rstrip('/')
        self._secret_key = secret_key
        self._project_id = project_id
        extra = {_EXTENSION_TYPES[extension] for extension in extensions}
        self.capabilities = frozenset({ChatRequest, Telemetry, Pong} | extra)  # type: ignore[misc]

    @classmethod
    def configured(cls, settings: Mapping[str, Any], credentials: Credentials) -> Self:
        return cls(
            url=settings['url'],
            secret_key=credentials.secret_key,
            project_id=credentials.project_id,
            extensions=settings['extensions'],
        )

    def url(self) -> str:
        return (
            f'{self._base}/{quote(self._secret_key, safe="")}/{quote(self._project_id, safe="")}/'
        )

    def redacted_url(self) -> str:
        return f'{self._base}/***/***/'

    def decode(self, frame: Frame) -> Sequence[Any]:
        body, faults = parse_leniently(frame, self.urgent)
        kind = read_field(body, 'type', str, 'message')
        reader = _READERS.get(kind)
        if reader is None:
            raise unknown_type(kind, _READERS)
        if kind == 'remote_command':
            return (read_order(read_field(body, 'data', dict, kind, {}), kind, faults),)
        if faults:
            raise ProtocolError(f'not JSON: {faults[0]}')
        return (reader(read_field(body, 'data', dict, kind, {})),)

    def encode(self, message: Outbound | Pong) -> Sequence[Frame]:
        kind = type(message)
        if kind not in self.capabilities:
            self._refuse(message)
        return (_WRITERS[kind](message),)


_READERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    'chat_response': lambda data: ChatReply(read_field(data, 'response', str, 'chat_response')),
    'behavior_update': lambda data: BehaviorUpdate(
        # It comes back in each report; one that is too long is refused where it is checked.
        read_field(data, 'tree_name', str, 'behavior_update')[: MAX_NAME + 1],
        read_field(data, 'xml', str, 'behavior_update'),
        operator_of(data),
    ),
    'remote_command': lambda data: read_order(data, 'remote_command'),
    'log_updated': lambda data: LogSession(read_field(data, 'session_id', str, 'log_updated')),
    'REST_API_TOKEN': lambda data: ApiToken(read_field(data, 'token', str, 'REST_API_TOKEN')),
    'ping': lambda data: Ping(),
}

_PONG = '{"type":"pong"}'


def _message(kind: str, data: Mapping[str, Any]) -> str:
    return dumps({'type': kind, 'data': data})


def _command_status(status: CommandStatus) -> str:
    data: dict[str, Any] = {
        'command_id': status.command_id,
        'command': status.command,
        'state': status.state.value,
    }
    # What came of it first: viewers show the beginning of a frame.
    for key in ('error', 'result', 'progress', 'time'):
        value = getattr(status, key)
        if value is not None:
            data[key] = value
    if status.source:
        data['source'] = status.source
    return _message('command_status', {**data, **_delivery(status)})


def _behavior_status(status: BehaviorStatus) -> str:
    data: dict[str, Any] = {
        'tree_name': status.tree_name,
        'state': status.state,
        'nodes': list(status.nodes),
    }
    if status.run_id:
        data['run_id'] = status.run_id
    for key in ('structure', 'errors'):
        if getattr(status, key):
            data[key] = list(getattr(status, key))
    if status.blackboard:
        data['blackboard'] = dict(status.blackboard)
    return _message('behavior_status', {**data, **_delivery(status)})


def _delivery(message: CommandStatus | BehaviorStatus) -> dict[str, Any]:
    return {
        **({'message_id': message.message_id} if message.message_id else {}),
        **({'omitted': list(message.omitted)} if message.omitted else {}),
        **({'resent': True} if message.resent else {}),
    }


def _chat(chat: ChatRequest) -> str:
    resent = {'resent': True} if chat.resent else {}
    return _message('chat', {'message': chat.text, 'robot_id': chat.robot_id, **resent})


_WRITERS: dict[type, Callable[[Any], str]] = {
    ChatRequest: _chat,
    Telemetry: lambda telemetry: _message('telemetry', telemetry.values),
    TelemetryHistory: lambda history: _message(
        'telemetry_history', {'samples': list(history.samples)}
    ),
    Pong: lambda pong: _PONG,
    CommandStatus: _command_status,
    BehaviorStatus: _behavior_status,
    RobotInfo: lambda info: _message('robot_info', dict(info.values)),
}

_EXTENSION_TYPES: dict[str, type] = {
    'command_status': CommandStatus,
    'behavior_status': BehaviorStatus,
    'robot_info': RobotInfo,
    'telemetry_history': TelemetryHistory,
}
