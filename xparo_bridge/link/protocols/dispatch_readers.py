# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Reads what the platform's live service sends: a reader for each key of protocol `xparo_dispatch`.

An order that cannot be read becomes a LinkProblem whose `message` is the answer to it. Numbers and
ids are taken in any JSON type, as the platform's own client does.
"""

from __future__ import annotations

from collections.abc import Iterator
import math
from typing import Any

from ... import messages as msg
from ...json_writer import dumps
from .base import KeyReader, ProtocolError, read_base64, read_field, read_list, read_map, readable

CHUNK_SIZE = 64 * 1024  # bytes before base64
AXES, BUTTONS = 4, 3  # Listeners index as many, so shorter lists are padded.
MOST_AXES, MOST_BUTTONS = 64, 128  # No joystick has more; a longer list is no joystick's.
SLICE = 100  # files or trees in one message, whatever their number in a frame
MOST_NAMES = 1000  # of files in one request
# Orders that are answered also when they cannot be read; their readers mind what is unreadable.
ANSWERED = ('RUN_COMMAND', 'RUN_TASK', 'TELEOP', 'FILE_REQ', 'FILE_CHUNK', 'DELETE_FILE')
SYNCED = ('custom_aiml', 'custom_maps')  # Kinds of files that both sides may change.


def _text(body: dict[str, Any], key: str) -> str:
    text: str = read_field(body, key, str, 'frame')
    return text


def _object(body: dict[str, Any], key: str) -> dict[str, Any]:
    value: dict[str, Any] = read_field(body, key, dict, 'frame')
    return value


def refused_order(problem: str, answer: msg.Message) -> list[msg.Message]:
    """Report an order that cannot be read, and answer it."""
    return [msg.LinkProblem(problem, answer)]


def _texts(body: dict[str, Any], kind: str) -> list[msg.Message]:
    return [msg.FilePush(kind, {kind: _text(body, kind)})]


def _files(body: dict[str, Any], kind: str) -> list[msg.Message]:
    return [msg.FilePush(kind, files) for files in _slices(read_map(body, kind, str, 'frame'))]


def _slices(items: dict[str, str]) -> Iterator[dict[str, str]]:
    """Cut many items into messages that are each quickly dealt with."""
    names = list(items)
    for at in range(0, max(len(names), 1), SLICE):
        yield {name: items[name] for name in names[at : at + SLICE]}


def _refused(body: dict[str, Any], kind: str) -> list[msg.Message]:
    names = tuple(body[kind]) if isinstance(body[kind], dict) else ()
    return [msg.RefusedPush(kind, names, 'code from the wire is never run on this robot')]


def number(value: Any, default: float) -> float:
    """Return the number that a value of any JSON type stands for, as the platform's clients do."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return found if math.isfinite(found) else default


def _teleop(body: dict[str, Any]) -> list[msg.Message]:
    try:
        data = _object(body, 'TELEOP')
        axes = _joystick(data, 'axes', MOST_AXES)
        buttons = _joystick(data, 'buttons', MOST_BUTTONS)
        values = tuple(number(axis, math.nan) for axis in axes)
        if any(map(math.isnan, values)):
            raise ProtocolError('TELEOP: "axes" has an item that is no number')
    except ProtocolError as error:
        return refused_order(str(error), msg.TeleopResult(False))
    return [
        msg.Teleop(
            values + (0.0,) * (AXES - len(axes)),
            tuple(int(bool(button)) for button in buttons) + (0,) * (BUTTONS - len(buttons)),
        )
    ]


def _joystick(data: dict[str, Any], key: str, most: int) -> list[Any]:
    items: list[Any] = read_field(data, key, list, 'TELEOP', [])
    if len(items) > most:
        raise ProtocolError(f'TELEOP: "{key}" has {len(items)} items, expected at most {most}')
    return items


def _run_task(body: dict[str, Any]) -> list[msg.Message]:
    where, task_id = 'RUN_TASK', None
    try:
        data = _object(body, where)
        task_id = data.get('task_id') if readable(data.get('task_id')) else None
        if len(dumps(task_id)) > msg.MAX_NAME + 2:  # It comes back in the answer.
            task_id = task_id[: msg.MAX_NAME] if isinstance(task_id, str) else None
            raise ProtocolError(f'{where}: "task_id" has more than {msg.MAX_NAME} characters')
        tree_xml = read_field(data, 'tree_xml', str, where)
        blackboard = read_field(data, 'blackboard', dict, where, {})
        if not readable(blackboard):
            raise ProtocolError(f'{where}: "blackboard" has a value that cannot be read')
    except ProtocolError as error:
        return refused_order(str(error), msg.TaskResult(task_id, False, 0.0, str(error)))
    stage = data.get('stage')
    return [
        msg.RunTask(
            task_id,
            tree_xml,
            blackboard=blackboard,
            save_history=bool(data.get('save_task_history')),
            # A task nobody labelled may run only where anything may.
            stage=stage if isinstance(stage, str) and stage else 'development',
        )
    ]


