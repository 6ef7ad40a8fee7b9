# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Protocol `xparo_dispatch`: what the platform's live service speaks.

A frame is one JSON object with one or several keys, each a capability, taken in order. A few
things go by REST to the same keys. The service issues the robot its own credential, which is used
instead of the project's secret from the next dial on. docs/protocols.md has the table.

Its shell (`RUN_COMMAND`) reaches only commands that the robot's configuration names, as a
RemoteCommand; keys that push code are refused, and the service is told so.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
import time
from typing import Any, ClassVar, Self
from urllib.parse import quote

from ... import messages as msg
from ...credentials import Credentials
from ..json_text import dumps
from .base import (
    Frame,
    HttpRequest,
    KeyReader,
    parse_leniently,
    Protocol,
    ProtocolError,
    read_keys,
    take,
    take_base64,
    take_list,
    take_map,
    take_options,
)

HEARTBEAT_PERIOD = 30.0  # s; the service calls a robot offline after 90.
CHUNK_SIZE = 64 * 1024  # bytes before base64
MAX_OUTPUT = 32 * 1024  # characters of a command's output
AXES, BUTTONS = 4, 3  # Listeners index as many, so shorter lists are padded.
_GIB = 1024**3
_JSON = {'Content-type': 'application/json'}


class XparoDispatch(Protocol):
    """One robot's conversation with the platform's live service."""

    name: ClassVar[str] = 'xparo_dispatch'
    rest_only = frozenset({msg.Heartbeat, msg.LogUpdate})

    def __init__(
        self,
        *,
        url: str,
        secret_key: str,
        project_id: str,
        robot_id: str,
        credential: str = '',
        rest_after: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        Take the endpoint up to, not including, `/<secret_key>/<project_id>/`.

        `rest_after` is how long the socket may be down, s, before REST takes over, None for never;
        `credential` is what an earlier LinkCredential brought; `clock` and `now` give seconds.
        """
        self._base = url.rstrip('/')
        self._secret_key = secret_key
        self._project_id = project_id
        self._robot_id = robot_id
        self._credential = credential
        self.rest_after = rest_after
        self._clock = clock
        self._now = now
        self._next_heartbeat = clock()
        self._tree: dict[Any, dict[str, Any]] = {}  # nodes of the tree that runs, by uid
        self._readers = {**_READERS, 'RUN_COMMAND': self._run_command}
        self._writers: dict[type, Callable[[Any], list[dict[str, Any]]]] = {
            **_WRITERS,
            msg.ChatRequest: self._chat,
            msg.RobotInfo: self._robot_info,
            msg.BehaviorStatus: self._behavior_status,
            msg.TaskHistory: self._task_history,
            msg.LogUpdate: self._log_update,
        }
        self.capabilities = frozenset(self._writers)  # type: ignore[misc]

    @classmethod
    def configured(cls, settings: Mapping[str, Any], credentials: Credentials) -> Self:
        return cls(
            url=settings['url'],
            secret_key=credentials.secret_key,
            project_id=credentials.project_id,
            robot_id=settings['robot_id'],
            credential=credentials.robot_credential,
            **take_options(settings, rest_after=float),
        )

    def url(self) -> str:
        return self._base + self._path()

    def redacted_url(self) -> str:
        return f'{self._base}/***/***/'

    def _path(self) -> str:
        secret = self._credential or self._secret_key
        return f'/{quote(secret, safe="")}/{quote(self._project_id, safe="")}/'

    def refused(self, status: int) -> bool:
        if status != 403 or not self._credential:
            return False
        self._credential = ''
        return True

    def by_rest(self, frame: str = '') -> HttpRequest:
        # wss://host/ws/chatbot_api and https://host/chatbot_api are one service.
        scheme, _, rest = self._base.partition('://')
        host, _, path = rest.partition('/')
        url = f'{"https" if scheme == "wss" else "http"}://{host}/{path.removeprefix("ws/")}'
        if not frame:
            return HttpRequest('GET', url + self._path())
        return HttpRequest('POST', url + self._path(), frame, _JSON)

    def deadline(self) -> float:
        return self._next_heartbeat

    def on_time(self) -> Sequence[Any]:
        if self._clock() < self._next_heartbeat:
            return ()
        self._next_heartbeat = self._clock() + HEARTBEAT_PERIOD
        return (msg.Heartbeat(),)

    def answer(self, message: Any) -> Sequence[Frame]:
        if isinstance(message, msg.Heartbeat):
            return (dumps({'ROBOT_HEARTBEAT': {'device_id': self._robot_id}}),)
        if isinstance(message, msg.RefusedPush) and message.kind == 'custom_node_files':
            failures = [{'name': name, 'reason': message.reason} for name in message.names]
            return (
                dumps({'CUSTOM_NODE_SYNC_RESULT': {'registered_tags': [], 'failures': failures}}),
            )
        return ()

    def decode(self, frame: Frame) -> Sequence[Any]:
        body, faults = parse_leniently(frame)
        messages = read_keys(body, self._readers, faults, ('RUN_COMMAND',))
        for message in messages:
            if isinstance(message, msg.LinkCredential):
                self._credential = message.value
        return messages

    def encode(self, message: Any) -> Sequence[Frame]:
        writer = self._writers.get(type(message))
        if writer is None:
            self._refuse(message)
        return [dumps(body) for body in writer(message)]

    def _run_command(self, body: dict[str, Any]) -> list[Any]:
        where = 'RUN_COMMAND'
        data = _object(body, where)
        timeout = min(max(take(data, 'timeout', float, where, 30.0), 1.0), 300.0)
        issued = self._now()
        request_id = take(data, 'request_id', str, where, '')
        # So marked, its result is told from those of commands that were no RUN_COMMAND.
        return [
            msg.RemoteCommand(
                take(data, 'command', str, where).strip(),
                command_id=f'{self.name}/{request_id}' if request_id else '',
                issued_at=issued,
                deadline=issued + timeout,
            )
        ]

    def _chat(self, chat: msg.ChatRequest) -> list[dict[str, Any]]:
        return [{'ask_bot_api': {'unique_id': self._robot_id, 'data': {}, 'question': chat.text}}]

    def _robot_info(self, info: msg.RobotInfo) -> list[dict[str, Any]]:
        # The service shows sizes as they come, so bytes are sent as text it can show.
        values = {_INFO_NAMES.get(key, key): value for key, value in info.values.items()}
        for key in _SIZES & values.keys():
            if isinstance(values[key], int):
                values[key] = f'{values[key] / _GIB:.2f} GB'
        return [{'ADD_robots_info': {**values, 'device_id': self._robot_id}}]

    def _behavior_status(self, status: msg.BehaviorStatus) -> list[dict[str, Any]]:
        if status.structure:
            self._tree = {node['uid']: {**node} for node in status.structure}
        return [
            self._node_update({**self._tree.get(node.get('uid'), {}), **node})
            for node in status.nodes
        ]

    def _node_update(self, node: dict[str, Any]) -> dict[str, Any]:
        """One node's change; what it was before is what was told of it last."""
        uid, stamp = node.get('uid', 0), node.get('timestamp', self._now())
        known = self._tree.setdefault(uid, {})
        previous = node.get('previous', known.get('told', 'IDLE'))
        known['told'] = node.get('status', '')
        return {
            'ADD_live_update_bt': {
                'unique_id': self._robot_id,
                'node_name': node.get('name', ''),
                'node_type': node.get('type', ''),
                'uid': uid,
                'prev': previous,
                'curr': node.get('status', ''),
                'timestamp': stamp,
                'datetime': time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(stamp)),
            }
        }

    def _task_history(self, history: msg.TaskHistory) -> list[dict[str, Any]]:
        return [
            {
                'ADD_Task_history_database': {
                    'unique_id': self._robot_id,
                    'input_data': history.input,
                    'output_data': history.output,
                    'type': history.kind,
                    'created_at': history.created_at,
                }
            }
        ]

    def _log_update(self, log: msg.LogUpdate) -> list[dict[str, Any]]:
        data = {
            'log_files': {'new_entries': list(log.logs)},
            'resources_consuption': log.resources,
            'extra_info': log.extra,
        }
        if log.session_id:
            return [{'UPDATE_Logs_history_database': {'id': log.session_id, **data}}]
        return [
            {
                'ADD_Logs_history_database': {
                    **data,
                    'created_at': log.created_at,
                    'unique_id': self._robot_id,
                }
            }
        ]


