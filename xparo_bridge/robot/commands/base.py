# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Orders the robot's base to stand or to move, and knows whether it stands.

One object for all commands, made from the configuration's section `base`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
import time
from typing import Any

from rclpy.node import Node

from ...messages import ErrorCode
from ...ros.base_motion import BaseMotion, Motion
from ...ros.entities import timer
from ...ros.every import every
from ...ros.velocity import STANDING, Velocity
from ...ros.velocity_topic import VelocityTopic
from .base_settings import BaseSettings
from .guard_process import GuardProcess
from .run import Rejection

_STAND_RATE = 20.0
# How often subscribers of the topics are looked for at rest, s.
_LOOK_PERIOD = 1.0
# How long nobody may listen until that is reported, s: nodes of one robot start together.
_PATIENCE = 10.0
# How long bridge and guard may take to find who subscribes, s.
_DISCOVERY = 5.0


class Stand:
    """One wish that the base stands; it is told to until every such wish has ended."""

    def __init__(self, base: RobotBase) -> None:
        self._base = base

    def end(self) -> None:
        """End it; to do so twice is harmless."""
        self._base._end(self)


class RobotBase:
    """
    The robot's base; lives on the ROS thread.

    It has a topic or none (a base that stands by itself), and further ones where commands name
    some. `stand` is for all of them, `drive` for one.
    """

    def __init__(self, node: Node, settings: BaseSettings) -> None:
        self.settings = settings
        self._node = node
        self._logger = node.get_logger().get_child('base')
        for warning in settings.warnings:
            self._logger.warning(warning)
        self._topics = {
            topic: VelocityTopic(node, topic, message=each.message, frame=each.frame)
            for topic, each in settings.topics.items()
        }
        self._motion = (
            BaseMotion(
                node,
                settings.odom_topic,
                linear=settings.standing_below['linear'],
                angular=settings.standing_below['angular'],
            )
            if settings.odom_topic is not None
            else None
        )
        driven = [self._topics[topic] for topic in sorted(set(settings.drives.values()))]
        self._guard = GuardProcess(node, driven, settings.stand_for) if driven else None
        self._driven = set(settings.drives.values())
        self._stands: set[Stand] = set()
        self._closed = False
        self._made_at = time.monotonic()
        # Whether a command drives: only then is it worth a warning that no base listens.
        self.needed = True
        self._stand_until = dict.fromkeys(self._topics, 0.0)
        self._reports = {topic: _Report() for topic in self._topics}
        self._timer = timer(node, 1 / _STAND_RATE, self._tick, running=False)
        self._end_looking = every(node, _LOOK_PERIOD, self._look)

    # --- to stand ---

    def stand(self) -> Stand:
        """Have the base stand, at once and again, until the returned wish has ended."""
        stand = Stand(self)
        begins = not self.standing
        self._stands.add(stand)
        self._publish_zeros(self._topics)
        self._timer.reset()
        if begins and self._motion is not None:
            self._motion.forget()
        return stand

    def stand_for(self, seconds: float | None = None, topic: str | None = None) -> None:
        """Have the base stand, at once and for a time, by default `stand_for`, on one topic."""
        seconds = self.settings.stand_for if seconds is None else seconds
        topics = self._topics if topic is None else (topic,)
        begins = not self.standing
        for each in topics:
            self._stand_until[each] = max(self._stand_until[each], time.monotonic() + seconds)
        self._publish_zeros(topics, seconds)
        self._timer.reset()
        if begins and self._motion is not None:
            self._motion.forget()

    @property
    def standing(self) -> bool:
        """Whether the base is being told to stand."""
        until = max(self._stand_until.values(), default=0.0)
        return bool(self._stands) or until > time.monotonic()

    def motion(self) -> Motion:
        """Return whether the base moves, by its odometry; ask twice a second or more often."""
        if self._motion is None:
            return Motion(None, None, 'no odometry is configured (base.odom_topic)')
        return self._motion.now()

    # --- to move ---

    def drive(self, velocity: Velocity, topic: str, until: float) -> bool:
        """
        Have the base move so until a time of the monotonic clock; whether that can be done.

        The guard publishes it, and tells the base to stand then whatever becomes of the bridge.
        Nothing is published while somebody wants the base to stand.
        """
        if self._stands or self._guard is None:
            return False
        if not self._guard.drive(self._topics[topic], velocity, until):
            return False
        self._stand_until[topic] = 0.0
        return True

    def undrivable(self, topic: str) -> Rejection | None:
        """Say why nobody can drive now, None if somebody can."""
        why = self.unheard(topic)
        # Who was there before this bridge is found in its first seconds only.
        if why is not None and time.monotonic() > self._made_at + _DISCOVERY:
            return Rejection(ErrorCode.NO_BASE, why)
        assert self._guard is not None
        why = self._guard.problem()
        return None if why is None else Rejection(ErrorCode.GUARD_NOT_READY, why)

    def unheard(self, topic: str | None = None) -> str | None:
        """
        Say why the base hears nothing of this, None if somebody listens.

        A base without a topic stands by itself.
        """
        topic = self.settings.topic if topic is None else topic
        if topic is None:
            return None
        out, guard = self._topics[topic], self._guard
        if guard is None or topic not in self._driven or guard.age < _DISCOVERY:
            return out.unheard()
        return out.unheard(guard.matched(out) if guard.ready else None)

    def wait_ready(self, timeout: float) -> None:
        """Wait for the guard, if there is one; for the start of the bridge, before it spins."""
        if self._guard is not None and not self._guard.wait_ready(timeout):
            self._logger.warning(f'{self._guard.problem()}; nobody can drive by hand yet')

    def close(self) -> None:
        """End what is published; to do so twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._node.destroy_timer(self._timer)
        self._end_looking()
        if self._guard is not None:
            self._guard.close()
        for topic in self._topics.values():
            topic.close()

    # --- inside ---

    def _end(self, stand: Stand) -> None:
        self._stands.discard(stand)

    def _publish_zeros(self, topics: Iterable[str], seconds: float = 2 / _STAND_RATE) -> None:
        """Publish zeros, and have the guard do so for a time instead of what it has."""
        for topic in topics:
            out, guard = self._topics[topic], self._guard
            # By one publisher as long as it does it: those of two may overtake each other.
            if guard is None or topic not in self._driven or not guard.stand(out, seconds):
                out.publish(STANDING)

    def _tick(self) -> None:
        now = time.monotonic()
        topics = [
            topic for topic, until in self._stand_until.items() if self._stands or until > now
        ]
        self._publish_zeros(topics)
        if self._motion is not None:
            self._motion.now()  # So that there are poses to compare.
        if not topics and not self.standing:
            self._timer.cancel()

    def _look(self) -> None:
        if self._guard is not None:
            self._guard.check()
        for topic, out in self._topics.items():
            out.look()
            if self.needed:
                self._reports[topic].update(out, self._logger)
        if self._motion is not None:
            self._motion.now()  # What it says now counts if it is silent when a stop comes.


@dataclass
class _Report:
    """What the log says of the listeners of one topic: that there are none, and some again."""

    since: float | None = None
    said: str = ''

    def update(self, out: VelocityTopic, logger: Any) -> None:
        why = out.unheard()
        if why is None:
            if self.said:
                logger.info(f'{out.name} has subscribers now')
            self.since, self.said = None, ''
            return
        now = time.monotonic()
        self.since = now if self.since is None else self.since
        if now - self.since >= _PATIENCE and why != self.said:
            self.said = why
            logger.warning(f'the base cannot be told to stand: {why}')