def _file_request(body: dict[str, Any]) -> list[msg.Message]:
    where = 'FILE_REQ'
    try:
        data = _object(body, where)
        filename = read_field(data, 'filename', str, where)
        direction = read_field(data, 'direction', str, where, 'upload')
        if direction not in ('upload', 'download'):
            raise ProtocolError(f'{where}: "direction" is upload or download, not another')
        size = None if direction == 'upload' else 0
        if data.get('size') is not None:
            size = int(number(data['size'], -1.0))
            if size < 0:
                raise ProtocolError(f'{where}: "size" is no number of bytes')
    except ProtocolError as error:
        return refused_order(str(error), msg.TransferError(str(error)))
    return [msg.FileRequest(filename, direction == 'upload', size)]


def _file_chunk(body: dict[str, Any]) -> list[msg.Message]:
    try:
        data = read_base64(_object(body, 'FILE_CHUNK'), 'data', 'FILE_CHUNK')
        if len(data) > CHUNK_SIZE:
            raise ProtocolError(f'FILE_CHUNK: {len(data)} bytes, expected at most {CHUNK_SIZE}')
    except ProtocolError as error:
        # The transfer it belongs to cannot become whole any more.
        return [msg.FileChunk(b'', str(error))]
    return [msg.FileChunk(data)]


def _file_complete(body: dict[str, Any]) -> list[msg.Message]:
    data = body['FILE_COMPLETE'] if isinstance(body['FILE_COMPLETE'], dict) else {}
    expected, received = (int(number(data.get(key), 0.0)) for key in ('expected', 'received'))
    return [msg.FileComplete(expected, received, data.get('status', 'ok') == 'ok')]


def _delete_file(body: dict[str, Any]) -> list[msg.Message]:
    try:
        path = read_field(_object(body, 'DELETE_FILE'), 'path', str, 'DELETE_FILE')
    except ProtocolError as error:
        return refused_order(str(error), msg.DeleteResult('', str(error)))
    return [msg.DeleteFile(path)]


def _local_files(body: dict[str, Any]) -> list[msg.Message]:
    key = 'REQUEST_LOCAL_FILE_CONTENT'
    asked = _object(body, key)
    names = {kind: read_list(asked, kind, str, key, []) for kind in SYNCED}
    if sum(map(len, names.values())) > MOST_NAMES:
        raise ProtocolError(f'{key}: over {MOST_NAMES} names')
    return [msg.AskLocalFiles(names)]


def _message(body: dict[str, Any]) -> list[msg.Message]:
    said = body['message']
    text = said if isinstance(said, str) else None
    if text is None:
        text = read_field(_object(body, 'message'), 'bot_response', str, 'message')
    return [msg.ChatReply(text)]


def _error(body: dict[str, Any]) -> list[msg.Message]:
    error = body['error']
    text = error.get('message') if isinstance(error, dict) else error
    return [
        msg.PeerError(msg.PeerErrorCode.OTHER, text if isinstance(text, str) else dumps(error))
    ]


def _credential(body: dict[str, Any]) -> list[msg.Message]:
    value = _text(body, 'ROBOT_CREDENTIAL')
    if not 0 < len(value) <= 1024:
        raise ProtocolError('ROBOT_CREDENTIAL: expected 1 to 1024 characters')
    return [msg.LinkCredential(value)]


def _nothing(body: dict[str, Any]) -> list[msg.Message]:
    return []


READERS: dict[str, KeyReader] = {
    'ROBOT_CREDENTIAL': _credential,
    'REST_API_TOKEN': lambda body: [msg.ApiToken(str(body['REST_API_TOKEN']).strip())],
    'needed_robot_data': lambda body: (
        [msg.RobotInfoRequest()] if body['needed_robot_data'] else []
    ),
    'message': _message,
    'error': _error,
    'title': lambda body: [msg.ProjectState(title=_text(body, 'title'))],
    'disc': lambda body: [msg.ProjectState(description=_text(body, 'disc'))],
    'goal': lambda body: [msg.ProjectState(goal=_text(body, 'goal'))],
    'rules': lambda body: [msg.ProjectState(rules=_text(body, 'rules'))],
    'aiml': lambda body: [msg.TreePush({'MainTree': _text(body, 'aiml')})],
    'custom_aiml': lambda body: [
        msg.TreePush(trees) for trees in _slices(read_map(body, 'custom_aiml', str, 'frame'))
    ],
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
    'task_updated': _nothing,
    'sync_local_database': lambda body: [msg.AskLocalFiles()],
    'REQUEST_LOCAL_FILE_CONTENT': _local_files,
    'get_initial_local_env_data': lambda body: [msg.AskLocalEnvironment()],
    'TELEOP': _teleop,
    'RUN_TASK': _run_task,
    'LIST_FILES': lambda body: [msg.ListFiles()],
    'DELETE_FILE': _delete_file,
    'FILE_REQ': _file_request,
    'FILE_CHUNK': _file_chunk,
    'FILE_COMPLETE': _file_complete,
}
