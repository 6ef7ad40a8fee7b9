# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""So much a second in the long run, and a burst at once."""

from __future__ import annotations

from collections.abc import Callable
import math
import time


class TokenBucket:
    """A token bucket; it begins full."""

    __slots__ = ('_at', '_clock', '_tokens', 'burst', 'rate')

    def __init__(
        self, rate: float | None, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the rate in Hz, None for any, and how many may come at once; `clock` gives s."""
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._at = clock()

    def take(self) -> bool:
        """Take a token, if there is one."""
        if self.wait() > 0.0:
            return False
        self.count()
        return True

    def wait(self) -> float:
        """Return how long until there is a token, s; 0 if there is one now."""
        if self.rate is None:
            return 0.0
        now = self._clock()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens >= 1.0:
            return 0.0
        return (1.0 - self._tokens) / self.rate if self.rate > 0.0 else math.inf

    def count(self) -> None:
        """Take a token, there or not."""
        if self.rate is not None:
            self._tokens -= 1.0
