# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What time is it for a tree, and what should happen later."""

from __future__ import annotations

from collections.abc import Callable
import heapq
import time
from typing import Protocol


class TimeSource(Protocol):
    """A clock that never goes back; simulated time and tests bring their own."""

    def now(self) -> float:
        """The time in seconds from an arbitrary start."""


class MonotonicClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        return time.monotonic()


class PausableClock:
    """Another clock's time without the times for which it was paused."""

    def __init__(self, clock: TimeSource) -> None:
        self._clock = clock
        self._missed = 0.0
        self._paused_at: float | None = None

    def now(self) -> float:
        now = self._clock.now() if self._paused_at is None else self._paused_at
        return now - self._missed

    def pause(self) -> None:
        """Let time stand still until `resume`."""
        if self._paused_at is None:
            self._paused_at = self._clock.now()

    def resume(self) -> None:
        """Let time pass again."""
        if self._paused_at is not None:
            self._missed += self._clock.now() - self._paused_at
            self._paused_at = None


class ManualClock:
    """A clock that only moves when set, for tests."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds


class Timer:
    """One call to be made at a time; `cancel` calls it off."""

    __slots__ = ('_callback', 'deadline')

    def __init__(self, deadline: float, callback: Callable[[], None]) -> None:
        self.deadline = deadline
        self._callback: Callable[[], None] | None = callback

    @property
    def is_pending(self) -> bool:
        return self._callback is not None

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Timers:
    """The timers of a tree. They fire on the thread that ticks it, when `run_due` is called."""

    def __init__(self, clock: TimeSource) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0

    def add(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, `seconds` from now."""
        timer = Timer(self._clock.now() + seconds, callback)
        self._count += 1
        heapq.heappush(self._heap, (timer.deadline, self._count, timer))
        return timer

    def next_deadline(self) -> float | None:
        """The time of the first pending timer, or None."""
        while self._heap and not self._heap[0][2].is_pending:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run_due(self) -> bool:
        """Fire the timers whose time has come; return whether there were any."""
        if not self._heap:
            return False
        now = self._clock.now()
        fired = False
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            heapq.heappop(self._heap)[2].fire()
            fired = True
        return fired
