# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The step `expect`: something must come about within a time.

| what | it is met when |
|---|---|
| status: running, of: NAME, error: CODE, result: {…} | the command, or the last, has had it |
| tree: NAME, state: succeeded | the tree that was pushed is so |
| chat: REGEX | the robot says it, from now on |
| telemetry: {KEY: CONDITION} | the latest values are so |
| connected: true | the platform has the robot's connection, or not |
| pose: {place: P, within: 0.3 m} | the robot is there |
| moving: true | it moves, or stands |
| topic: NAME, type: T, where: {FIELD: CONDITION} | such a message comes, from now on |
| log: REGEX | the bridge prints it, from its start on |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
import math
import re
from typing import Any, ClassVar

from ...local.platform_frames import COMMAND_STATES, TERMINAL_STATES
from ...local.sim.drive import Pose
from ...ros.values import plain
from ..document import Part
from ..failures import Failed
from ..given import Context
from ..matching import differs
from ..quantities import DURATION, LENGTH
from ..stage import Sent, Stage
from .base import Step
from .ros import read_type

_SOON = 10.0  # s that is waited where a step names no time
# s of real time that what processes say is waited for at least: where the world runs ten times as
# fast as real time, a bridge computes no faster, and 5 s there would be half a second.
_ANSWER = 5.0
MOVING = 0.02  # m/s or rad/s from which on a robot moves
_TREE_ENDS = ('succeeded', 'failed', 'halted', 'rejected', 'stopped', 'canceled')


def pattern(part: Part) -> str:
    """Return a regular expression."""
    try:
        re.compile(part.text())
    except re.error as error:
        part.refuse(f'no regular expression: {error}')
    return part.text()


@dataclass(kw_only=True)
class Expect(Step):
    """One expectation: `look` is asked until it says that it is met."""

    name: ClassVar[str] = 'expect'
    acts: ClassVar[bool] = False
    within: float
    robot: str

    @classmethod
    def read(cls, part: Part, context: Context) -> Expect:
        kinds = {kind.key: kind for kind in KINDS}
        part.map()
        found = [key for key in kinds if key in part.value]
        if len(found) != 1:
            part.map((*kinds, 'within', 'robot'))
            part.refuse(f'expected one of {", ".join(kinds)}')
        kind = kinds[found[0]]
        part.map((kind.key, *kind.others, 'within', 'robot'))
        within = part['within'].quantity(DURATION) if 'within' in part else _SOON
        robot = '' if kind is Status and 'robot' not in part else context.robot(part)
        return kind(within=within, robot=robot, **kind.arguments(part, context))

    key: ClassVar[str] = ''
    real: ClassVar[float] = _ANSWER
    others: ClassVar[Sequence[str]] = ()

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        """Read what is of this kind alone."""
        raise NotImplementedError

    async def play(self, stage: Stage) -> None:
        look = self.look(stage)
        if not await stage.timeline.until(look, self.within, self.real):
            raise Failed(self.missed(stage))

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        """Return what says True when it is met, and None as long as it may be."""
        raise NotImplementedError

    def missed(self, stage: Stage) -> str:
        """Say what was instead."""
        raise NotImplementedError


@dataclass(kw_only=True)
class Status(Expect):
    """A command has had a state; one that ended otherwise fails it at once."""

    key: ClassVar[str] = 'status'
    others: ClassVar[Sequence[str]] = ('of', 'error', 'result')
    state: str
    of: str = ''
    error: str = ''
    result: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        return {
            'state': part['status'].one_of(COMMAND_STATES),
            'of': part['of'].text() if 'of' in part else '',
            'error': part['error'].text() if 'error' in part else '',
            'result': part['result'].map().value if 'result' in part else {},
        }

    def _sent(self, stage: Stage) -> Sent:
        sent = stage.named(self.of) if self.of else stage.last_sent
        if sent is None:
            raise Failed('nothing was sent yet whose status could be expected')
        return sent

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        sent = self._sent(stage)

        def look() -> bool | None:
            statuses = stage.timeline.statuses(sent.id)
            for status in statuses:
                if status['state'] == self.state and not self._otherwise(status):
                    return True
            ended = [status for status in statuses if status['state'] in TERMINAL_STATES]
            return False if ended else None

        return look

    def _otherwise(self, status: dict[str, Any]) -> str:
        error = status.get('error') or {}
        if self.error and error.get('code') != self.error:
            return f'its error is {error.get("code")}, not {self.error}'
        return differs(status.get('result') or {}, self.result, 'result')

    def missed(self, stage: Stage) -> str:
        sent = self._sent(stage)
        statuses = stage.timeline.statuses(sent.id)
        if not statuses:
            return f'{sent.name} was not answered within {self.within:g} s'
        last = statuses[-1]
        error = last.get('error') or {}
        words = f': {error.get("code")}: {error.get("message")}' if error else ''
        if last['state'] == self.state and (problem := self._otherwise(last)):
            return f'{sent.name} is {self.state}, but {problem}{words}'
        if last['state'] in TERMINAL_STATES:
            return f'{sent.name} ended {last["state"]}{words}, not {self.state}'
        progress = last.get('progress') or {}
        left = progress.get('distance_remaining')
        far = f', {left:.1f} m to go' if isinstance(left, (int, float)) else ''
        return f'{sent.name} is {last["state"]} after {self.within:g} s{far}, not {self.state}'


