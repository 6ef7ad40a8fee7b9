# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Writes what the robot reports to the platform's live service, where that needs no state: a writer
for each message of protocol `xparo_dispatch`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
import ipaddress
from typing import Any

from ... import messages as msg
from ...json_reader import JsonError, read_own
from ...json_writer import dumps
from .base import ProtocolError
from .dispatch_readers import CHUNK_SIZE

NAME = 'xparo_dispatch'
MAX_OUTPUT = 32 * 1024  # characters of a command's output
_GIB = 1024**3
_INFO_NAMES = {
    'os': 'os_name',
    'cpu': 'cpu_model',
    'memory': 'total_memory',
    'memory_available': 'available_memory',
    'disk': 'total_disk',
    'disk_used': 'used_disk',
    'disk_free': 'free_disk',
}
_SIZES = frozenset({'total_memory', 'available_memory', 'total_disk', 'used_disk', 'free_disk'})
# What the platform's own client sends too, and this one does not look for.
_INFO_DEFAULTS: dict[str, Any] = {
    'width': 0,
    'height': 0,
    'locations': {},
    'public_ip': None,
    'data': {'peripherals': {'usb': [], 'uart': [], 'i2c': []}, 'public_ip': None},
}
_OVERLAY = ipaddress.ip_network('100.64.0.0/10')


def robot_info(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of the robot under the service's names; sizes as text it can show."""
    values = {_INFO_NAMES.get(key, key): value for key, value in facts.items()}
    for key in _SIZES & values.keys():
        if isinstance(values[key], int):
            values[key] = f'{values[key] / _GIB:.2f} GB'
    return {
        **values,
        **{key: value for key, value in _INFO_DEFAULTS.items() if key not in values},
        'ip_source': _ip_source(values.get('ip_address')),
    }


def _ip_source(address: Any) -> str:
    """Say where an address comes from, in the service's words."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return 'localhost'
    if ip.is_loopback:
        return 'localhost'
    return 'tailscale' if ip.version == 4 and ip in _OVERLAY else 'lan'


def request_of(command_id: str) -> tuple[Any] | None:
    """Return the request_id that a command_id was made of; None if it is of no RUN_COMMAND."""
    name = NAME
    if command_id.startswith(f'{name}/'):
        return (command_id[len(name) + 1 :],)
    if not command_id.startswith(f'{name}#'):
        return None
    text = command_id[len(name) + 1 :]
    for nothing in ('null', '""'):  # What makes each of these another command follows.
        if text.startswith(f'{nothing}#'):
            text = nothing
    try:
        return (read_own(text),)
    except JsonError:
        return None


def _command_result(status: msg.CommandStatus) -> list[dict[str, Any]]:
    found = request_of(status.command_id)
    if found is None or not status.state.terminal:
        return []
    (request_id,) = found
    success = status.state is msg.CommandState.SUCCEEDED
    outcome = status.result if success else status.error
    output = '' if outcome is None else str(outcome.get('message') or dumps(outcome))
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


WRITERS: dict[type, Callable[[Any], list[dict[str, Any]]]] = {
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