_INFO_NAMES = {'os': 'os_name', 'cpu': 'cpu_model', 'memory': 'total_memory'}
_SIZES = frozenset({'total_memory', 'available_memory', 'total_disk', 'used_disk', 'free_disk'})


def _text(body: dict[str, Any], key: str) -> str:
    text: str = take(body, key, str, 'frame')
    return text


def _object(body: dict[str, Any], key: str) -> dict[str, Any]:
    value: dict[str, Any] = take(body, key, dict, 'frame')
    return value


def _texts(body: dict[str, Any], kind: str) -> list[Any]:
    return [msg.FilePush(kind, {kind: _text(body, kind)})]


def _files(body: dict[str, Any], kind: str) -> list[Any]:
    return [msg.FilePush(kind, take_map(body, kind, str, 'frame'))]


def _refused(body: dict[str, Any], kind: str) -> list[Any]:
    names = tuple(body[kind]) if isinstance(body[kind], dict) else ()
    return [msg.RefusedPush(kind, names, 'code from the wire is never run on this robot')]


def _teleop(body: dict[str, Any]) -> list[Any]:
    data = _object(body, 'TELEOP')
    axes = take_list(data, 'axes', float, 'TELEOP', [])
    buttons = [int(bool(button)) for button in take(data, 'buttons', list, 'TELEOP', [])]
    return [
        msg.Teleop(
            tuple(axes + [0.0] * (AXES - len(axes))),
            tuple(buttons + [0] * (BUTTONS - len(buttons))),
        )
    ]


