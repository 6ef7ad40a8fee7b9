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

    def acquire(self, tokens: float = 1.0) -> bool:
        """Take so many tokens, if there are."""
        if self.wait(tokens) > 0.0:
            return False
        self.count(tokens)
        return True

    def wait(self, tokens: float = 1.0) -> float:
        """Return how long until there are so many tokens, s; 0 if there are now."""
        if self.rate is None:
            return 0.0
        now = self._clock()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens >= tokens:
            return 0.0
        return (tokens - self._tokens) / self.rate if self.rate > 0.0 else math.inf

    def count(self, tokens: float = 1.0) -> None:
        """Take so many tokens, there or not."""
        if self.rate is not None:
            self._tokens -= tokens
