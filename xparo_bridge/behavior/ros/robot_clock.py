# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What time is it for the trees of a robot: simulated where it is, the machine's elsewhere."""

from __future__ import annotations

import time

from rclpy.node import Node


class RobotClock:
    """Seconds that never go back, also where a simulation begins anew."""

    def __init__(self, node: Node) -> None:
        self._clock = node.get_clock()
        self._last = 0.0
        self._offset = 0.0
        self.simulated = bool(node.get_parameter('use_sim_time').value)

    def now(self) -> float:
        if not self.simulated:
            return time.monotonic()
        now = float(self._clock.now().nanoseconds / 1e9 + self._offset)
        if now < self._last:
            self._offset += self._last - now
            now = self._last
        self._last = now
        return now
