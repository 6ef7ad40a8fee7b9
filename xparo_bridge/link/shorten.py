# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Shorten a message that is too big for its peer: its end arrives, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..json_writer import dumps
from ..messages import BehaviorStatus, CommandStatus, TaskResult

_TEXT = 500  # Characters that are left of a text.
_ERRORS = 3


def shortened(message: Any) -> Any:
    """Return a short version that names what was left out, None where none makes sense."""
    if isinstance(message, CommandStatus):
        return _command(message)
    if isinstance(message, BehaviorStatus):
        omitted = _sizes(message, 'structure', 'nodes', 'errors', 'blackboard')
        return replace(
            message,
            structure=(),
            nodes=(),
            blackboard={},
            errors=[_clipped(error) for error in list(message.errors)[:_ERRORS]],
            omitted=omitted,
        )
    if isinstance(message, TaskResult):
        return replace(message, error=message.error[:_TEXT])
    return None


def _command(status: CommandStatus) -> CommandStatus:
    omitted = _sizes(status, 'progress', 'result', 'error')
    error = None if status.error is None else _clipped(status.error)
    result = None
    if status.result is not None:
        result = {'message': f'left out, too big for the platform: {", ".join(omitted)}'}
    return replace(status, progress=None, result=result, error=error, omitted=omitted)


def _sizes(message: Any, *names: str) -> list[str]:
    return [
        f'{name} ({len(dumps(value))} bytes)'
        for name in names
        if (value := getattr(message, name))
    ]


def _clipped(error: Mapping[str, Any]) -> dict[str, Any]:
    """Code and words of an error."""
    return {
        key: value if isinstance(value, int) else str(value)[:_TEXT]
        for key, value in error.items()
        if key in ('code', 'message', 'line', 'path', 'hint')
    }
