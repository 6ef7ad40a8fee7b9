# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated robot's node: its goals, its sensors and what can go wrong with them."""

from __future__ import annotations

import math
from typing import Any

from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseWithCovarianceStamped, Twist, TwistStamped
from nav2_msgs.msg import SpeedLimit
from nav2_msgs.srv import (
    ClearCostmapAroundRobot,
    ClearCostmapExceptRegion,
    ClearEntireCostmap,
)
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.event_handler import SubscriptionEventCallbacks
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
from .conversions import pose as pose_of
from .docking import DockRobotTask, UndockRobotTask
from .drive import Pose, RADIUS
from .navigation import (
    ComputePathToPoseTask,
    FollowPathTask,
    FollowWaypointsTask,
    NavigateThroughPosesTask,
    NavigateToPoseTask,
)
from .robot import Robot, Teleop
from .scene import Scene
from .sensors import SENSORS, Sensors
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


class SimulatedRobot(Node):  # type: ignore[misc]
    """
    A small robot with Nav2's interfaces; `advance` moves it.

    Parameters: `speed` multiplies how fast it drives; `x`, `y`, `yaw` are where it starts unless
    that is given; `battery_capacity` (Wh); `stamped` takes TwistStamped on cmd_vel and
    cmd_vel_teleop, as Nav2 can; `seed`, `scan_noise` (m) and `dropout` (share of the messages of
    each sensor that is lost) are of its sensors.

    These may be set while it runs: `battery_level` (0 to 1); `fail_next` and `accept_delay` (s)
    make goals go wrong; `silent` names sensors that say nothing and `dead_servers` actions that
    nobody serves, with commas between.

    `initialpose` puts it where that says, as somebody would who lifts it, if there is room.
    """

    def __init__(
        self, scene: Scene, start: Pose | None = None, namespace: str = '', **options: Any
    ) -> None:
        super().__init__('simulated_robot', namespace=namespace, **options)
        settings = {
            name: self._declare(name, default)
            for name, default in (
                ('speed', 1.0),
                ('x', 0.8),
                ('y', 4.0),
                ('yaw', 0.0),
                ('battery_capacity', 20.0),
                ('seed', 0),
                ('scan_noise', 0.01),
                ('dropout', 0.0),
            )
        }
        self.robot = Robot(
            start or Pose(settings['x'], settings['y'], settings['yaw']),
            settings['speed'],
            settings['battery_capacity'],
            scene=scene,
            name=namespace or 'robot',
        )
        self._faults = Faults()
        self._sensors = Sensors(
            self,
            self.robot,
            seed=int(settings['seed']),
            noise=settings['scan_noise'],
            dropout=settings['dropout'],
        )
        self._servers = {name: self._serve(name) for name in ACTIONS}
        self.add_on_set_parameters_callback(self._on_parameters)
        self._declare('battery_level', 0.8)
        self._declare('fail_next', 'none')
        self._declare('accept_delay', 0.0)
        self._declare('silent', '')
        self._declare('dead_servers', '')
        twist = TwistStamped if self._declare('stamped', False) else Twist
        self.drivers = 0  # How many publishers of velocities it hears.
        self.create_subscription(
            twist,
            'cmd_vel',
            self._on_velocity,
            10,
            event_callbacks=SubscriptionEventCallbacks(matched=self._on_driver),
        )
        self.create_subscription(twist, 'cmd_vel_teleop', self._on_teleop, 10)
        self.create_subscription(Empty, 'preempt_teleop', self._on_preempt_teleop, 10)
        self.create_subscription(
            PoseWithCovarianceStamped, 'initialpose', self._on_initial_pose, 10
        )
        self.create_subscription(SpeedLimit, 'speed_limit', self._on_speed_limit, 10)
        for costmap in ('global_costmap', 'local_costmap'):
            for name, kind in COSTMAP_SERVICES.items():
                self.create_service(
                    kind, f'{costmap}/{name}_{costmap}', lambda request, response: response
                )

    def destroy_node(self) -> None:
        for server in self._servers.values():
            server.destroy()
        super().destroy_node()

    def advance(self, dt: float, stamp: Time) -> None:
        """Move on by dt seconds, at the ROS time `stamp`."""
        for server in self._servers.values():
            server.step(dt, stamp)
        self.robot.step(dt)

    def publish(self, dt: float, stamp: Time) -> None:
        """Publish what is due after dt more seconds."""
        self._sensors.step(dt, stamp)

    def _serve(self, name: str) -> TaskActionServer:
        return TaskActionServer(self, name, ACTIONS[name], self.robot, self._faults)

    def _declare(self, name: str, default: Any) -> Any:
        # Typed by its default, but 3 does for 3.0 on a command line.
        descriptor = ParameterDescriptor(dynamic_typing=True)
        value = self.declare_parameter(name, default, descriptor).value
        return float(value) if isinstance(default, float) else value

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            problem = self._set(parameter.name, parameter.value)
            if problem:
                return SetParametersResult(successful=False, reason=problem)
        return SetParametersResult(successful=True)

    def _set(self, name: str, value: Any) -> str:
        """Let a parameter have its effect; why not, empty if it has."""
        if name == 'fail_next':
            problem = Faults.check(str(value))
            if not problem:
                self._faults.next = str(value)
            return problem
        if name == 'accept_delay':
            self._faults.accept_delay = float(value)
        elif name == 'battery_level':
            if not 0.0 <= float(value) <= 1.0:
                return f'{value} is no level from 0 to 1'
            self.robot.battery.level = float(value)
        elif name in ('silent', 'dead_servers'):
            names = {part.strip() for part in str(value).split(',')} - {''}
            known = SENSORS if name == 'silent' else tuple(ACTIONS)
            if wrong := names.difference(known):
                return f'no {", ".join(sorted(wrong))}; there are {", ".join(known)}'
            if name == 'silent':
                self._sensors.silent = names
            else:
                self._kill_servers(names)
        return ''

    def _kill_servers(self, dead: set[str]) -> None:
        """Take servers out of the graph as a crash does; start those that are not dead."""
        for name in dead & self._servers.keys():
            self._servers.pop(name).die()
        for name in ACTIONS.keys() - dead - self._servers.keys():
            self._servers[name] = self._serve(name)

    def _on_driver(self, info: Any) -> None:
        self.drivers = info.current_count

    def _on_velocity(self, message: Any) -> None:
        twist = getattr(message, 'twist', message)
        self.robot.drive.command(twist.linear.x, twist.angular.z)

    def _on_initial_pose(self, message: PoseWithCovarianceStamped) -> None:
        given = pose_of(message.pose.pose)
        try:
            pose = self.robot.to_map(message.header.frame_id, given)
        except LookupError as error:
            self.get_logger().warning(f'initialpose: {error.args[0]}')
            return
        if not all(map(math.isfinite, (pose.x, pose.y, pose.yaw))):
            self.get_logger().warning('initialpose: expected finite numbers')
        elif self.robot.world.clearance(pose.x, pose.y) < RADIUS:
            self.get_logger().warning(
                f'initialpose: there is no room for it at x {pose.x:.2f} m, y {pose.y:.2f} m'
            )
        else:
            self.robot.put(pose)

    def _on_speed_limit(self, message: SpeedLimit) -> None:
        drive, limit = self.robot.drive, message.speed_limit
        if message.percentage:
            limit *= drive.limits.speed / 100.0
        drive.speed_limit = limit or math.inf  # As Nav2, which takes 0 for no limit.

    def _on_teleop(self, message: Any) -> None:
        twist = getattr(message, 'twist', message)
        self.robot.teleop = Teleop(twist.linear.x, twist.angular.z, 0.0)

    def _on_preempt_teleop(self, message: Empty) -> None:
        self.robot.teleop_done = True
