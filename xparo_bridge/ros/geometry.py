# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Poses between what people write (x, y, yaw) and what ROS has (REP 103, REP 105)."""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import Any

from geometry_msgs.msg import Pose, PoseStamped, Quaternion

from ..angles import degrees_problem
from ..errors import BadInput
from .transforms import frame_name

# Farther than any robot goes, m; Nav2's planner dies of coordinates that overflow its grid.
FARTHEST = 1e6


class NoPose(BadInput, ValueError):
    """Numbers that are no place of a robot."""


def quaternion(yaw: float) -> Quaternion:
    """Rotation about the vertical axis, rad."""
    return Quaternion(z=math.sin(yaw / 2), w=math.cos(yaw / 2))


def yaw(rotation: Quaternion) -> float:
    """Heading of a rotation, rad, in (-pi, pi]."""
    return math.atan2(
        2 * (rotation.w * rotation.z + rotation.x * rotation.y),
        # Not by `**`, which raises OverflowError where a product is infinite.
        rotation.w * rotation.w
        + rotation.x * rotation.x
        - rotation.y * rotation.y
        - rotation.z * rotation.z,
    )


def pose_stamped(pose: Mapping[str, Any]) -> PoseStamped:
    """
    Pose of `{x, y, yaw, frame}`, m and rad; its zero stamp means the latest transform.

    :raises NoPose: of a number that is NaN, infinite or farther than `FARTHEST`, or a yaw of more
        than a turn.
    """
    x, y, yaw = float(pose['x']), float(pose['y']), float(pose.get('yaw', 0.0))
    check_pose(x, y, yaw)
    message = PoseStamped()
    message.header.frame_id = frame_name(pose.get('frame', 'map'))
    message.pose.position.x = x
    message.pose.position.y = y
    message.pose.orientation = quaternion(yaw)
    return message


def check_pose(x: float, y: float, yaw: float) -> None:
    """:raises NoPose: if this is no place that a robot can be in or go to."""
    for name, value in (('x', x), ('y', y), ('yaw', yaw)):
        if not math.isfinite(value):
            raise NoPose(f'{name} is {value}, expected a finite number')
    if problem := degrees_problem(yaw):
        raise NoPose(f'yaw: {problem}')
    for name, value in (('x', x), ('y', y)):
        if abs(value) > FARTHEST:
            raise NoPose(f'{name} is {value:g} m, expected at most {FARTHEST:g}')


def pose_values(pose: Pose) -> dict[str, float]:
    """`{x, y, yaw}` of a pose, m and rad, rounded to what an operator can use."""
    return {
        'x': round(pose.position.x, 3),
        'y': round(pose.position.y, 3),
        'yaw': round(yaw(pose.orientation), 3),
    }
