# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The worlds `loopback` and `gazebo`: Nav2 with a simulator of its own, by Nav2's launch files.

Which files and arguments there are differs between releases of Nav2. A test holds what is passed
here to what each release has (test/scenarios/nav2_launch_files.json).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
import re
import shutil
from typing import Any, ClassVar

from ament_index_python.packages import get_package_share_directory, PackageNotFoundError

from ...local.children import Child
from ...local.sim.drive import Pose
from ..failures import CouldNotStart, Failed
from ..timeline import Timeline
from .base import World

BRINGUP = 'nav2_bringup'
# Where Nav2's TurtleBot begins in its sandbox, if the scenario does not say.
BEGIN = Pose(-2.0, -0.5, 0.0)
_ACTIVE = '/lifecycle_manager_navigation/is_active'
_PATIENCE = 50.0  # s of real time for all of Nav2 to be active
_AGAIN = 1.0  # s between two looks at it
_DIED = re.compile(r'\[([^\]]+)\]: process has died \[pid \d+, exit code (-?\d+),')


def share(package: str) -> Path | None:
    """Return the folder of a package, None if it is not installed."""
    try:
        return Path(get_package_share_directory(package))
    except (PackageNotFoundError, ValueError):
        return None


class _Nav2(World):
    can = frozenset({'kill_bridge', 'kill_program'})
    simulated_time = True
    packages: ClassVar[Sequence[str]] = ()
    # By the name that a release gives it, the newest first.
    launch_files: ClassVar[Sequence[str]] = ()

    @classmethod
    def missing(cls, options: Mapping[str, Any]) -> list[str]:
        missing = [name for name in (BRINGUP, *cls.packages) if share(name) is None]
        if shutil.which('ros2') is None:
            missing.append('ros2 launch')
        if not missing and cls.launch_file() is None:
            missing.append(f'{" or ".join(cls.launch_files)} of {BRINGUP}')
        return missing

    @classmethod
    def launch_file(cls) -> Path | None:
        """Return the launch file that this release of Nav2 has."""
        bringup = share(BRINGUP)
        if bringup is None:
            return None
        files = (bringup / 'launch' / name for name in cls.launch_files)
        return next((file for file in files if file.exists()), None)

    def arguments(self) -> dict[str, str]:
        """Return the arguments of the launch file."""
        arguments = {'use_rviz': 'False'}
        if self.given.map is not None:
            arguments['map'] = str(self.given.map.resolve())
        return arguments

    async def start(self) -> None:
        if len(self.given.robots) > 1:
            raise CouldNotStart(f'the world {self.name} has one robot')
        file = self.launch_file()
        assert file is not None
        words = [f'{name}:={value}' for name, value in self.arguments().items()]
        self.children.append(
            await Child.start(
                'nav2',
                ['ros2', 'launch', BRINGUP, file.name, *words],
                log=self.folder / 'nav2.log',
            )
        )

    async def ready(self, timeline: Timeline) -> None:
        """
        Wait until Nav2 is active, and say where the robot is until then.

        Both go on at once: Nav2's lifecycle manager answers when everything is active, which the
        costmaps are when they know where the robot is.
        """
        publishing = asyncio.ensure_future(self._publish_pose_repeatedly())
        try:
            async with asyncio.timeout(_PATIENCE):
                while not await self._is_active():
                    await asyncio.sleep(_AGAIN)
        except TimeoutError:
            raise CouldNotStart(f'Nav2 is not active after {_PATIENCE:g} s') from None
        finally:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)

    async def _is_active(self) -> bool:
        from std_srvs.srv import Trigger

        try:
            response = await self.ros.call(_ACTIVE, Trigger, Trigger.Request())
        except Failed:  # It is not there yet, or has more to do than to answer.
            return False
        return bool(response.success)

    async def _publish_pose_repeatedly(self) -> None:
        while True:
            await self._publish_pose()
            await asyncio.sleep(_AGAIN)

    def died(self) -> str:
        """Say which process of Nav2 has died, by the words of `ros2 launch`, and its last line."""
        lines = list(self.children[0].lines) if self.children else []
        for at, line in enumerate(lines):
            if found := _DIED.search(line):
                process, code = found.groups()
                own = [said for said in lines[:at] if said.startswith(f'[{process}] ')]
                last = own[-1].removeprefix(f'[{process}] ') if own else ''
                return f'{process} of Nav2 ended with exit code {code}: {last}'
        return ''

    async def _publish_pose(self) -> None:
        from geometry_msgs.msg import PoseWithCovarianceStamped

        from ...local.sim.conversions import pose_message

        robot = next(iter(self.given.robots.values()))
        message = PoseWithCovarianceStamped()
        message.header.frame_id = 'map'
        message.pose.pose = pose_message(robot.pose or BEGIN)
        message.pose.covariance[0] = message.pose.covariance[7] = 0.25
        message.pose.covariance[35] = 0.07
        await self.ros.publish_message('/initialpose', message)


class Loopback(_Nav2):
    """Nav2 with its loopback simulator: no physics, so it is light."""

    name = 'loopback'
    packages = ('nav2_loopback_sim',)
    launch_files = ('tb3_loopback_simulation_launch.py', 'tb3_loopback_simulation.launch.py')


class Gazebo(_Nav2):
    """Nav2 and Gazebo, without its window."""

    name = 'gazebo'
    packages = ('nav2_minimal_tb3_sim', 'ros_gz_sim', 'ros_gz_bridge')
    launch_files = ('tb3_simulation_launch.py',)

    def arguments(self) -> dict[str, str]:
        begin = next(iter(self.given.robots.values())).pose or BEGIN
        return {
            **super().arguments(),
            'headless': 'True',
            'x_pose': f'{begin.x:.3f}',
            'y_pose': f'{begin.y:.3f}',
            'yaw': f'{begin.yaw:.4f}',
        }
