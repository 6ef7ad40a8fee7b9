# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Hold what all nodes of one tree share besides the blackboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import time
from typing import Any

from .script import ScriptCompiler
from .timing import MonotonicClock, PausableClock, Timers, TimeSource


class TreeContext:
    """
    The clock, the timers and the wake-up of a tree, and what its robot lends to its leaves.

    `services` holds objects by name that leaves ask for, such as a ROS node or the provider of
    the robot's pose.
    """

    def __init__(
        self,
        clock: TimeSource | None = None,
        services: Mapping[str, Any] | None = None,
        enums: Mapping[str, int] | None = None,
    ) -> None:
        self.clock = PausableClock(clock or MonotonicClock())
        self.timers = Timers(self.clock)
        self.services = dict(services or {})
        self.enums = dict(enums or {})
        self.scripts = ScriptCompiler(self.enums)
        self.on_wake_up: Callable[[], None] | None = None
        self._woken = False
        # When the tick under way should be over, by the machine's monotonic clock, s.
        self.tick_end = float('inf')

    @property
    def is_overdue(self) -> bool:
        """
        Whether the tick under way has taken its time.

        A node that loops within one tick then wakes the tree up, returns RUNNING, and goes on
        with the next tick.
        """
        return time.monotonic() > self.tick_end

    def wake_up(self) -> None:
        """Ask for another tick soon. Any thread may call this."""
        self._woken = True
        if self.on_wake_up is not None:
            self.on_wake_up()

    @property
    def woken(self) -> bool:
        """Whether a tick was asked for and did not come yet."""
        return self._woken

    def pop_wake_up(self) -> bool:
        """Return whether a tick was asked for since the last call."""
        woken, self._woken = self._woken, False
        return woken
