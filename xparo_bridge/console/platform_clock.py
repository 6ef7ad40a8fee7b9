# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What time it is at the platform, whose times all events bear.

The console may run on another machine, and either clock may be set at any moment: so an age is
never the difference of two machines' clocks, nor of one that was set in between.
"""

from __future__ import annotations

import math
import time

# An answer that took longer, s, says too little of the time; it may have waited behind pictures.
_LONGEST_TRIP = 0.5
# s by which a time may seem to lie ahead, by the trip of the answers.
_AHEAD = _LONGEST_TRIP


class PlatformClock:
    """The platform's clock, as its answers say it."""

    def __init__(self) -> None:
        self._ahead: float | None = None  # of this machine's monotonic clock, s

    def set(self, said: float, asked: float) -> None:
        """Take an answer's time, of a request that was sent at `asked` by the monotonic clock."""
        answered = time.monotonic()
        if self._ahead is None or answered - asked <= _LONGEST_TRIP:
            self._ahead = said - (asked + answered) / 2.0

    def begin_again(self) -> None:
        """Forget all, for another connection."""
        self._ahead = None

    @property
    def now(self) -> float:
        """Unix s by the platform's clock; by this machine's as long as that has not been heard."""
        return time.time() if self._ahead is None else time.monotonic() + self._ahead

    def age(self, moment: float) -> float:
        """
        How long ago a time of the platform was, s.

        One that lies ahead is of a clock that was set since, so that nothing is known of its age:
        that is older than everything.
        """
        age = self.now - moment
        return math.inf if age < -_AHEAD else max(age, 0.0)
