# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Which commands of a stream come too late, where the clocks of sender and robot differ."""

from __future__ import annotations

from collections import deque

# How long the shortest delay is kept as the measure, s: clocks drift and are set.
_WINDOW = 60.0


class LatencyFilter:
    """
    Judges delays against the shortest one of the last minute.

    The difference of the clocks is in every delay alike, so it falls out; what is left is how much
    longer than the best this one took.
    """

    def __init__(self) -> None:
        # Arrivals with their delays, shortest first of those not yet too old.
        self._shortest: deque[tuple[float, float]] = deque()

    def excess(self, issued_at: float, received_at: float) -> float:
        """How much later than the best a command came, s; of two clocks that need not agree."""
        delay = received_at - issued_at
        while self._shortest and self._shortest[-1][1] >= delay:
            self._shortest.pop()
        self._shortest.append((received_at, delay))
        while self._shortest[0][0] < received_at - _WINDOW:
            self._shortest.popleft()
        return delay - self._shortest[0][1]
