# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated robot's node: one timer moves the robot, its goals and its sensors."""

from __future__ import annotations

import math
import time
from typing import Any

from geometry_msgs.msg import Twist, TwistStamped
from nav2_msgs.msg import SpeedLimit
from nav2_msgs.srv import (
    ClearCostmapAroundRobot,
    ClearCostmapExceptRegion,
    ClearEntireCostmap,
)
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import Empty

from .action_servers import Faults, TaskActionServer
from .behaviors import (
    AssistedTeleopTask,
    BackUpTask,
    DriveOnHeadingTask,
    SpinTask,
    WaitTask,
)
from .docking import DockRobotTask, UndockRobotTask
from .drive import Pose
from .navigation import (
    ComputePathToPoseTask,
    FollowPathTask,
    FollowWaypointsTask,
    NavigateThroughPosesTask,
    NavigateToPoseTask,
)
from .robot import Robot, Teleop
from .sensors import Sensors
from .task import Task

ACTIONS: dict[str, type[Task]] = {
    'navigate_to_pose': NavigateToPoseTask,
    'navigate_through_poses': NavigateThroughPosesTask,
    'follow_waypoints': FollowWaypointsTask,
    'follow_path': FollowPathTask,
    'compute_path_to_pose': ComputePathToPoseTask,
    'spin': SpinTask,
    'backup': BackUpTask,
    'drive_on_heading': DriveOnHeadingTask,
    'wait': WaitTask,
    'assisted_teleop': AssistedTeleopTask,
    'dock_robot': DockRobotTask,
    'undock_robot': UndockRobotTask,
}
COSTMAP_SERVICES = {
    'clear_entirely': ClearEntireCostmap,
    'clear_around': ClearCostmapAroundRobot,
    'clear_except': ClearCostmapExceptRegion,
}
PERIOD = 0.02
LONGEST_STEP = 0.1  # After a longer stall of the machine the robot lost that time.


class SimulatedRobot(Node):  # type: ignore[misc]
    """
    A small robot in a restaurant, with Nav2's interfaces.

    Parameters: `speed` multiplies how fast it drives; `x`, `y`, `yaw` are where it starts;
    `battery_level` (0 to 1) and `battery_capacity` (Wh); `stamped` takes TwistStamped on cmd_vel
    and cmd_vel_teleop, as Nav2 can. `fail_next` and `accept_delay` (s) make goals go wrong, and
    may be set while it runs.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__('simulated_robot', **options)
        settings = {
            name: self._declare(name, default)
            for name, default in (
                ('speed', 1.0),
                ('x', 0.8),
                ('y', 4.0),
                ('yaw', 0.0),
                ('battery_level', 0.8),
                ('battery_capacity', 20.0),
            )
        }
        self._robot = Robot(
            Pose(settings['x'], settings['y'], settings['yaw']),
            settings['speed'],
            settings['battery_capacity'],
            settings['battery_level'],
        )
        self._faults = Faults()
        self.add_on_set_parameters_callback(self._on_parameters)
        self._declare('fail_next', 'none')
        self._declare('accept_delay', 0.0)
        self._sensors = Sensors(self, self._robot)
        self._servers = [
            TaskActionServer(self, name, task, self._robot, self._faults)
            for name, task in ACTIONS.items()
        ]
        twist = TwistStamped if self._declare('stamped', False) else Twist
        self.create_subscription(twist, 'cmd_vel', self._on_velocity, 10)
        self.create_subscription(twist, 'cmd_vel_teleop', self._on_teleop, 10)
        self.create_subscription(Empty, 'preempt_teleop', self._on_preempt_teleop, 10)
        self.create_subscription(SpeedLimit, 'speed_limit', self._on_speed_limit, 10)
        for costmap in ('global_costmap', 'local_costmap'):
            for name, kind in COSTMAP_SERVICES.items():
                self.create_service(
                    kind, f'{costmap}/{name}_{costmap}', lambda request, response: response
                )
        self._last_step = time.monotonic()
        self.create_timer(PERIOD, self._step)

    def destroy_node(self) -> None:
        for server in self._servers:
            server.destroy()
        super().destroy_node()

    def _declare(self, name: str, default: Any) -> Any:
        # Typed by its default, but 3 does for 3.0 on a command line.
        descriptor = ParameterDescriptor(dynamic_typing=True)
        value = self.declare_parameter(name, default, descriptor).value
        return float(value) if isinstance(default, float) else value

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            if parameter.name == 'fail_next':
                problem = Faults.check(str(parameter.value))
                if problem:
                    return SetParametersResult(successful=False, reason=problem)
                self._faults.next = str(parameter.value)
            elif parameter.name == 'accept_delay':
                self._faults.accept_delay = float(parameter.value)
        return SetParametersResult(successful=True)

    def _step(self) -> None:
        now = time.monotonic()
        dt = min(now - self._last_step, LONGEST_STEP)
        self._last_step = now
        stamp = self.get_clock().now().to_msg()
        for server in self._servers:
            server.step(dt, stamp)
        self._robot.step(dt)
        self._sensors.step(dt, stamp)

    def _on_velocity(self, message: Any) -> None:
        twist = getattr(message, 'twist', message)
        self._robot.drive.command(twist.linear.x, twist.angular.z)

    def _on_speed_limit(self, message: SpeedLimit) -> None:
        drive, limit = self._robot.drive, message.speed_limit
        if message.percentage:
            limit *= drive.limits.speed / 100.0
        drive.speed_limit = limit or math.inf  # As Nav2, which takes 0 for no limit.

    def _on_teleop(self, message: Any) -> None:
        twist = getattr(message, 'twist', message)
        self._robot.teleop = Teleop(twist.linear.x, twist.angular.z, 0.0)

    def _on_preempt_teleop(self, message: Empty) -> None:
        self._robot.teleop_done = True
