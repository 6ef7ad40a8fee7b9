# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Bound how long the reading and building of a tree goes on.

Trees are read in a thread beside the one that controls the robot. Python's threads take turns of
5 ms, and each call of the other thread that lets go of the interpreter may cost it a turn; so a
reader gives way itself after `_TURN`, which keeps the other one's wait near that.
"""

from __future__ import annotations

from collections.abc import Callable
import time

from .errors import BehaviorError

# A reader gives way after so long, for so long, s.
_TURN = 0.001
_PAUSE = 0.001
# Elements or nodes between two looks at the clock.
_STEPS = 16


class WorkStopped(BehaviorError):
    """Reading or building was ended before it was done."""


class Work:
    """One reading and building of a tree; `step` is called for each element and node."""

    def __init__(
        self,
        seconds: float = float('inf'),
        *,
        gives_way: bool = False,
        is_active: Callable[[], bool] = lambda: True,
    ) -> None:
        """End it after `seconds`, or when it is no longer needed; `gives_way` to other threads."""
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._gives_way = gives_way
        self._is_active = is_active
        self._steps = 0
        self._turn_end = time.monotonic() + _TURN

    def step(self) -> None:
        """
        Go on, after a pause if it is time for one.

        :raises WorkStopped: if the time is over or nobody wants the result.
        """
        self._steps += 1
        if self._steps % _STEPS:
            return
        self.check()

    def check(self) -> None:
        """Do what `step` does now and then, after something that took long."""
        now = time.monotonic()
        if now > self._end:
            raise WorkStopped(f'the tree could not be read and built within {self._seconds:g} s')
        if not self._is_active():
            raise WorkStopped('the tree is no longer needed')
        if self._gives_way and now > self._turn_end:
            time.sleep(_PAUSE)
            self._turn_end = time.monotonic() + _TURN
