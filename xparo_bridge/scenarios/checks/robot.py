# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of where the robot was and how it moved: pose, never, min_clearance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import math
from typing import Any, ClassVar

from ...local.sim.drive import Pose
from ..document import Part
from ..given import Context
from ..quantities import ANGLE, DURATION, LENGTH, SPEED
from ..stage import Stage
from ..steps.expect_robot import away, moves
from ..timeline import Event
from .base import Check

# s of real time that what is heard of a robot may lag behind what the platform has heard: a drive
# that has ended there may go on here.
_LAG = 2.0


@dataclass(kw_only=True)
class EndsAt(Check):
    """`pose: {place: table_4, within: 0.3 m}`, and `yaw_within`: where the robot is at the end."""

    name: ClassVar[str] = 'pose'
    robot: str
    pose: Pose
    near: float
    yaw_near: float | None

    @classmethod
    def read(cls, part: Part, context: Context) -> EndsAt:
        part.map(('place', 'x', 'y', 'yaw', 'within', 'yaw_within', 'robot'))
        robot = context.robot(part)
        return cls(
            robot=robot,
            pose=context.place(part, robot),
            near=part['within'].quantity(LENGTH) if 'within' in part else 0.3,
            yaw_near=part['yaw_within'].quantity(ANGLE) if 'yaw_within' in part else None,
        )

    async def settle(self, stage: Stage) -> None:
        def stands() -> bool | None:
            truth = stage.timeline.last('truth', self.robot)
            return (truth is not None and not moves(truth.data)) or None

        await stage.timeline.until(stands, _LAG * stage.world.factor)

    def problem(self, stage: Stage) -> str:
        truth = stage.timeline.last('truth', self.robot)
        if truth is None:
            return 'nothing says where the robot is'
        far = away(truth.data, self.pose)
        if far > self.near:
            return (
                f'the robot ended {far:.2f} m from there, at x {truth.data["x"]:.2f} '
                f'y {truth.data["y"]:.2f}'
            )
        turned = abs(math.remainder(truth.data['yaw'] - self.pose.yaw, math.tau))
        if self.yaw_near is not None and turned > self.yaw_near:
            return f'the robot is turned by {turned:.2f} rad'
        return ''


# What may never be, by name: whether a truth is so, given the value in the scenario.
Condition = Callable[[dict[str, Any]], bool]


def _condition(name: str, part: Part) -> Condition:
    if name == 'moving':
        expected = part.boolean()
        return lambda truth: moves(truth) == expected
    if name == 'speed_above':
        bound = part.quantity(SPEED)
        return lambda truth: abs(truth.get('speed', 0.0)) > bound
    if name == 'clearance_below':
        least = part.quantity(LENGTH)
        return lambda truth: truth.get('clearance', math.inf) < least
    expected = part.boolean()
    return lambda truth: bool(truth.get(name)) == expected


_NEVER = ('moving', 'speed_above', 'clearance_below', 'bumped', 'docked')
_WHILE = ('stopped', 'paused', 'disconnected', 'always')


@dataclass(kw_only=True)
class Never(Check):
    """
    `never: {moving: true, while: stopped}`: all that is named at once, at no moment.

    `stopped` and `paused` last from when that command succeeded until a resume is sent;
    `disconnected`, which `after: 2 s` puts off, from when the platform lost the robot.
    """

    name: ClassVar[str] = 'never'
    robot: str
    conditions: list[Condition]
    during: str
    after: float

    @classmethod
    def read(cls, part: Part, context: Context) -> Never:
        part.map((*_NEVER, 'while', 'after', 'robot'))
        conditions = [_condition(key, part[key]) for key in _NEVER if key in part]
        if not conditions:
            part.refuse(f'expected one or more of {", ".join(_NEVER)}')
        return cls(
            robot=context.robot(part),
            conditions=conditions,
            during=part['while'].one_of(_WHILE) if 'while' in part else 'always',
            after=part['after'].quantity(DURATION) if 'after' in part else 0.0,
        )

    def problem(self, stage: Stage) -> str:
        spans = list(self._spans(stage))
        if self.during != 'always' and not spans:
            return f'the robot never was {self.during}: there is nothing to judge'
        for event in stage.timeline.of('truth', self.robot):
            if any(begin + self.after <= event.at <= end for begin, end in spans) and all(
                condition(event.data) for condition in self.conditions
            ):
                truth = event.data
                return (
                    f'at {event.at:.1f} s it was so: x {truth["x"]:.2f} y {truth["y"]:.2f}, '
                    f'{truth.get("speed", 0.0):.2f} m/s, {truth.get("turn", 0.0):.2f} rad/s'
                )
        return ''

    def _spans(self, stage: Stage) -> Iterator[tuple[float, float]]:
        timeline = stage.timeline
        if self.during == 'always':
            yield 0.0, math.inf
        elif self.during == 'disconnected':
            yield from timeline.outages(self.robot)
        else:
            command = {'stopped': 'stop', 'paused': 'pause'}[self.during]
            ends = [sent.at for sent in stage.sent.values() if sent.name == 'resume']
            for event in timeline.received('command_status', self.robot):
                status = event.data['data']
                if status['command'] == command and status['state'] == 'succeeded':
                    yield event.at, min((at for at in ends if at > event.at), default=math.inf)


@dataclass(kw_only=True)
class MinClearance(Check):
    """`min_clearance: 0.15 m`: no robot's edge ever came closer to anything."""

    name: ClassVar[str] = 'min_clearance'
    robots: list[str]
    least: float

    @classmethod
    def read(cls, part: Part, context: Context) -> MinClearance:
        if isinstance(part.value, dict):
            part.map(('of', 'robot'), required=('of',))
            return cls(robots=[context.robot(part)], least=part['of'].quantity(LENGTH))
        return cls(robots=list(context.robots), least=part.quantity(LENGTH))

    def problem(self, stage: Stage) -> str:
        closest: Event | None = None
        judged = set()
        for event in stage.timeline.of('truth'):
            if event.robot in self.robots and 'clearance' in event.data and event.at >= 0.0:
                judged.add(event.robot)
                if closest is None or event.data['clearance'] < closest.data['clearance']:
                    closest = event
        if closest is None or judged != set(self.robots):
            return 'nothing says how much room there was'
        if closest.data['clearance'] < self.least:
            whose = f'{closest.robot} had' if len(self.robots) > 1 else 'there were'
            return (
                f'{whose} {closest.data["clearance"]:.2f} m at {closest.at:.1f} s, at '
                f'x {closest.data["x"]:.2f} y {closest.data["y"]:.2f}'
            )
        return ''


CHECKS = (EndsAt, Never, MinClearance)
