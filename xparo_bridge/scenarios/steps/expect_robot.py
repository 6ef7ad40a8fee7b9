# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Expectations about a robot itself: its motion, its topics, and what its bridge prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
import math
import re
from typing import Any, ClassVar

from ...local.sim.drive import Pose
from ...ros.values import plain
from ..document import Part
from ..given import Context
from ..matching import differs
from ..quantities import LENGTH
from ..stage import Stage
from .expectation import Expectation, pattern
from .ros import read_type

MOVING = 0.02  # m/s or rad/s from which on a robot moves


@dataclass(kw_only=True)
class At(Expectation):
    """The robot is somewhere."""

    key: ClassVar[str] = 'pose'
    real: ClassVar[float] = 0.0
    pose: Pose
    near: float

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        where = part['pose'].map(('place', 'x', 'y', 'yaw', 'within'))
        robot = context.robot(part)
        near = where['within'].quantity(LENGTH) if 'within' in where else 0.3
        return {'pose': context.place(where, robot), 'near': near}

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        def look() -> bool | None:
            truth = stage.timeline.last('truth', self.robot)
            return (truth is not None and away(truth.data, self.pose) <= self.near) or None

        return look

    def missed(self, stage: Stage) -> str:
        truth = stage.timeline.last('truth', self.robot)
        if truth is None:
            return 'nothing says where the robot is'
        return (
            f'the robot is {away(truth.data, self.pose):.2f} m from there, at '
            f'x {truth.data["x"]:.2f} y {truth.data["y"]:.2f}'
        )


def away(truth: dict[str, Any], pose: Pose) -> float:
    """How far a robot is from a pose, m."""
    x, y = float(truth['x']), float(truth['y'])
    return math.hypot(x - pose.x, y - pose.y)


def moves(truth: dict[str, Any]) -> bool:
    """Whether a robot moves."""
    speed, turn = float(truth.get('speed', 0.0)), float(truth.get('turn', 0.0))
    return abs(speed) > MOVING or abs(turn) > MOVING


@dataclass(kw_only=True)
class Moving(Expectation):
    """The robot moves, or stands."""

    key: ClassVar[str] = 'moving'
    real: ClassVar[float] = 0.0
    expected: bool

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        return {'expected': part['moving'].boolean()}

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        def look() -> bool | None:
            truth = stage.timeline.last('truth', self.robot)
            return (truth is not None and moves(truth.data) == self.expected) or None

        return look

    def missed(self, stage: Stage) -> str:
        return 'the robot stands' if self.expected else 'the robot moves'


@dataclass(kw_only=True)
class Message(Expectation):
    """A message comes on a topic."""

    key: ClassVar[str] = 'topic'
    others: ClassVar[Sequence[str]] = ('type', 'where')
    topic: str
    type_name: str
    values: dict[str, Any]
    heard: list[tuple[float, Any]] = field(default_factory=list)

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        part.map(required=('type',))
        return {
            'topic': part['topic'].text(),
            'type_name': read_type(part['type']),
            'values': part['where'].map().value if 'where' in part else {},
        }

    async def prepare(self, stage: Stage) -> None:
        self.heard = []
        await stage.ros.hear(
            self.topic,
            self.type_name,
            lambda message: self.heard.append((stage.timeline.now, plain(message))),
        )

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        since = stage.acted_at

        def look() -> bool | None:
            return (
                any(
                    at >= since and not differs(message, self.values) for at, message in self.heard
                )
                or None
            )

        return look

    def missed(self, stage: Stage) -> str:
        if not self.heard:
            return f'no message came on {self.topic}'
        problem = differs(self.heard[-1][1], self.values)
        return f'no such message came on {self.topic}; of the last {problem or "all is so"}'


@dataclass(kw_only=True)
class Log(Expectation):
    """The bridge prints a line."""

    key: ClassVar[str] = 'log'
    words: str

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        return {'words': pattern(part['log'])}

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        bridge = stage.bridges[self.robot]
        return lambda: any(re.search(self.words, line) for line in bridge.lines) or None

    def missed(self, stage: Stage) -> str:
        return f'the bridge did not print {self.words!r}'
