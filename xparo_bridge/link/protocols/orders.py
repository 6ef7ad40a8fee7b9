# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Reads a remote command however it is written: what can be read of it counts.

A member of another type than documented is understood where its meaning is plain (a number as an
id, milliseconds or an ISO text as a time); otherwise it has its default, and the command's
`problems` say so. Whoever runs the command decides what that means for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, UTC
import math
from typing import Any

from ...json_reader import json_type, Unreadable
from ...json_writer import dumps
from ...messages import MAX_NAME, RemoteCommand
from .base import parse_json, ProtocolError, readable

# Unix times in s, ms, us and ns: none of these ranges meets the next within 5000 years.
_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))


def read_order(data: Mapping[str, Any], where: str, faults: Sequence[str] = ()) -> RemoteCommand:
    """
    Command of the members command, parameters, command_id, issued_at and deadline.

    `faults` are what could not be read of the frame.

    :raises ProtocolError: if there is neither a command nor an id to answer to.
    """
    problems = list(faults[:10])

    def problem(key: str, text: str) -> None:
        problems.append(f'"{key}" {text}')

    command = _text(data, 'command', problem)
    command_id = _id(data, problem)
    if not command:
        if 'command' not in data:
            problem('command', 'is missing; expected a string')
        if not command_id:
            raise ProtocolError(f'{where}: {"; ".join(problems) or "command is empty"}')
    return RemoteCommand(
        command=command,
        parameters=_parameters(data, problem, bool(faults)),
        command_id=command_id,
        issued_at=_time(data, 'issued_at', problem),
        deadline=_time(data, 'deadline', problem),
        problems=tuple(problems),
        operator=operator_of(data),
    )


def operator_of(data: Mapping[str, Any]) -> str:
    """Return the person who gave an order; who it is decides nothing, so a faulty name is none."""
    name = data.get('operator')
    return name[:MAX_NAME] if isinstance(name, str) else ''


def arguments_of(value: Any, key: str, problems: list[str]) -> dict[str, Any]:
    """Return an object that may come as JSON text; what is wrong with another is a problem."""
    if isinstance(value, str):
        try:
            value = parse_json(value) if value.strip() else {}
        except ProtocolError as error:
            problems.append(f'"{key}" is a string that is {error}')
            return {}
    if value is None:
        return {}
    if not isinstance(value, dict):
        problems.append(f'"{key}" {_instead(value, "an object")}')
        return {}
    if not readable(value):
        problems.append(f'"{key}" cannot be read')
        return {}
    return value


def unix_time(value: Any) -> float | None:
    """
    Unix time in s of a number in s, ms, us or ns, or of an ISO 8601 text; None for neither.

    A text without a zone is taken as UTC.
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            pass
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    seconds = float(value)
    if not math.isfinite(seconds):
        return None
    return next((seconds / per for limit, per in _UNITS if abs(seconds) < limit), None)


def _text(data: Mapping[str, Any], key: str, problem: Any) -> str:
    value = data.get(key)
    if value is None:
        if key in data:
            problem(key, 'is null, expected a string')
        return ''
    if not isinstance(value, str):
        problem(key, _instead(value, 'a string'))
        return ''
    if len(value) > MAX_NAME:
        problem(key, f'has {len(value)} characters, expected at most {MAX_NAME}')
    return value[:MAX_NAME]


def _id(data: Mapping[str, Any], problem: Any) -> str:
    value = data.get('command_id')
    if value is None or isinstance(value, str):
        return _text(data, 'command_id', problem) if value else ''
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        problem('command_id', _instead(value, 'a string'))
        if not readable(value):
            return ''
    # Whoever sent it looks for it in the answer.
    return dumps(value)[:MAX_NAME]


def _parameters(data: Mapping[str, Any], problem: Any, faulty: bool) -> dict[str, Any]:
    value = data.get('parameters')
    if value is None:
        return {}
    if not isinstance(value, dict):
        problem('parameters', _instead(value, 'an object'))
        return {}
    if faulty and not readable(value):
        problem('parameters', 'cannot be read')
        return {}
    return value


def _time(data: Mapping[str, Any], key: str, problem: Any) -> float | None:
    value = data.get(key)
    if value is None:
        return None
    if type(value) is float and abs(value) < _UNITS[0][0]:
        return value
    time = unix_time(value)
    if time is None:
        expected = 'Unix seconds or an ISO 8601 text'
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            problem(key, f'is no time: {str(value)[:40]}; expected {expected}')
        else:
            problem(key, _instead(value, expected))
    return time


def _instead(value: Any, expected: str) -> str:
    if isinstance(value, Unreadable):
        return f'cannot be read: {value.problem}'
    return f'is {json_type(value)}, expected {expected}'
