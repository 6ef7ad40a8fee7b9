# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Starts runs that have their turn, one after the other, for a bounded time at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
import time
from typing import Any

from .run import Run

# How long runs are started at a time, s: a queue may hold a thousand.
_BUDGET = 0.02


class Turns:
    """
    Runs that have their turn and were not started yet.

    One that ends at once gives its turn to the next, a thousand times over; so they are started in
    a loop, not by one another.
    """

    def __init__(self, begin: Callable[[Run[Any]], object]) -> None:
        """Take what starts a run."""
        self._begin = begin
        self._waiting: deque[Run[Any]] = deque()
        self._busy = False

    def add(self, run: Run[Any]) -> None:
        """Start a run, after those that had their turn before it."""
        self._waiting.append(run)
        self.go_on()

    def go_on(self) -> None:
        """Start what is due, for as long as there is time."""
        if self._busy:
            return
        self._busy = True
        give_way = time.monotonic() + _BUDGET
        try:
            while self._waiting and time.monotonic() < give_way:
                run = self._waiting.popleft()
                if run.open:
                    self._begin(run)
        finally:
            self._busy = False
