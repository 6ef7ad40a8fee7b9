# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How long to wait before dialling again: exponential with full jitter, so no herd forms."""

from __future__ import annotations

from collections.abc import Callable
import random


class Backoff:
    """
    Waits, in seconds: uniform between 0 and a bound that doubles up to a maximum.

    A connection must have been up for `stable_after` to start again from the first bound; a server
    that accepts and closes at once is not dialled at the first bound for ever.
    """

    def __init__(
        self,
        *,
        initial: float,
        maximum: float,
        stable_after: float,
        refused: float,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._initial = initial
        self._maximum = maximum
        self._stable_after = stable_after
        self._refused = refused
        self._uniform = uniform
        self._bound = initial

    def after_connection(self, seconds_up: float) -> bool:
        """Take note of how long a connection was up; whether that was long."""
        stable = seconds_up >= self._stable_after
        if stable:
            self._bound = self._initial
        return stable

    def wait(self, refused: bool = False) -> float:
        """Return the next wait; refused credentials have one of their own, jittered by half."""
        if refused:
            return self._uniform(self._refused / 2, self._refused)
        bound = self._bound
        self._bound = min(self._maximum, bound * 2)
        return self._uniform(0.0, bound)
