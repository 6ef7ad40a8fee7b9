# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The world `simulated`: the project's own simulated robots; needs no ROS installation."""

from __future__ import annotations

from collections.abc import Mapping
import sys
from typing import Any

from ...local.children import Child
from ...local.sim.drive import Pose
from ...local.sim.world import Floor, restaurant
from ..given import Given
from ..timeline import Timeline
from .base import FAULTS, World


class Simulated(World):
    """Robots on a map, by a seed, up to ten times as fast as real ones."""

    name = 'simulated'
    can = frozenset(FAULTS)
    truth_topic = '/simulation/truth'
    simulated_time = True
    program: tuple[str, ...] = (sys.executable, '-m', 'xparo_bridge', 'simulated_robot')

    @classmethod
    def missing(cls, options: Mapping[str, Any]) -> list[str]:
        return []

    @classmethod
    def floor(cls, given: Given) -> Floor | None:
        return super().floor(given) or restaurant()

    async def start(self) -> None:
        parameters: dict[str, Any] = {
            'clock': 'true',
            'real_time_factor': float(self.factor),
            'seed': self.seed,
            **self.given.parameters,
        }
        if self.given.map is not None:
            parameters['map'] = self.given.map
        robots = list(self.given.robots.values())
        if robots[0].namespace:
            begin = [robot.pose or Pose(0.8 + at, 4.0, 0.0) for at, robot in enumerate(robots)]
            places = ' '.join(
                f'{robot.name}:{pose.x:f},{pose.y:f},{pose.yaw:f}'
                for robot, pose in zip(robots, begin, strict=True)
            )
            # Quoted, as it is read as YAML.
            parameters['robots'] = f'"{places}"'
        elif robots[0].pose is not None:
            pose = robots[0].pose
            parameters |= {'x': float(pose.x), 'y': float(pose.y), 'yaw': float(pose.yaw)}
        arguments = [
            word for name, value in parameters.items() for word in ('-p', f'{name}:={value}')
        ]
        self._robots = await Child.start(
            'simulated_robot',
            [*self.program, '--ros-args', *arguments],
            log=self.folder / 'simulated_robot.log',
        )
        self.children.append(self._robots)
        self._obstacles: dict[str, str] = {}
        self._dead: dict[str, set[str]] = {}

    async def ready(self, timeline: Timeline) -> None:
        await self._robots.wait_for_line('ready')
        for robot in self.given.robots.values():
            if robot.battery is not None:
                await self.set_robot(robot.name, 'battery_level', robot.battery / 100.0)

    async def block(self, name: str, pose: Pose, radius: float) -> None:
        self._obstacles[name] = f'{name}:{pose.x:.3f},{pose.y:.3f},{radius:.3f}'
        await self._set('obstacles', ' '.join(self._obstacles.values()))

    async def unblock(self, name: str) -> None:
        self._obstacles.pop(name, None)
        await self._set('obstacles', ' '.join(self._obstacles.values()))

    async def set_robot(self, robot: str, parameter: str, value: Any) -> None:
        namespace = self.given.robots[robot].namespace
        node = f'/{namespace}/simulated_robot' if namespace else '/simulated_robot'
        await self.ros.set_parameter(node, parameter, value)

    async def jump_clock(self, seconds: float) -> None:
        await self._set('clock_jump', float(seconds))

    async def _set(self, parameter: str, value: Any) -> None:
        await self.ros.set_parameter('/simulation', parameter, value)