def _run_task(body: dict[str, Any]) -> list[Any]:
    where = 'RUN_TASK'
    data = _object(body, where)
    return [
        msg.RunTask(
            take(data, 'task_id', str, where),
            take(data, 'tree_xml', str, where),
            blackboard=take(data, 'blackboard', dict, where, {}),
            save_history=take(data, 'save_task_history', bool, where, False),
            # A task nobody labelled may run only where anything may.
            stage=take(data, 'stage', str, where, '') or 'development',
        )
    ]


def _file_request(body: dict[str, Any]) -> list[Any]:
    where = 'FILE_REQ'
    data = _object(body, where)
    direction = take(data, 'direction', str, where, 'upload')
    size = take(data, 'size', int, where, 0)
    if direction not in ('upload', 'download'):
        raise ProtocolError(f'{where}: "direction" is upload or download, not another')
    if size < 0:
        raise ProtocolError(f'{where}: "size" is negative')
    return [msg.FileRequest(take(data, 'filename', str, where), direction == 'upload', size)]


def _file_chunk(body: dict[str, Any]) -> list[Any]:
    data = take_base64(_object(body, 'FILE_CHUNK'), 'data', 'FILE_CHUNK')
    if len(data) > CHUNK_SIZE:
        raise ProtocolError(f'FILE_CHUNK: {len(data)} bytes, expected at most {CHUNK_SIZE}')
    return [msg.FileChunk(data)]


def _file_complete(body: dict[str, Any]) -> list[Any]:
    data = _object(body, 'FILE_COMPLETE')
    return [
        msg.FileComplete(
            take(data, 'expected', int, 'FILE_COMPLETE', 0),
            take(data, 'received', int, 'FILE_COMPLETE', 0),
            take(data, 'status', str, 'FILE_COMPLETE', 'ok') == 'ok',
        )
    ]


def _error(body: dict[str, Any]) -> list[Any]:
    error = body['error']
    text = error.get('message') if isinstance(error, dict) else error
    return [
        msg.PeerError(msg.PeerErrorCode.OTHER, text if isinstance(text, str) else dumps(error))
    ]


def _credential(body: dict[str, Any]) -> list[Any]:
    value = _text(body, 'ROBOT_CREDENTIAL')
    if not 0 < len(value) <= 1024:
        raise ProtocolError('ROBOT_CREDENTIAL: expected 1 to 1024 characters')
    return [msg.LinkCredential(value)]


def _nothing(body: dict[str, Any]) -> list[Any]:
    return []


