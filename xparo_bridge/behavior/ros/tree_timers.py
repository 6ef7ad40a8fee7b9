# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Decide when the tree that runs is ticked, and when what it waits for is looked after.

| timer    | runs while                      | period                                           |
|----------|---------------------------------|--------------------------------------------------|
| tick     | a tree runs                     | that of the configured rate                      |
| deadline | a node waits for less than that | once, then; also by the robot's time             |
| poll     | a run begins, pauses or stops   | 0.1 s: goals are cancelled and servers looked for |
"""

from __future__ import annotations

from collections.abc import Callable

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from ...ros.entities import timer

# What is under way is looked after this often at least, s.
_POLL_PERIOD = 0.1


class TickTimers:
    """The timers of one runner; on the ROS thread."""

    def __init__(
        self,
        node: Node,
        rate: float,
        *,
        tick: Callable[[], None],
        poll: Callable[[], None],
        deadline: Callable[[], None],
        simulated: bool,
    ) -> None:
        """Make them, without starting any; `rate` is in Hz, `simulated` whether time is."""
        # Steady: a simulation that stands still must not keep goals from being cancelled.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._on_deadline = deadline
        self._tick = timer(node, 1.0 / rate, tick, clock=steady)
        self._poll = timer(node, _POLL_PERIOD, poll, clock=steady)
        clock = node.get_clock() if simulated else steady
        self._deadline = timer(node, 1.0, self._reach_deadline, clock=clock)
        for made in (self._tick, self._poll, self._deadline):
            made.cancel()

    def tick(self) -> None:
        """Begin to tick, a period from now."""
        self._tick.reset()

    def tick_in(self, deadline: float | None, now: Callable[[], float]) -> None:
        """Tick at a time of the tree's clock, s, if that is before the next tick."""
        self._deadline.cancel()
        if deadline is not None:
            wait = max(deadline - now(), 0.0)
            if wait * 1e9 < self._tick.timer_period_ns:
                self._deadline.timer_period_ns = int(wait * 1e9)
                self._deadline.reset()

    def stop_ticking(self) -> None:
        """Tick no more until `tick`."""
        self._tick.cancel()
        self._deadline.cancel()

    def poll(self) -> None:
        """Look after what is under way, from now on."""
        self._poll.reset()

    def stop_polling(self) -> None:
        """Leave that to the ticks, or to nobody where nothing is under way."""
        self._poll.cancel()

    def _reach_deadline(self) -> None:
        self._deadline.cancel()
        self._on_deadline()
