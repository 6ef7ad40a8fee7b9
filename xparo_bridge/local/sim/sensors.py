# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What the simulated robot publishes, and how often.

| topic | type | rate |
|---|---|---|
| odom | nav_msgs/Odometry | 50 Hz |
| tf | tf2_msgs/TFMessage | 50 Hz: map → odom → base_link |
| joint_states | sensor_msgs/JointState | 25 Hz |
| scan | sensor_msgs/LaserScan | 10 Hz, 360 rays |
| amcl_pose | geometry_msgs/PoseWithCovarianceStamped | as the robot moves, latched |
| battery_state | sensor_msgs/BatteryState | 1 Hz |
| diagnostics | diagnostic_msgs/DiagnosticArray | 1 Hz |
| plan | nav_msgs/Path | when it is planned |
| camera/image_raw/compressed | sensor_msgs/CompressedImage | 1 Hz while somebody listens: a JPEG |
| map | nav_msgs/OccupancyGrid | once, latched |

All names are relative, so that a namespace holds a whole robot.
"""

from __future__ import annotations

from collections.abc import Callable
import math

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import (
    PoseStamped,
    PoseWithCovarianceStamped,
    TransformStamped,
    Twist,
    Vector3,
)
from nav_msgs.msg import OccupancyGrid, Odometry, Path
import numpy as np
from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    qos_profile_sensor_data,
    QoSProfile,
)
from sensor_msgs.msg import BatteryState, CompressedImage, JointState, LaserScan
from std_msgs.msg import Header

from .conversions import pose_message, quaternion
from .drive import Pose
from .picture import Camera
from .robot import Robot
from .world import Floats

try:
    from tf2_msgs.msg import TFMessage
except ImportError:  # Transforms are for those who have tf2.
    TFMessage = None

RAYS = 360
RANGE_MIN = 0.12
RANGE_MAX = 12.0
RESOLUTION = 0.05
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
# What can be silent, by topic; scan is noisy too, in metres.
SENSORS = ('odom', 'tf', 'joint_states', 'scan', 'amcl_pose', 'battery_state', 'diagnostics')


class Sensors:
    """Publishes the robot's state; `step` sends what is due."""

    def __init__(
        self,
        node: Node,
        robot: Robot,
        *,
        seed: int = 0,
        noise: float = 0.01,
        dropout: float = 0.0,
    ) -> None:
        """Take the noise of the ranges, m, and the share of the messages that are lost."""
        self._robot = robot
        self._rng = np.random.default_rng(seed)
        self._noise = noise
        self._dropout = dropout
        self.silent: set[str] = set()
        self._localized: Pose | None = None
        self._odom = node.create_publisher(Odometry, 'odom', 10)
        self._joints = node.create_publisher(JointState, 'joint_states', 10)
        self._scan = node.create_publisher(LaserScan, 'scan', qos_profile_sensor_data)
        self._amcl = node.create_publisher(PoseWithCovarianceStamped, 'amcl_pose', LATCHED)
        self._battery = node.create_publisher(BatteryState, 'battery_state', 10)
        self._diagnostics = node.create_publisher(DiagnosticArray, 'diagnostics', 10)
        self._map = node.create_publisher(OccupancyGrid, 'map', LATCHED)
        self._map.publish(self._make_map(node.get_clock().now().to_msg()))
        self._now = 0.0
        self._schedule: list[tuple[float, str, Callable[[Time], None]]] = [
            (0.0, 'odom', self._publish_odometry),
            (0.04, 'joint_states', self._publish_joints),
            (0.1, 'scan', self._publish_scan),
            (0.1, 'amcl_pose', self._publish_localization),
            (1.0, 'battery_state', self._publish_battery),
            (1.0, 'diagnostics', self._publish_diagnostics),
            (0.1, 'plan', self._publish_plan),
            (1.0, 'camera', self._publish_image),
        ]
        self._plan = node.create_publisher(Path, 'plan', 10)
        self._view = Camera(robot.world.floor)
        self._camera = node.create_publisher(
            CompressedImage, 'camera/image_raw/compressed', qos_profile_sensor_data
        )
        self._planned: Floats | None = None
        self._next = [0.0] * len(self._schedule)
        if TFMessage is not None:
            self._tf = node.create_publisher(TFMessage, 'tf', 100)
            self._schedule.append((0.0, 'tf', self._publish_transforms))
            self._next.append(0.0)

    def step(self, dt: float, stamp: Time) -> None:
        """Publish what is due after dt more seconds; a period of 0 is due at every step."""
        self._now += dt
        for index, (period, name, publish) in enumerate(self._schedule):
            if self._now < self._next[index]:
                continue
            self._next[index] = max(self._next[index] + period, self._now)
            lost = self._dropout > 0.0 and self._rng.random() < self._dropout
            if not lost and name not in self.silent:
                publish(stamp)

    def _publish_plan(self, stamp: Time) -> None:
        plan = self._robot.plan
        if plan is None or plan is self._planned:
            return
        self._planned = plan
        message = Path(header=Header(frame_id='map', stamp=stamp))
        message.poses = [
            PoseStamped(header=message.header, pose=pose_message(Pose(float(x), float(y), 0.0)))
            for x, y in plan
        ]
        self._plan.publish(message)

    def _publish_image(self, stamp: Time) -> None:
        if not self._camera.get_subscription_count():
            return
        data = self._view.picture(self._robot.drive.pose)
        if data is None:
            return
        message = CompressedImage(header=Header(frame_id='base_link', stamp=stamp), format='jpeg')
        message.data.frombytes(data)
        self._camera.publish(message)

    def _twist(self) -> Twist:
        drive = self._robot.drive
        return Twist(linear=Vector3(x=drive.speed), angular=Vector3(z=drive.turn))

    def _publish_odometry(self, stamp: Time) -> None:
        message = Odometry(header=Header(frame_id='odom', stamp=stamp), child_frame_id='base_link')
        message.pose.pose = pose_message(self._robot.odometry)
        message.twist.twist = self._twist()
        self._odom.publish(message)

    def _publish_transforms(self, stamp: Time) -> None:
        self._tf.publish(
            TFMessage(
                transforms=[
                    _transform('map', 'odom', self._robot.start, stamp),
                    _transform('odom', 'base_link', self._robot.odometry, stamp),
                ]
            )
        )

    def _publish_joints(self, stamp: Time) -> None:
        self._joints.publish(
            JointState(
                header=Header(frame_id='base_link', stamp=stamp),
                name=['wheel_left_joint', 'wheel_right_joint'],
                position=self._robot.wheel_angles,
                velocity=list(self._robot.wheel_speeds),
            )
        )

    def _publish_scan(self, stamp: Time) -> None:
        pose = self._robot.drive.pose
        angles = np.linspace(-math.pi, math.pi, RAYS, endpoint=False)
        ranges = self._robot.world.ranges(pose.x, pose.y, angles + pose.yaw, RANGE_MAX)
        if self._noise > 0.0:
            ranges = ranges + self._rng.normal(0.0, self._noise, RAYS)
        message = LaserScan(
            header=Header(frame_id='base_link', stamp=stamp),
            angle_min=-math.pi,
            angle_max=math.pi - math.tau / RAYS,
            angle_increment=math.tau / RAYS,
            scan_time=0.1,
            range_min=RANGE_MIN,
            range_max=RANGE_MAX,
        )
        message.ranges.frombytes(ranges.astype(np.float32).tobytes())
        self._scan.publish(message)

    def _publish_localization(self, stamp: Time) -> None:
        pose = self._robot.drive.pose
        before = self._localized
        if (
            before is not None
            and pose.distance(before) < 0.05
            and math.cos(pose.yaw - before.yaw) > math.cos(0.05)
        ):
            return
        self._localized = pose
        message = PoseWithCovarianceStamped(header=Header(frame_id='map', stamp=stamp))
        message.pose.pose = pose_message(pose)
        message.pose.covariance[0] = message.pose.covariance[7] = 0.01
        message.pose.covariance[35] = 0.005
        self._amcl.publish(message)

    def _publish_battery(self, stamp: Time) -> None:
        battery = self._robot.battery
        docked = self._robot.docked
        if not docked:
            status = BatteryState.POWER_SUPPLY_STATUS_DISCHARGING
        elif battery.level < 1.0:
            status = BatteryState.POWER_SUPPLY_STATUS_CHARGING
        else:
            status = BatteryState.POWER_SUPPLY_STATUS_FULL
        self._battery.publish(
            BatteryState(
                header=Header(frame_id='base_link', stamp=stamp),
                voltage=battery.voltage,
                current=battery.current,
                temperature=25.0,
                charge=math.nan,
                capacity=math.nan,
                design_capacity=math.nan,
                percentage=battery.level,
                power_supply_status=status,
                power_supply_health=BatteryState.POWER_SUPPLY_HEALTH_GOOD,
                power_supply_technology=BatteryState.POWER_SUPPLY_TECHNOLOGY_LION,
                present=True,
            )
        )

    def _publish_diagnostics(self, stamp: Time) -> None:
        level = self._robot.battery.level
        low = level < 0.15
        bumped = self._robot.drive.bumped
        self._diagnostics.publish(
            DiagnosticArray(
                header=Header(stamp=stamp),
                status=[
                    DiagnosticStatus(
                        level=DiagnosticStatus.WARN if low else DiagnosticStatus.OK,
                        name='battery',
                        message='low' if low else 'ok',
                        hardware_id='simulated_robot',
                        values=[KeyValue(key='level', value=f'{level:.3f}')],
                    ),
                    DiagnosticStatus(
                        level=DiagnosticStatus.WARN if bumped else DiagnosticStatus.OK,
                        name='motors',
                        message='blocked' if bumped else 'ok',
                        hardware_id='simulated_robot',
                        values=[KeyValue(key='speed', value=f'{self._robot.drive.speed:.3f}')],
                    ),
                    DiagnosticStatus(
                        level=DiagnosticStatus.OK,
                        name='lidar',
                        message='ok',
                        hardware_id='simulated_robot',
                        values=[KeyValue(key='rays', value=str(RAYS))],
                    ),
                ],
            )
        )

    def _make_map(self, stamp: Time) -> OccupancyGrid:
        floor = self._robot.world.floor
        clearance = floor.clearance_grid(RESOLUTION)
        message = OccupancyGrid(header=Header(frame_id='map', stamp=stamp))
        message.info.map_load_time = stamp
        message.info.resolution = RESOLUTION
        message.info.height, message.info.width = clearance.shape
        message.info.origin.position.x, message.info.origin.position.y = floor.origin
        message.info.origin.orientation.w = 1.0
        message.data.frombytes(np.where(clearance > 0.0, 0, 100).astype(np.int8).tobytes())
        return message


def _transform(parent: str, child: str, pose: Pose, stamp: Time) -> TransformStamped:
    message = TransformStamped(header=Header(frame_id=parent, stamp=stamp), child_frame_id=child)
    message.transform.translation = Vector3(x=pose.x, y=pose.y)
    message.transform.rotation = quaternion(pose.yaw)
    return message
