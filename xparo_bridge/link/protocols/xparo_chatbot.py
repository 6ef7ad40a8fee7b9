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

from ...credentials import Credentials
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
    read_keys,
    take,
    take_list,
    take_map,
)

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


# Commands of one frame that are read where it has too many.
_MOST_DIFFERENT = 4096


class XparoChatbot(Protocol):
    """One robot's conversation with the platform's chatbot API."""

    name: ClassVar[str] = 'xparo_chatbot'
    sends_origin = True
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
        body, faults = parse_leniently(frame)
        if 'status' not in body:
            return read_keys(body, _READERS, faults, ('command', 'commands'))
        if faults:
            raise ProtocolError(f'not JSON: {faults[0]}')
        rest = {key: body[key] for key in body if key != 'status' and key not in PROJECT_KEYS}
        return [_project_state(body), *(read_keys(rest, _READERS) if rest else ())]

    def encode(self, message: Any) -> Sequence[Frame]:
        writer = _WRITERS.get(type(message))
        if writer is None:
            self._refuse(message)
        return (dumps(writer(message)),)


def _project_state(body: dict[str, Any]) -> Any:
    if not take(body, 'status', bool, 'initialize_api'):
        return PeerError(PeerErrorCode.OTHER, 'the platform did not initialize the API')
    return ProjectState(
        **{
            field: take(body, key, str, 'initialize_api', '')
            for key, field in PROJECT_KEYS.items()
        }
    )


def _message(body: dict[str, Any]) -> list[Any]:
    return [ChatReply(take(take(body, 'message', dict, 'answer'), 'bot_response', str, 'message'))]


def _schedule(body: dict[str, Any]) -> list[Any]:
    return [Schedule(take_map(body, 'schedule_control', dict, 'schedule'))]


def _config(body: dict[str, Any]) -> list[Any]:
    return [ConfigChange(take(body, 'change_config', dict, 'config'))]


def _command(body: dict[str, Any]) -> list[Any]:
    return [RemoteCommand(take(body, 'command', str, 'command'))]


def _commands(body: dict[str, Any]) -> list[Any]:
    names = take_list(body, 'commands', str, 'commands')
    if len(names) <= MAX_KEYS:
        return [RemoteCommand(name) for name in names]
    # Nobody means so many, but a stop may be among them.
    different = list(dict.fromkeys(names))[:_MOST_DIFFERENT]
    return [
        LinkProblem(
            f'"commands" has {len(names)} items, expected at most {MAX_KEYS}; '
            f'each counts once, and {_MOST_DIFFERENT} in all'
        ),
        *map(RemoteCommand, different),
    ]


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
    'commands': _commands,
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
