# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How much may a platform ask of a robot: a size and a rate for every kind of inbound message.

Beyond its rate a kind is refused; all frames together are slowed down by no longer reading the
socket, so that a flood costs its sender and not the robot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import time
from typing import Any


@dataclass(frozen=True)
class Limit:
    """Largest frame, bytes; messages a second in the long run; how many may come at once."""

    size: int
    rate: float
    burst: float


class Bucket:
    """A token bucket."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._tokens = limit.burst
        self._at = time.monotonic()

    def take(self) -> bool:
        """Take a token, if there is one."""
        self._fill()
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def owe(self) -> float:
        """Take a token, there or not; how long until the debt is paid, s."""
        self._fill()
        self._tokens -= 1.0
        return max(0.0, -self._tokens / self._limit.rate)

    def _fill(self) -> None:
        now = time.monotonic()
        self._tokens = min(self._limit.burst, self._tokens + (now - self._at) * self._limit.rate)
        self._at = now


class InboundLimits:
    """The limits of one link, and what they refused, by kind."""

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        """Take the limits of kinds by name, of `other` ones and of all `frames` together."""
        self._limits = {_class_name(kind): limit for kind, limit in limits.items()}
        self._buckets: dict[str, Bucket] = {}
        self._frames = Bucket(limits['frames'])
        self.refused: dict[str, int] = {}

    def pause(self) -> float:
        """How long not to read the next frame, s."""
        return self._frames.owe()

    def problem(self, message: Any, size: int) -> str:
        """Why a message of a frame of `size` bytes is refused, empty if it is not."""
        kind = type(message).__name__
        limit = self._limits.get(kind) or self._limits['Other']
        problem = ''
        if size > limit.size:
            problem = f'{kind} of {size} bytes; up to {limit.size} are taken'
        elif not self._buckets.setdefault(kind, Bucket(limit)).take():
            problem = f'more than {limit.rate:g} {kind} a second'
        if problem:
            self.refused[kind] = self.refused.get(kind, 0) + 1
        return problem


def _class_name(kind: str) -> str:
    """Name of the class of a message, such as RemoteCommand for remote_command."""
    return kind.title().replace('_', '')
