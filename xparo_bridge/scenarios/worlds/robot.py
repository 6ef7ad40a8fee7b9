# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The world `robot`: what runs in the ROS graph already, a real robot or a simulation of one's own.

A real robot moves, so an operator says yes, and no faster than a bound: that is the bound of
teleop, is given to Nav2 (`speed_limit`), and ends the run with a stop when it is passed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
import time
from typing import Any

from ..failures import CouldNotStart
from ..timeline import Timeline
from .base import World

_PATIENCE = 10.0  # s for the robot to be seen
_BRIDGE = 'xparo_bridge'


class Robot(World):
    """A robot that is there; options: `yes`, that it may move, and `max_speed`, m/s."""

    name = 'robot'
    can = frozenset({'kill_bridge'})
    starts_programs = False

    @classmethod
    def missing(cls, options: Mapping[str, Any]) -> list[str]:
        missing = []
        if not options.get('yes'):
            missing.append("an operator's yes (--yes): the robot will move")
        if not options.get('max_speed'):
            missing.append('a bound of the speed (--max-speed 0.3)')
        return missing

    async def start(self) -> None:
        self.max_speed = float(self.options['max_speed'])

    async def before_bridges(self) -> None:
        """See that no other bridge commands this robot."""
        await asyncio.sleep(1.0)  # for discovery
        names = await self.ros.node_names()
        if _BRIDGE in names:
            raise CouldNotStart(
                f'a node {_BRIDGE} runs already; stop the bridge of the robot for the scenario'
            )

    async def ready(self, timeline: Timeline) -> None:
        from nav2_msgs.msg import SpeedLimit

        end = time.monotonic() + _PATIENCE
        for robot in self.given.robots:
            while timeline.last('truth', robot) is None:
                if time.monotonic() > end:
                    missing = 'expected tf from map to base_link, and odom'
                    raise CouldNotStart(f'nothing says where {robot} is: {missing}')
                await asyncio.sleep(0.1)
        limit = SpeedLimit(percentage=False, speed_limit=self.max_speed)
        for setup in self.given.robots.values():
            prefix = f'/{setup.namespace}' if setup.namespace else ''
            await self.ros.publish_message(f'{prefix}/speed_limit', limit)