@dataclass(kw_only=True)
class Tree(Expect):
    """A tree that was pushed is in a state."""

    key: ClassVar[str] = 'tree'
    others: ClassVar[Sequence[str]] = ('state',)
    title: str
    state: str

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        part.map(required=('state',))
        return {'title': part['tree'].text(), 'state': part['state'].text()}

    def _states(self, stage: Stage) -> list[dict[str, Any]]:
        pushed = stage.trees.get(self.title)
        since = pushed.at if pushed else 0.0
        return [
            event.data['data']
            for event in stage.timeline.received('behavior_status', self.robot)
            if event.data['data']['tree_name'] == self.title and event.at >= since
        ]

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        def look() -> bool | None:
            states = [status['state'] for status in self._states(stage)]
            if self.state in states:
                return True
            return False if states and states[-1] in _TREE_ENDS else None

        return look

    def missed(self, stage: Stage) -> str:
        states = self._states(stage)
        if not states:
            return f'the robot said nothing of the tree {self.title}'
        errors = '; '.join(
            str(error.get('message', error)) for error in states[-1].get('errors', ())
        )
        return f'the tree {self.title} is {states[-1]["state"]}, not {self.state}' + (
            f': {errors}' if errors else ''
        )


@dataclass(kw_only=True)
class Said(Expect):
    """The robot says something in the chat."""

    key: ClassVar[str] = 'chat'
    words: str

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        return {'words': pattern(part['chat'])}

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        since = stage.acted_at

        def look() -> bool | None:
            return (
                any(
                    event.at >= since and re.search(self.words, event.data['data']['message'])
                    for event in stage.timeline.received('chat', self.robot)
                )
                or None
            )

        return look

    def missed(self, stage: Stage) -> str:
        return f'the robot did not say {self.words!r}'


@dataclass(kw_only=True)
class Telemetry(Expect):
    """The latest telemetry is as expected."""

    key: ClassVar[str] = 'telemetry'
    values: dict[str, Any]

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        return {'values': part['telemetry'].map().value}

    def _problem(self, stage: Stage) -> str:
        latest: dict[str, Any] = {}
        for event in stage.timeline.received('telemetry', self.robot):
            latest |= event.data['data']
        return differs(latest, self.values)

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        return lambda: not self._problem(stage) or None

    def missed(self, stage: Stage) -> str:
        return f'telemetry: {self._problem(stage)}'


@dataclass(kw_only=True)
class Connected(Expect):
    """The platform has a connection of the robot, or none."""

    key: ClassVar[str] = 'connected'
    wanted: bool

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        return {'wanted': part['connected'].boolean()}

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        return lambda: stage.timeline.connected(self.robot) == self.wanted or None

    def missed(self, stage: Stage) -> str:
        return f'the robot is {"not " if self.wanted else ""}connected'


@dataclass(kw_only=True)
class At(Expect):
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
class Moving(Expect):
    """The robot moves, or stands."""

    key: ClassVar[str] = 'moving'
    real: ClassVar[float] = 0.0
    wanted: bool

    @classmethod
    def arguments(cls, part: Part, context: Context) -> dict[str, Any]:
        return {'wanted': part['moving'].boolean()}

    def look(self, stage: Stage) -> Callable[[], bool | None]:
        def look() -> bool | None:
            truth = stage.timeline.last('truth', self.robot)
            return (truth is not None and moves(truth.data) == self.wanted) or None

        return look

    def missed(self, stage: Stage) -> str:
        return 'the robot stands' if self.wanted else 'the robot moves'


@dataclass(kw_only=True)
class Message(Expect):
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
class Log(Expect):
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


KINDS: tuple[type[Expect], ...] = (
    Status,
    Tree,
    Said,
    Telemetry,
    Connected,
    At,
    Moving,
    Message,
    Log,
)
STEPS = (Expect,)
