# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a command come in time, not too often, and with parameters that are right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import math
import time
from typing import Any

import jsonschema

from ...messages import RemoteCommand
from .kind import Kind, Schema


class RateLimit:
    """So many a second, and a burst at once: a token bucket."""

    def __init__(self, rate: float | None, burst: int) -> None:
        """Take the rate in Hz, None for any."""
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._at = time.monotonic()

    def wait(self) -> float:
        """How long until one more may come, s; 0 if it may now."""
        if self._rate is None:
            return 0.0
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        return max(0.0, (1.0 - self._tokens) / self._rate)

    def take(self) -> None:
        """Count one that came."""
        self._tokens -= 1.0


class Checker:
    """Checks the parameters of one kind of command and fills in what they leave out."""

    def __init__(self, kind: Kind) -> None:
        self.schema: Schema = kind.parameters_schema()
        jsonschema.Draft202012Validator.check_schema(self.schema)
        self._validator = jsonschema.Draft202012Validator(self.schema)
        # Those of the configuration over those of the schema.
        self._defaults = {
            **{
                name: part['default']
                for name, part in self.schema.get('properties', {}).items()
                if 'default' in part
            },
            **kind.settings['defaults'],
        }

    def fill(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters with the defaults of those left out."""
        return {**self._defaults, **parameters}

    def problems(self, parameters: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with parameters, each with its place."""
        found = [
            (f'{".".join(map(str, error.path))}: ' if error.path else '') + error.message
            for error in self._validator.iter_errors(dict(parameters))
        ]
        # JSON has no NaN and no infinity, but Python's reader takes them, and NaN passes every
        # minimum and maximum.
        return found + [f'{place}: not a finite number' for place in _not_finite(parameters, '')]

    def problems_of(self, name: str, value: Any) -> list[str]:
        """Return what is wrong with one parameter by itself."""
        part = jsonschema.Draft202012Validator(self.schema['properties'][name])
        return [error.message for error in part.iter_errors(value)]


def _not_finite(value: Any, at: str) -> Iterator[str]:
    if isinstance(value, float) and not math.isfinite(value):
        yield at
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _not_finite(part, f'{at}.{key}' if at else str(key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _not_finite(part, f'{at}[{index}]')


def expired(
    command: RemoteCommand, max_age: float, clock_skew: float, clock_offset: float = 0.0
) -> str:
    """
    Say why a command comes too late; empty if it does not.

    Its times are the sender's clock, which is `clock_offset` ahead of ours and may be `clock_skew`
    off that, s.
    """
    now = time.time() + clock_offset
    known = (
        f" by the platform's clock, which is {clock_offset:+.0f} s off the robot's"
        if abs(clock_offset) > clock_skew
        else ''
    )
    if command.deadline is not None and now - command.deadline > clock_skew:
        return f'its deadline was {now - command.deadline:.1f} s ago{known}'
    if command.issued_at is not None and now - command.issued_at > max_age + clock_skew:
        return (
            f'it was issued {now - command.issued_at:.1f} s ago{known}; '
            f'at most {max_age:g} s are allowed'
        )
    return ''
