# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Which frames the platform's documented WebSocket API allows, read strictly.

This is the platform's own reading of the document, independent of the bridge's: what it does not
allow is refused with a reason. `command_status`, `behavior_status`, `robot_info`
and `telemetry_history` are the bridge's additions in the same form.
"""

from __future__ import annotations

from collections.abc import Callable
import json
import math
from typing import Any

from ..json_reader import JsonError, read_json

# Values of one frame; telemetry has laser scans in it.
_MAX_ITEMS = 1_000_000
_TOKEN = 'REST_API_TOKEN'
_CREDENTIAL = 'ROBOT_CREDENTIAL'

COMMAND_STATES = (
    'accepted',
    'running',
    'paused',
    'succeeded',
    'failed',
    'rejected',
    'canceled',
    'timed_out',
)
TERMINAL_STATES = frozenset(COMMAND_STATES[3:])


class FrameRefused(Exception):
    """A frame from a robot that the protocol does not allow: what is wrong with it."""


def parse(frame: str | bytes) -> tuple[str, dict[str, Any]]:
    """Type and data of a frame from a robot, or FrameRefused; a pong's data is empty."""
    if isinstance(frame, bytes):
        raise FrameRefused('a binary frame; the protocol has text frames only')
    try:
        message = read_json(frame, max_items=_MAX_ITEMS)
    except JsonError as error:
        raise FrameRefused(str(error)) from None
    if not isinstance(message, dict):
        raise FrameRefused('not a JSON object')
    kind = message.get('type')
    check = _CHECKS.get(kind) if isinstance(kind, str) else None
    if check is None:
        raise FrameRefused(f'type is {kind!r}; a robot may send {", ".join(_CHECKS)}')
    assert isinstance(kind, str)
    extra = message.keys() - {'type', 'data'}
    if extra:
        raise FrameRefused(f'{kind}: keys {sorted(extra)} beside type and data')
    if kind == 'pong':
        if 'data' in message:
            raise FrameRefused('pong has no data')
        return kind, {}
    data = message.get('data')
    if not isinstance(data, dict):
        raise FrameRefused(f'{kind}: data is not an object')
    check(kind, data)
    return kind, data


def parse_keys(frame: str | bytes) -> dict[str, Any]:
    """Object of a frame whose keys are commands, or FrameRefused."""
    try:
        body = read_json(frame, max_items=_MAX_ITEMS)
    except JsonError as error:
        raise FrameRefused(str(error)) from None
    if not isinstance(body, dict):
        raise FrameRefused('not a JSON object')
    return body


def make(kind: str, data: dict[str, Any] | None = None) -> str:
    """Text of a frame to a robot."""
    message: dict[str, Any] = {'type': kind}
    if data is not None:
        message['data'] = data
    return json.dumps(message)


def without_token(frame: str) -> str:
    """Return the text of a frame to a robot as others may see it: without the secret it brings."""
    brings = [key for key in (_TOKEN, _CREDENTIAL) if key in frame]
    if not brings:
        return frame
    try:
        message = read_json(frame)
    except JsonError:
        return f'a frame with {brings[0]}, which is no JSON'
    secrets = {key: '***' for key in brings if isinstance(message, dict) and key in message}
    if secrets:
        return json.dumps({**message, **secrets})
    if isinstance(message, dict) and message.get('type') == _TOKEN:
        return json.dumps({**message, 'data': {'token': '***'}})
    return frame


def _chat(kind: str, data: dict[str, Any]) -> None:
    # The document's example client leaves robot_id out.
    _fields(kind, data, {'message': str}, {'robot_id': str, 'resent': bool})


def _telemetry(kind: str, data: dict[str, Any]) -> None:
    if not data:
        raise FrameRefused('telemetry: no values')
    for key in ('cpu_usage', 'memory_usage', 'disk_usage'):
        value = data.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise FrameRefused(f'telemetry: {key} is no number')
        if not 0 <= value <= 100:
            raise FrameRefused(f'telemetry: {key} is {value}, not a percentage')


def _command_status(kind: str, data: dict[str, Any]) -> None:
    _fields(
        kind,
        data,
        {'command_id': str, 'command': str, 'state': str},
        {
            'source': str,
            'time': float,
            'progress': dict,
            'result': dict,
            'error': dict,
            **_DELIVERY,
        },
    )
    if data['state'] not in COMMAND_STATES:
        raise FrameRefused(
            f'command_status: state "{data["state"]}" is none of {", ".join(COMMAND_STATES)}'
        )
    _texts('command_status: error', data.get('error', {}), ('code', 'message'))


def _behavior_status(kind: str, data: dict[str, Any]) -> None:
    _fields(
        kind,
        data,
        {'tree_name': str, 'state': str},
        {
            'run_id': str,
            'structure': list,
            'nodes': list,
            'errors': list,
            'blackboard': dict,
            **_DELIVERY,
        },
    )
    for key in ('structure', 'nodes', 'errors'):
        for item in data.get(key, ()):
            if not isinstance(item, dict):
                raise FrameRefused(f'{kind}: {key} has an item that is no object')
            _texts(f'{kind}: {key}', item, _TEXTS)
            if key != 'errors' and type(item.get('uid')) is not int:
                raise FrameRefused(f'{kind}: {key} has a node without a uid')


def _telemetry_history(kind: str, data: dict[str, Any]) -> None:
    _fields(kind, data, {'samples': list}, {})
    for sample in data['samples']:
        if not isinstance(sample, dict) or not finite(sample.get('time')):
            raise FrameRefused(f'{kind}: a sample has no time')
        _telemetry(kind, sample.get('values', {}))


def _robot_info(kind: str, data: dict[str, Any]) -> None:
    if not isinstance(data.get('robot_id'), str) or not data['robot_id']:
        raise FrameRefused('robot_info: robot_id is missing')


_CHECKS: dict[str, Callable[[str, dict[str, Any]], None]] = {
    'chat': _chat,
    'telemetry': _telemetry,
    'pong': lambda kind, data: None,
    'command_status': _command_status,
    'behavior_status': _behavior_status,
    'robot_info': _robot_info,
    'telemetry_history': _telemetry_history,
}

# What is shown of a tree's nodes and of what is wrong with it.
_TEXTS = ('name', 'kind', 'status', 'result', 'message', 'path', 'hint')
_DELIVERY: dict[str, type] = {'message_id': str, 'resent': bool}
_TYPE_NAMES: dict[type, str] = {
    str: 'string',
    dict: 'object',
    list: 'list',
    bool: 'boolean',
    float: 'number',
}


def _fields(
    kind: str, data: dict[str, Any], required: dict[str, type], optional: dict[str, type]
) -> None:
    missing = required.keys() - data.keys()
    if missing:
        raise FrameRefused(f'{kind}: {sorted(missing)} missing')
    for key, value in data.items():
        expected = required.get(key) or optional.get(key)
        if expected is None:
            raise FrameRefused(f'{kind}: key "{key}" is not in the protocol')
        if not (finite(value) if expected is float else isinstance(value, expected)):
            raise FrameRefused(f'{kind}: {key} is no {_TYPE_NAMES[expected]}')


def _texts(where: str, item: dict[str, Any], keys: tuple[str, ...]) -> None:
    """Refuse an object in which one of the keys, if it is there, is no text."""
    for key in keys:
        if not isinstance(item.get(key, ''), str):
            raise FrameRefused(f'{where}: {key} is no string')


def finite(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
