# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The worlds `loopback` and `gazebo`: Nav2 with a simulator of its own, by Nav2's launch files.

Which files and arguments there are differs between releases of Nav2. A test holds what is passed
here to what each release has (test/scenarios/nav2_launch_files.json).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
import shutil
import time
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


def share(package: str) -> Path | None:
    """Return the folder of a package, None if it is not installed."""
    try:
        return Path(get_package_share_directory(package))
    except (PackageNotFoundError, ValueError):
        return None


class _Nav2(World):
    can = frozenset({'kill_bridge'})
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
        """Tell the localization where the robot is until Nav2 is active."""
        from std_srvs.srv import Trigger

        end = time.monotonic() + _PATIENCE
        while True:
            await self._tell_pose()
            try:
                response = await self.ros.call(_ACTIVE, Trigger, Trigger.Request())
            except Failed as error:
                raise CouldNotStart(f'Nav2 did not come up: {error}') from None
            if response.success:
                return
            if time.monotonic() > end:
                raise CouldNotStart(f'Nav2 is not active after {_PATIENCE:g} s')

    async def _tell_pose(self) -> None:
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
