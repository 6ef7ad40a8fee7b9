# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Protocol `xparo_chatbot`: the platform's older API, in which keys are commands.

A frame is one JSON object and each of its keys a command with its value. The platform answers in
the same form and also sends keys unasked. docs/protocols.md has the table. The documented keys and
the ones older clients know (`command`, `commands`, `error`) are read; `core`, which those clients
evaluate as code, is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self
from urllib.parse import quote

from ...credentials import Credentials, REQUIRED
from ...json_reader import TooMany
from ...json_writer import dumps
from ...messages import (
    AskSchedule,
    ChatReply,
    ChatRequest,
    ConfigChange,
    DeleteSchedule,
    LinkProblem,
    PeerError,
    PeerErrorCode,
    ProjectState,
    RefusedPush,
    RemoteCommand,
    SaveAiml,
    SaveSchedule,
    Schedule,
    SyncConfig,
)
from .base import (
    Frame,
    KeyReader,
    MAX_KEYS,
    parse_leniently,
    Protocol,
    ProtocolError,
    read_field,
    read_keys,
)
from .parts import good_items

PROJECT_KEYS = {
    'title': 'title',
    'disc': 'description',
    'goal': 'goal',
    'rules': 'rules',
    'api_key': 'api_key',
    'aiml': 'aiml',
    'maps': 'maps',
    'Sets': 'sets',
    'properties': 'properties',
    'System': 'system',
}


# Keys that are read whatever else of the frame cannot be.
_ORDERS = ('command', 'commands', 'schedule_control')
# Commands of one frame that are read where it has too many.
_MOST_DIFFERENT = 4096


class XparoChatbot(Protocol):
    """One robot's conversation with the platform's chatbot API."""

    name: ClassVar[str] = 'xparo_chatbot'
    sends_origin = True
    required_credentials = REQUIRED
    asking_words = ('command',)
    capabilities = frozenset(
        {ChatRequest, SaveAiml, AskSchedule, SaveSchedule, DeleteSchedule, SyncConfig}
    )

    def __init__(self, *, url: str, secret_key: str, project_id: str) -> None:
        """Take the endpoint up to, not including, `/<secret_key>/<project_key>/`."""
        self._base = url.rstrip('/')
        self._secret_key = secret_key
        self._project_id = project_id

    @classmethod
    def configured(cls, settings: Mapping[str, Any], credentials: Credentials) -> Self:
        return cls(
            url=settings['url'],
            secret_key=credentials.secret_key,
            project_id=credentials.project_id,
        )

    def url(self) -> str:
        return (
            f'{self._base}/{quote(self._secret_key, safe="")}/{quote(self._project_id, safe="")}/'
        )

    def redacted_url(self) -> str:
        return f'{self._base}/***/***/'

    def on_open(self) -> Sequence[Frame]:
        return ('{"initialize_api":{}}',)

    def decode(self, frame: Frame) -> Sequence[Any]:
        body, faults = parse_leniently(frame, self.urgent)
        readers: dict[str, KeyReader] = {**_READERS, 'commands': self._commands}
        if 'status' not in body:
            return read_keys(body, readers, faults, _ORDERS)
        rest = {key: body[key] for key in body if key != 'status' and key not in PROJECT_KEYS}
        orders = read_keys(rest, readers, faults, _ORDERS) if rest else []
        if faults and not orders:
            raise ProtocolError(f'not JSON: {faults[0]}')
        try:
            return [_project_state(body), *orders]
        except ProtocolError as error:
            if not orders:
                raise
            return [LinkProblem(str(error)), *orders]

    def _commands(self, body: dict[str, Any]) -> list[Any]:
        given = body['commands']
        if isinstance(given, TooMany) and isinstance(given.part, list):
            names = [name for name in given.part if type(name) is str and name in self.urgent]
            return [LinkProblem(f'"commands": {given.problem}'), *_each_once(names)]
        named, problems = good_items(
            enumerate(read_field(body, 'commands', list, 'commands')), str, 'commands'
        )
        names = [name for _, name in named]
        if len(names) <= MAX_KEYS:
            return [*problems, *map(RemoteCommand, names)]
        # Nobody means so many, but a stop may be among them.
        names.sort(key=lambda name: name not in self.urgent)
        return [
            *problems,
            LinkProblem(
                f'"commands" has {len(names)} items, expected at most {MAX_KEYS}; '
                f'each counts once, and {_MOST_DIFFERENT} in all'
            ),
            *_each_once(names),
        ]

    def encode(self, message: Any) -> Sequence[Frame]:
        writer = _WRITERS.get(type(message))
        if writer is None:
            self._refuse(message)
        return (dumps(writer(message)),)


def _project_state(body: dict[str, Any]) -> Any:
    if not read_field(body, 'status', bool, 'initialize_api'):
        return PeerError(PeerErrorCode.OTHER, 'the platform did not initialize the API')
    return ProjectState(
        **{
            field: read_field(body, key, str, 'initialize_api', '')
            for key, field in PROJECT_KEYS.items()
        }
    )


def _message(body: dict[str, Any]) -> list[Any]:
    return [
        ChatReply(
            read_field(read_field(body, 'message', dict, 'answer'), 'bot_response', str, 'message')
        )
    ]


def _schedule(body: dict[str, Any]) -> list[Any]:
    given = read_field(body, 'schedule_control', dict, 'schedule')
    entries, problems = good_items(given.items(), dict, 'schedule_control')
    return [*problems, Schedule(dict(entries))]


def _config(body: dict[str, Any]) -> list[Any]:
    return [ConfigChange(read_field(body, 'change_config', dict, 'config'))]


def _command(body: dict[str, Any]) -> list[Any]:
    return [RemoteCommand(read_field(body, 'command', str, 'command'))]


def _each_once(names: list[str]) -> list[Any]:
    return list(map(RemoteCommand, list(dict.fromkeys(names))[:_MOST_DIFFERENT]))


def _error(body: dict[str, Any]) -> list[Any]:
    error = body['error']
    return [PeerError(PeerErrorCode.OTHER, error if isinstance(error, str) else dumps(error))]


def _core(body: dict[str, Any]) -> list[Any]:
    return [RefusedPush('core', (), 'code from the wire is never run')]


_READERS: dict[str, KeyReader] = {
    'message': _message,
    'schedule_control': _schedule,
    'change_config': _config,
    'command': _command,
    'error': _error,
    'core': _core,
}

_WRITERS: dict[type, Callable[[Any], dict[str, Any]]] = {
    ChatRequest: lambda chat: {'ask_bot': chat.text},
    SaveAiml: lambda save: {'save_aiml': save.aiml},
    AskSchedule: lambda ask: {'xparo_get_schedule': {}},
    SaveSchedule: lambda save: {'xparo_schedule_control': save.entries},
    DeleteSchedule: lambda delete: {'xparo_delete_schedule_control': {}},
    SyncConfig: lambda sync: {'xparo_sync_config': {}},
}
