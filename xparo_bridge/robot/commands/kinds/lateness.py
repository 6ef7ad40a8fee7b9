# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Find commands of a stream that come too late, where the clocks of sender and robot differ."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
import math

# How long the shortest delay is kept as the measure, s: clocks drift.
_WINDOW = 60.0
# A clock was set when commands come with other delays, all alike to within _JITTER, s: at least
# so many of them, and for so long. What a network kept back comes at once, with delays that fall.
_JITTER = 0.1
_LEAST = 4
_AFTER_STEP = 0.3  # s, where times of issue went back, which nothing but a clock does
_AFTER_PAUSE = 2.0  # s, where the clock may have been set while nobody drove
# What is a pause, s: nothing came for so long, and there is so much between the times of issue.
_PAUSE, _STEP = 2.0, 0.5
# A command is not quicker than the quickest by more than this, s, but by a clock set ahead.
_QUICKER = 1.0


@dataclass
class _Clock:
    """Commands since a clock may have been set: by another delay than before, and steadily so."""

    since: float
    delay: float
    latest: float
    least_time: float
    count: int = 1

    def goes_on(self, received_at: float, delay: float) -> bool:
        """Take one more command; False if it does not fit."""
        if abs(delay - self.delay) > _JITTER or received_at - self.latest > _PAUSE:
            return False
        self.count += 1
        self.latest = received_at
        self.delay = min(self.delay, delay)
        return True

    @property
    def sure(self) -> bool:
        return self.count >= _LEAST and self.latest - self.since >= self.least_time


class LatencyFilter:
    """
    Judges delays against the shortest one of the last minute.

    The difference of the clocks is in every delay alike, so it falls out; what is left is how much
    longer than the best this one took. When the sender's clock is set, the delays change together;
    they are measured anew as soon as some commands have come as evenly as they were issued.
    """

    def __init__(self) -> None:
        # Arrivals with their delays, shortest first of those not yet too old.
        self._shortest: deque[tuple[float, float]] = deque()
        self._issued_at = self._received_at = -math.inf
        self._other: _Clock | None = None

    def excess(self, issued_at: float, received_at: float) -> float:
        """
        Return how much later than the best a command came, s; 0 for none to compare it with.

        :param issued_at: by the sender's clock, s.
        :param received_at: by the monotonic clock, s.
        """
        if not math.isfinite(issued_at):
            return 0.0
        delay = received_at - issued_at
        step, self._issued_at = issued_at - self._issued_at, issued_at
        while self._shortest and self._shortest[0][0] < received_at - _WINDOW:
            self._shortest.popleft()
        if self._shortest:
            self._follow(step, received_at, delay)
        self._received_at = received_at
        best = self._shortest[0][1] if self._shortest else delay
        if delay < best - _QUICKER:
            return 0.0  # Not believed until more of them come.
        while self._shortest and self._shortest[-1][1] >= delay:
            self._shortest.pop()
        self._shortest.append((received_at, delay))
        return delay - self._shortest[0][1]

    def _follow(self, step: float, received_at: float, delay: float) -> None:
        """Find out whether the sender's clock was set."""
        best = self._shortest[0][1]
        if best - _QUICKER <= delay <= best + _JITTER:
            self._other = None
            return
        if self._other is None or not self._other.goes_on(received_at, delay):
            set_surely = step < 0.0 or delay < best
            if set_surely:
                least_time = _AFTER_STEP
            elif step > _STEP and received_at - self._received_at > _PAUSE:
                least_time = _AFTER_PAUSE
            else:
                self._other = None
                return
            self._other = _Clock(received_at, delay, received_at, least_time)
        elif self._other.sure:
            self._shortest = deque([(received_at, self._other.delay)])
            self._other = None
