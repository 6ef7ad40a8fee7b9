# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Velocities for the base, as Twist or TwistStamped."""

from __future__ import annotations

from dataclasses import dataclass

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.node import Node

from ....ros.entities import publisher


@dataclass(frozen=True)
class Velocity:
    """Of the base in its own frame (REP 103): m/s ahead and to the left, rad/s to the left."""

    x: float = 0.0
    y: float = 0.0
    turn: float = 0.0

    def toward(self, wanted: Velocity, linear: float, angular: float) -> Velocity:
        """Return the velocity next to this one on the way to another, by so much at most."""
        return Velocity(
            _step(self.x, wanted.x, linear),
            _step(self.y, wanted.y, linear),
            _step(self.turn, wanted.turn, angular),
        )

    def within(self, x: float, y: float, turn: float) -> Velocity:
        """Return this velocity cut to limits."""
        return Velocity(_step(0.0, self.x, x), _step(0.0, self.y, y), _step(0.0, self.turn, turn))


def _step(value: float, wanted: float, most: float) -> float:
    return max(value - most, min(value + most, wanted))


class VelocityPublisher:
    """Tells the base how to move."""

    def __init__(self, node: Node, topic: str, *, stamped: bool, frame: str = 'base_link') -> None:
        self._node = node
        self._frame = frame
        self._stamped = stamped
        self._publisher = publisher(node, TwistStamped if stamped else Twist, topic, 10)

    def publish(self, velocity: Velocity) -> None:
        """Publish one velocity."""
        twist = Twist()
        twist.linear.x, twist.linear.y = velocity.x, velocity.y
        twist.angular.z = velocity.turn
        if not self._stamped:
            self._publisher.publish(twist)
            return
        message = TwistStamped(twist=twist)
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.header.frame_id = self._frame
        self._publisher.publish(message)
