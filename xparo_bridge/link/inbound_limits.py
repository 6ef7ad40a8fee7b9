# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How much may a platform ask of a robot: a size and a rate for every kind of inbound message.

Beyond its rate a kind is refused; all frames together are slowed down by no longer reading the
socket, so that a flood costs its sender and not the robot.
"""

from __future__ import annotations

from dataclasses import dataclass
import time
from typing import Any

from .. import messages

KIB = 1024


@dataclass(frozen=True)
class Limit:
    """Largest frame, bytes; messages a second in the long run; how many may come at once."""

    size: int
    rate: float
    burst: float


LIMITS: dict[str, Limit] = {
    # Above what the router takes: it knows which commands must pass, such as stop, which stream,
    # and which were sent before, and says when to try again.
    'RemoteCommand': Limit(64 * KIB, 450.0, 900.0),
    'BehaviorUpdate': Limit(2048 * KIB, 1.0, 10.0),
    'RunTask': Limit(2048 * KIB, 1.0, 10.0),
    'TreePush': Limit(4096 * KIB, 1.0, 10.0),
    'FilePush': Limit(4096 * KIB, 1.0, 10.0),
    'ChatReply': Limit(256 * KIB, 20.0, 100.0),
    'LogSession': Limit(4 * KIB, 1.0, 10.0),
    'ApiToken': Limit(16 * KIB, 1.0, 10.0),
    'LinkCredential': Limit(16 * KIB, 1.0, 10.0),
    'Ping': Limit(4 * KIB, 10.0, 50.0),
}
# For kinds without a line of their own: streams of sound, pieces of files, joysticks.
OTHER = Limit(4096 * KIB, 200.0, 400.0)
FRAMES = Limit(0, 500.0, 1000.0)


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

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}
        self._frames = Bucket(FRAMES)
        self.refused: dict[str, int] = {}

    def pause(self) -> float:
        """How long not to read the next frame, s."""
        return self._frames.owe()

    def problem(self, message: Any, size: int) -> str:
        """Why a message of a frame of `size` bytes is refused, empty if it is not."""
        kind = type(message).__name__
        limit = LIMITS.get(kind, OTHER)
        problem = ''
        if size > limit.size:
            problem = f'{kind} of {size} bytes; up to {limit.size} are taken'
        elif not self._buckets.setdefault(kind, Bucket(limit)).take():
            problem = f'more than {limit.rate:g} {kind} a second'
        if problem:
            self.refused[kind] = self.refused.get(kind, 0) + 1
        return problem


assert set(LIMITS) <= set(vars(messages)), 'a limit for a kind that does not exist'
