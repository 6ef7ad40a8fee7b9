# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Know where the robot is, how fast, and its newest goal: what Nav2's nodes ask for."""

from __future__ import annotations

import math
from typing import Any

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node

from ...ros.transforms import frame_name, Transform, TransformListener, TransformTree
from .fields import is_installed, to_message
from .topic import LatestMessage

# Speed is the mean of this time, s.
_SMOOTHING = 0.3
_ODOMETRY_KEPT = 100
# How old the transforms may be that say where something is, s.
MAX_AGE = 5.0


class RobotState:
    """
    The robot as its trees see it; frames as Nav2 names them by default.

    Of tf the newest transforms count, unless they are older than `MAX_AGE`.
    """

    def __init__(
        self,
        node: Node,
        global_frame: str = 'map',
        robot_base_frame: str = 'base_link',
        odom_topic: str = 'odom',
        goal_topic: str = 'goal_update',
    ) -> None:
        """Listen to nothing yet."""
        self._node = node
        self._frames = (global_frame, robot_base_frame)
        self._odom_topic = odom_topic
        self._goal_topic = goal_topic
        self._transforms: TransformListener | None = None
        self._odometry: LatestMessage | None = None
        self._goals: LatestMessage | None = None
        self._goal_lists: LatestMessage | None = None

    def listen(self) -> None:
        """Begin to listen; before the first tick of a tree that asks."""
        if self._transforms is None:
            self._transforms = TransformListener.acquire(self._node)
            self._odometry = LatestMessage(
                self._node, 'nav_msgs/msg/Odometry', self._odom_topic, _ODOMETRY_KEPT
            )
            self._goals = LatestMessage(
                self._node, 'geometry_msgs/msg/PoseStamped', self._goal_topic
            )
            if is_installed('nav_msgs/msg/Goals'):
                self._goal_lists = LatestMessage(
                    self._node, 'nav_msgs/msg/Goals', f'{self._goal_topic}s'
                )
            self.refresh()

    @property
    def ready(self) -> bool:
        """Whether what was asked for has spoken, as far as somebody is there to do so."""
        if self._transforms is None or self._odometry is None:
            return True
        localized = self.transform() is not None or not self._transforms.has_publishers
        return localized and self._odometry.ready

    def refresh(self) -> None:
        """Follow changes of the graph; about once a second."""
        for part in (self._transforms, self._odometry, self._goals, self._goal_lists):
            if part is not None:
                part.refresh()

    @property
    def tree(self) -> TransformTree:
        """The transforms known now."""
        self.listen()
        assert self._transforms is not None
        self._transforms.update()
        return self._transforms.tree

    def transform(self, target: str = '', source: str = '') -> Transform | None:
        """Place of a frame in another; '' means the robot's base in the global frame."""
        return self.tree.lookup(target or self._frames[0], source or self._frames[1], MAX_AGE)

    def pose(self, global_frame: str = '', robot_base_frame: str = '') -> PoseStamped | None:
        """Where the robot is; None if that is not known."""
        place = self.transform(global_frame, robot_base_frame)
        if place is None:
            return None
        pose = stamped(place, frame_name(global_frame or self._frames[0]))
        pose.header.stamp = self._node.get_clock().now().to_msg()
        return pose

    def position(self, global_frame: str, robot_base_frame: str) -> tuple[float, float] | None:
        """Where the robot is, m; None if that is not known."""
        place = self.transform(global_frame, robot_base_frame)
        return None if place is None else place.translation[:2]

    @property
    def odometry(self) -> list[Any]:
        """The newest messages of odometry, oldest first."""
        self.listen()
        assert self._odometry is not None
        return self._odometry.messages

    def speed(self) -> float:
        """Speed over the ground, m/s; 0 before any odometry."""
        messages = self.odometry
        if not messages:
            return 0.0
        newest = seconds(messages[-1].header.stamp)
        speeds = [
            math.hypot(message.twist.twist.linear.x, message.twist.twist.linear.y)
            for message in messages
            if newest - seconds(message.header.stamp) <= _SMOOTHING
        ]
        return sum(speeds) / len(speeds)

    def updated_goal(self, goal: Any) -> Any:
        """The goal that came on the topic, if it is newer than this one, else this one."""
        self.listen()
        assert self._goals is not None
        newest = self._goals.message
        if newest is None:
            return goal
        old = 0.0 if goal is None else seconds(to_message(goal, PoseStamped).header.stamp)
        return newest if seconds(newest.header.stamp) > old else goal

    def updated_goals(self, goals: Any) -> Any:
        """The goals that came on the topic, if they are not older than these, else these."""
        self.listen()
        newest = None if self._goal_lists is None else self._goal_lists.message
        if newest is None or not newest.goals or not seconds(newest.header.stamp):
            return goals
        stamps = [seconds(to_message(goal, PoseStamped).header.stamp) for goal in goals or ()]
        if seconds(newest.header.stamp) < max(stamps, default=0.0):
            return goals
        return list(newest.goals)


def stamped(place: Transform, frame: str) -> PoseStamped:
    """A place in a frame as a message, without a stamp."""
    pose = PoseStamped()
    pose.header.frame_id = frame
    position, rotation = pose.pose.position, pose.pose.orientation
    position.x, position.y, position.z = place.translation
    rotation.x, rotation.y, rotation.z, rotation.w = place.rotation
    return pose


def place_of(pose: PoseStamped) -> Transform:
    """A message's place in its frame."""
    position, rotation = pose.pose.position, pose.pose.orientation
    return Transform(
        (position.x, position.y, position.z), (rotation.x, rotation.y, rotation.z, rotation.w)
    )


def seconds(stamp: Any) -> float:
    """A stamp in s."""
    return float(stamp.sec + stamp.nanosec / 1e9)