_READERS: dict[str, KeyReader] = {
    'ROBOT_CREDENTIAL': _credential,
    'REST_API_TOKEN': lambda body: [msg.ApiToken(_text(body, 'REST_API_TOKEN').strip())],
    'log_updated': lambda body: [msg.LogSession(_text(body, 'log_updated'))],
    'needed_robot_data': lambda body: (
        [msg.RobotInfoRequest()] if body['needed_robot_data'] else []
    ),
    'message': lambda body: [
        msg.ChatReply(take(_object(body, 'message'), 'bot_response', str, 'message'))
    ],
    'error': _error,
    'title': lambda body: [msg.ProjectState(title=_text(body, 'title'))],
    'disc': lambda body: [msg.ProjectState(description=_text(body, 'disc'))],
    'goal': lambda body: [msg.ProjectState(goal=_text(body, 'goal'))],
    'rules': lambda body: [msg.ProjectState(rules=_text(body, 'rules'))],
    'aiml': lambda body: [msg.TreePush({'MainTree': _text(body, 'aiml')})],
    'custom_aiml': lambda body: [msg.TreePush(take_map(body, 'custom_aiml', str, 'frame'))],
    **{
        kind: lambda body, kind=kind: _texts(body, kind)  # type: ignore[misc]
        for kind in ('maps', 'local_env', 'properties', 'Sets')
    },
    **{
        kind: lambda body, kind=kind: _files(body, kind)  # type: ignore[misc]
        for kind in ('custom_maps', 'custom_Sets', 'custom_sets')
    },
    **{
        kind: lambda body, kind=kind: [msg.ConfigChange({kind: body[kind]})]  # type: ignore[misc]
        for kind in ('rosbag_config', 'custom_tasks')
    },
    **{
        kind: lambda body, kind=kind: _refused(body, kind)  # type: ignore[misc]
        for kind in ('custom_node_files', 'custom_bt_node_inline_code', 'custom_bt_node_plugins')
    },
    # Bookkeeping of clients that mirror the platform's database; this one does not.
    **dict.fromkeys(
        ('task_updated', 'get_initial_local_env_data', 'sync_local_database'), _nothing
    ),
    'TELEOP': _teleop,
    'RUN_TASK': _run_task,
    'LIST_FILES': lambda body: [msg.ListFiles()],
    'DELETE_FILE': lambda body: [
        msg.DeleteFile(take(_object(body, 'DELETE_FILE'), 'path', str, 'DELETE_FILE'))
    ],
    'FILE_REQ': _file_request,
    'FILE_CHUNK': _file_chunk,
    'FILE_COMPLETE': _file_complete,
}


def _command_result(status: msg.CommandStatus) -> list[dict[str, Any]]:
    maker, _, request_id = status.command_id.partition('/')
    if maker != XparoDispatch.name or not status.state.terminal:
        return []
    success = status.state is msg.CommandState.SUCCEEDED
    told = status.result if success else status.error
    output = '' if told is None else str(told.get('message') or dumps(told))
    return [
        {
            'COMMAND_RESULT': {
                'request_id': request_id,
                'command': status.command,
                'success': success,
                'exit_code': 0 if success else None,
                'timed_out': status.state is msg.CommandState.TIMED_OUT,
                'output': output[-MAX_OUTPUT:] or status.state.value,
                'truncated': len(output) > MAX_OUTPUT,
            }
        }
    ]


def _delete_ack(result: msg.DeleteResult) -> list[dict[str, Any]]:
    said = {'message': result.error} if result.error else {'path': result.path}
    return [{'DELETE_ACK': {'success': not result.error, **said}}]


def _file_answer(request: msg.FileRequest) -> list[dict[str, Any]]:
    if request.upload:
        said: dict[str, Any] = {'direction': 'upload', 'ready': request.ready}
    else:
        said = {'size': request.size, 'direction': 'download'}
    return [{'FILE_REQ': {'filename': request.filename, **said}}]


def _chunk(chunk: msg.FileChunk) -> list[dict[str, Any]]:
    if len(chunk.data) > CHUNK_SIZE:
        raise ProtocolError(f'FILE_CHUNK: {len(chunk.data)} bytes; at most {CHUNK_SIZE} fit')
    return [{'FILE_CHUNK': {'data': base64.b64encode(chunk.data).decode()}}]


def _task_result(result: msg.TaskResult) -> list[dict[str, Any]]:
    data = {'task_id': result.task_id, 'success': result.success, 'duration_s': result.duration}
    if result.stage_mismatch:
        data['stage_mismatch'] = True
    return [{'TASK_RESULT': {**data, 'error': result.error}}]


_WRITERS: dict[type, Callable[[Any], list[dict[str, Any]]]] = {
    msg.CommandStatus: _command_result,
    msg.TaskResult: _task_result,
    msg.TeleopResult: lambda result: [{'TELEOP_ACK': {'success': result.success}}],
    msg.FileList: lambda files: [{'FILE_LIST': {'tree': files.tree, 'base_dir': files.base_dir}}],
    msg.DeleteResult: _delete_ack,
    msg.FileRequest: _file_answer,
    msg.FileChunk: _chunk,
    msg.FileComplete: lambda done: [
        {
            'FILE_COMPLETE': {
                'status': 'ok' if done.ok else 'error',
                'expected': done.expected,
                'received': done.received,
            }
        }
    ],
    msg.TransferError: lambda failed: [{'error': {'message': failed.error}}],
}
