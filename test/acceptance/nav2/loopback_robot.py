# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A robot that moves exactly as it is told: cmd_vel in, odom and tf out.

    loopback_robot.py X Y

What Nav2's own loopback simulator does without a scan. A command moves it for half a second.
"""

from __future__ import annotations

import math
import sys
import time

from geometry_msgs.msg import TransformStamped, Twist
from nav_msgs.msg import Odometry
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

PERIOD = 0.05
DEADMAN = 0.5


class LoopbackRobot(Node):  # type: ignore[misc]
    """Integrates the commands it is given."""

    def __init__(self, x: float, y: float) -> None:
        super().__init__('loopback_robot')
        self._x, self._y, self._yaw = x, y, 0.0
        self._command = Twist()
        self._until = self._before = time.monotonic()
        self._odometry = self.create_publisher(Odometry, 'odom', 10)
        self._tf = self.create_publisher(TFMessage, '/tf', 10)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        static = self.create_publisher(TFMessage, '/tf_static', latched)
        static.publish(TFMessage(transforms=[self._transform('map', 'odom')]))
        self.create_subscription(Twist, 'cmd_vel', self._on_command, 10)
        self.create_timer(PERIOD, self._step)

    def _on_command(self, command: Twist) -> None:
        self._command = command
        self._until = time.monotonic() + DEADMAN

    def _step(self) -> None:
        now = time.monotonic()
        elapsed, self._before = now - self._before, now
        if now > self._until:
            self._command = Twist()
        speed, turn = self._command.linear.x, self._command.angular.z
        self._yaw += turn * elapsed
        self._x += speed * math.cos(self._yaw) * elapsed
        self._y += speed * math.sin(self._yaw) * elapsed
        place = self._transform('odom', 'base_link')
        place.transform.translation.x, place.transform.translation.y = self._x, self._y
        place.transform.rotation.z = math.sin(self._yaw / 2)
        place.transform.rotation.w = math.cos(self._yaw / 2)
        self._tf.publish(TFMessage(transforms=[place]))
        odometry = Odometry(header=place.header, child_frame_id='base_link')
        odometry.pose.pose.position.x, odometry.pose.pose.position.y = self._x, self._y
        odometry.pose.pose.orientation = place.transform.rotation
        odometry.twist.twist = self._command
        self._odometry.publish(odometry)

    def _transform(self, parent: str, child: str) -> TransformStamped:
        transform = TransformStamped(child_frame_id=child)
        transform.header.frame_id = parent
        transform.header.stamp = self.get_clock().now().to_msg()
        transform.transform.rotation.w = 1.0
        return transform


def main() -> int:
    rclpy.init(args=sys.argv)
    node = LoopbackRobot(float(sys.argv[1]), float(sys.argv[2]))
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    return 0


if __name__ == '__main__':
    sys.exit(main())
