# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Poses between what people write (x, y, yaw) and what ROS has (REP 103, REP 105)."""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import Any

from geometry_msgs.msg import Pose, PoseStamped, Quaternion


def quaternion(yaw: float) -> Quaternion:
    """Rotation about the vertical axis, rad."""
    return Quaternion(z=math.sin(yaw / 2), w=math.cos(yaw / 2))


def yaw(rotation: Quaternion) -> float:
    """Heading of a rotation, rad, in (-pi, pi]."""
    return math.atan2(
        2 * (rotation.w * rotation.z + rotation.x * rotation.y),
        1 - 2 * (rotation.y**2 + rotation.z**2),
    )


def pose_stamped(pose: Mapping[str, Any]) -> PoseStamped:
    """Pose of `{x, y, yaw, frame}`, m and rad; its zero stamp means the latest transform."""
    message = PoseStamped()
    message.header.frame_id = pose.get('frame', 'map')
    message.pose.position.x = float(pose['x'])
    message.pose.position.y = float(pose['y'])
    message.pose.orientation = quaternion(float(pose.get('yaw', 0.0)))
    return message


def pose_values(pose: Pose) -> dict[str, float]:
    """`{x, y, yaw}` of a pose, m and rad, rounded to what an operator can use."""
    return {
        'x': round(pose.position.x, 3),
        'y': round(pose.position.y, 3),
        'yaw': round(yaw(pose.orientation), 3),
    }
