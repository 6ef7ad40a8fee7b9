# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Between the simulated robot's poses and seconds and ROS messages."""

from __future__ import annotations

import math

from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Point, PoseStamped, Quaternion
from geometry_msgs.msg import Pose as PoseMessage
from std_msgs.msg import Header

from .drive import Pose


def duration(seconds: float) -> Duration:
    """Duration message."""
    nanoseconds = round(seconds * 1e9)
    return Duration(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def seconds(message: Duration) -> float:
    """Seconds of a Duration message."""
    return float(message.sec + message.nanosec * 1e-9)


def quaternion(yaw: float) -> Quaternion:
    """Rotation about z."""
    return Quaternion(z=math.sin(yaw / 2.0), w=math.cos(yaw / 2.0))


def pose_message(pose: Pose) -> PoseMessage:
    """Pose message on the floor."""
    return PoseMessage(position=Point(x=pose.x, y=pose.y), orientation=quaternion(pose.yaw))


def pose_stamped(pose: Pose, stamp: Time) -> PoseStamped:
    """Pose message in the map frame."""
    return PoseStamped(header=Header(frame_id='map', stamp=stamp), pose=pose_message(pose))


def pose(message: PoseMessage) -> Pose:
    """Pose on the floor of a message; an all-zero quaternion counts as no rotation."""
    q = message.orientation
    yaw = math.atan2(2.0 * (q.w * q.z + q.x * q.y), q.w * q.w + q.x * q.x - q.y * q.y - q.z * q.z)
    return Pose(message.position.x, message.position.y, yaw)
