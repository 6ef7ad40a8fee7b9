# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Tells from odometry whether the base moves."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
import math
import time
from typing import Any

from nav_msgs.msg import Odometry
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from .entities import subscription, TypeConflict
from .geometry import yaw
from .subscription import Unscheduled

# Odometry older than this says nothing of now, s: drivers send it at 10 Hz or faster.
STALE = 1.0
# Over how long the change of the pose is looked at, s: some odometry leaves its twist at zero.
_WINDOW = 0.6
_SHORTEST = 0.2


@dataclass(frozen=True)
class Motion:
    """Whether the base moves; None if that is not known. `age` is of the odometry, in s."""

    moving: bool | None
    age: float | None
    text: str


@dataclass(frozen=True)
class _Sample:
    at: float  # when it came, on the monotonic clock, s
    stamp: tuple[int, int]
    x: float
    y: float
    yaw: float
    linear: float
    angular: float


class BaseMotion:
    """
    Holds a topic of nav_msgs/Odometry, which costs nothing until `now` is asked.

    The middleware keeps the newest message, and no executor waits for it.
    """

    def __init__(self, node: Node, topic: str, *, linear: float, angular: float) -> None:
        """Take the topic and up to which speeds the base stands, m/s and rad/s."""
        self.topic = node.resolve_topic_name(topic)
        self._linear, self._angular = linear, angular
        self._samples: deque[_Sample] = deque()
        self._problem = f'nobody publishes odometry on {self.topic}'
        self._node = node
        try:
            self._subscription: Any = subscription(
                node,
                Odometry,
                topic,
                lambda message: None,
                QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
                callback_group=Unscheduled(),
            )
        except (TypeConflict, rclpy_implementation.RCLError):
            self._subscription = None
            self._problem = f'{self.topic} is taken with another type than nav_msgs/msg/Odometry'

    def forget(self) -> None:
        """Judge by what comes from now on alone."""
        self._take()
        self._samples.clear()

    def now(self) -> Motion:
        """Take the newest odometry and judge."""
        self._take()
        if not self._samples:
            return Motion(None, None, self._problem)
        newest = self._samples[-1]
        age = time.monotonic() - newest.at
        if age > STALE:
            return Motion(None, age, f'the last odometry on {self.topic} came {age:.1f} s ago')
        linear, angular, known = newest.linear, newest.angular, False
        oldest = self._samples[0]
        elapsed = newest.at - oldest.at
        if elapsed >= _SHORTEST:
            known = True
            linear = max(linear, math.dist((newest.x, newest.y), (oldest.x, oldest.y)) / elapsed)
            turned = math.remainder(newest.yaw - oldest.yaw, math.tau)
            angular = max(angular, abs(turned) / elapsed)
        says = (
            f'odometry on {self.topic} says {linear:.2f} m/s and {angular:.2f} rad/s, '
            f'{age:.1f} s ago'
        )
        if linear > self._linear or angular > self._angular:
            return Motion(True, age, says)
        # A twist of zero alone may be one that nobody fills in.
        return Motion(False if known else None, age, says)

    def _take(self) -> None:
        if self._subscription is None:
            return
        while True:
            with self._subscription.handle:
                taken = self._subscription.handle.take_message(Odometry, False)
            if taken is None:
                break
            self._add(*taken)
        while self._samples and self._samples[-1].at - self._samples[0].at > _WINDOW:
            self._samples.popleft()

    def _add(self, message: Odometry, info: Any) -> None:
        stamp = (message.header.stamp.sec, message.header.stamp.nanosec)
        if self._samples and stamp != (0, 0) and stamp == self._samples[-1].stamp:
            return  # The same again is no news.
        came = info.get('received_timestamp') or time.time_ns()
        waited = min(max(0.0, (time.time_ns() - came) / 1e9), 1e6)
        pose, twist = message.pose.pose, message.twist.twist
        sample = _Sample(
            time.monotonic() - waited,
            stamp,
            pose.position.x,
            pose.position.y,
            yaw(pose.orientation),
            math.hypot(twist.linear.x, twist.linear.y),
            abs(twist.angular.z),
        )
        if all(map(math.isfinite, (sample.x, sample.y, sample.yaw))) and all(
            map(math.isfinite, (sample.linear, sample.angular))
        ):
            self._samples.append(sample)
        else:
            self._problem = f'odometry on {self.topic} holds numbers that are not finite'
