# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Velocities of a base, and the messages that carry them."""

from __future__ import annotations

from dataclasses import dataclass

from geometry_msgs.msg import Twist

TWIST = 'geometry_msgs/msg/Twist'
TWIST_STAMPED = 'geometry_msgs/msg/TwistStamped'


@dataclass(frozen=True)
class Velocity:
    """Of the base in its own frame (REP 103): m/s ahead and to the left, rad/s to the left."""

    x: float = 0.0
    y: float = 0.0
    turn: float = 0.0

    def toward(self, target: Velocity, linear: float, angular: float) -> Velocity:
        """Return the velocity next to this one on the way to another, by so much at most."""
        return Velocity(
            _step(self.x, target.x, linear),
            _step(self.y, target.y, linear),
            _step(self.turn, target.turn, angular),
        )

    def within(self, x: float, y: float, turn: float) -> Velocity:
        """Return this velocity cut to limits."""
        return Velocity(_step(0.0, self.x, x), _step(0.0, self.y, y), _step(0.0, self.turn, turn))

    def beyond(self, x: float, y: float, turn: float) -> Velocity:
        """Return this velocity without what is less than a least."""
        return Velocity(
            self.x if abs(self.x) >= x else 0.0,
            self.y if abs(self.y) >= y else 0.0,
            self.turn if abs(self.turn) >= turn else 0.0,
        )

    def twist(self) -> Twist:
        """Return it as the message."""
        twist = Twist()
        twist.linear.x, twist.linear.y = self.x, self.y
        twist.angular.z = self.turn
        return twist


STANDING = Velocity()


def _step(value: float, target: float, most: float) -> float:
    return max(value - most, min(value + most, target))
