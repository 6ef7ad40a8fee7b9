# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Finds out from odometry whether the base moves."""

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
# Over how long twist and change of the pose are looked at, s, longer if odometry comes seldom:
# some leaves its twist at zero, and of two publishers the one that says it moves counts.
_WINDOW = 0.6
_SHORTEST = 0.2
# A queue of one would keep what one of two publishers says from being heard.
_DEPTH = 5


@dataclass(frozen=True)
class Motion:
    """
    Whether the base moves; None if that is not known.

    `age` is of the newest odometry, in s, None if none ever came. `moving` stays True while
    nothing says that the base stands, however old that is. `speaks` is whether odometry comes,
    also such as says nothing.
    """

    moving: bool | None
    age: float | None
    text: str
    speaks: bool = False


@dataclass(frozen=True)
class _Sample:
    at: float  # when it came, on the monotonic clock, s
    stamp: tuple[int, int]
    x: float
    y: float
    yaw: float
    linear: float
    angular: float

    @property
    def finite(self) -> bool:
        return all(map(math.isfinite, (self.x, self.y, self.yaw, self.linear, self.angular)))


class BaseMotion:
    """
    Holds a topic of nav_msgs/Odometry, which costs nothing until `now` is asked.

    The middleware keeps the newest messages, and no executor waits for them.
    """

    def __init__(self, node: Node, topic: str, *, linear: float, angular: float) -> None:
        """Take the topic and up to which speeds the base stands, m/s and rad/s."""
        self.topic = node.resolve_topic_name(topic)
        self._linear, self._angular = linear, angular
        self._samples: deque[_Sample] = deque()
        # The newest of all, and when anything came, monotonic s.
        self._newest: _Sample | None = None
        self._heard_at: float | None = None
        # What odometry said when it last said that the base moves, unless it said otherwise since.
        self._moved: str | None = None
        self._problem = f'nobody publishes odometry on {self.topic}'
        self._node = node
        try:
            self._subscription: Any = subscription(
                node,
                Odometry,
                topic,
                lambda message: None,
                QoSProfile(depth=_DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT),
                callback_group=Unscheduled(),
            )
        except (TypeConflict, rclpy_implementation.RCLError):
            self._subscription = None
            self._problem = f'{self.topic} is taken with another type than nav_msgs/msg/Odometry'

    def forget(self) -> None:
        """Take for standing only what comes from now on; that the base moved is not forgotten."""
        self.now()
        self._samples.clear()

    def now(self) -> Motion:
        """Take the newest odometry and judge."""
        self._take()
        now = time.monotonic()
        if self._heard_at is None or self._newest is None:
            return Motion(None, None, self._problem)
        age, heard = now - self._newest.at, now - self._heard_at
        speaks = heard <= STALE
        linear, angular, known = self._speeds()
        said = f'{linear:.2f} m/s and {angular:.2f} rad/s'
        moves = linear > self._linear or angular > self._angular
        if moves:
            self._moved = said
        if not self._samples or age > STALE:
            if speaks:
                text = self._problem
            else:
                text = f'the last odometry on {self.topic} came {heard:.1f} s ago'
            if self._moved is not None:
                text += f'; the base moved at {self._moved} by what it said before'
            return Motion(True if self._moved is not None else None, age, text, speaks)
        text = f'odometry on {self.topic} says {said}, {age:.1f} s ago'
        if moves:
            return Motion(True, age, text, speaks)
        if known:
            self._moved = None
            return Motion(False, age, text, speaks)
        if not self._newest.finite:
            text = self._problem
        if self._moved is not None:
            return Motion(True, age, f'{text}; before, {self._moved}', speaks)
        return Motion(None, age, text, speaks)

    def _speeds(self) -> tuple[float, float, bool]:
        """Return the greatest of the samples, m/s and rad/s, and whether it is known to be so."""
        if not self._samples:
            return 0.0, 0.0, False
        oldest, newest = self._samples[0], self._samples[-1]
        speeds = [(each.linear, each.angular) for each in self._samples]
        elapsed = newest.at - oldest.at
        if elapsed >= _SHORTEST:
            path = math.dist((newest.x, newest.y), (oldest.x, oldest.y))
            turned = abs(newest.yaw - oldest.yaw)
            if math.isfinite(turned):
                turned = abs(math.remainder(turned, math.tau))
            speeds.append((path / elapsed, turned / elapsed))
        # A twist of zero alone may be one that nobody fills in.
        known = elapsed >= _SHORTEST and newest.finite and oldest.finite
        linear = max((each for each, _ in speeds if math.isfinite(each)), default=0.0)
        angular = max((each for _, each in speeds if math.isfinite(each)), default=0.0)
        return linear, angular, known

    def _take(self) -> None:
        if self._subscription is None:
            return
        for _ in range(2 * _DEPTH):  # More may come meanwhile, without end.
            with self._subscription.handle:
                taken = self._subscription.handle.take_message(Odometry, False)
            if taken is None:
                break
            self._add(*taken)
        samples = self._samples
        while (
            len(samples) > 2
            and samples[-1].at - samples[0].at > _WINDOW
            and samples[-1].at - samples[1].at >= _SHORTEST
        ):
            samples.popleft()

    def _add(self, message: Odometry, info: Any) -> None:
        stamp = (message.header.stamp.sec, message.header.stamp.nanosec)
        came = info.get('received_timestamp') or time.time_ns()
        waited = min(max(0.0, (time.time_ns() - came) / 1e9), 1e6)
        at = time.monotonic() - waited
        self._heard_at = at
        if self._newest is not None and stamp != (0, 0) and stamp == self._newest.stamp:
            # The same again is no news.
            self._problem = f'odometry on {self.topic} comes again and again with one stamp'
            return
        pose, twist = message.pose.pose, message.twist.twist
        sample = self._newest = _Sample(
            at,
            stamp,
            pose.position.x,
            pose.position.y,
            yaw(pose.orientation),
            math.hypot(twist.linear.x, twist.linear.y),
            abs(twist.angular.z),
        )
        if not sample.finite:
            self._problem = f'odometry on {self.topic} holds numbers that are not finite'
        self._samples.append(sample)
