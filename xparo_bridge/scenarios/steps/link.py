# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Steps that break the link between a robot and its platform, and the platform itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..document import Part
from ..fault_proxy import FaultProxy
from ..given import Context
from ..quantities import DURATION, RATE
from ..stage import Stage
from .base import Step


def _for(part: Part) -> float | None:
    return part['for'].quantity(DURATION) if 'for' in part else None


@dataclass(kw_only=True)
class _LinkStep(Step):
    robot: str
    seconds: float | None = None

    def _line(self, stage: Stage) -> FaultProxy:
        return stage.links[self.robot]

    def _until_mended(self, stage: Stage) -> None:
        async def mend() -> None:
            self._line(stage).heal()

        stage.fault(self.text, self.robot, self.seconds, mend)


@dataclass(kw_only=True)
class CutLink(_LinkStep):
    """`cut_link: 12 s`, or `{for: 12 s, silently: true}`, as a pulled cable does; it goes on."""

    name: ClassVar[str] = 'cut_link'
    silently: bool = False

    @classmethod
    def read(cls, part: Part, context: Context) -> CutLink:
        if not isinstance(part.value, dict):
            if len(context.robots) > 1:
                part.refuse('say which robot: cut_link: {for: …, robot: NAME}')
            robot = next(iter(context.robots))
            return cls(robot=robot, seconds=part.quantity(DURATION))
        part.map(('for', 'silently', 'robot'))
        silently = part['silently'].boolean() if 'silently' in part else False
        return cls(robot=context.robot(part), seconds=_for(part), silently=silently)

    async def play(self, stage: Stage) -> None:
        line = self._line(stage)
        if self.silently:
            line.vanish()
        else:
            line.refusing = True
            line.cut()
            # Else `connected: true` may be judged by what the platform had before.
            await stage.timeline.until_disconnected(self.robot)
        self._until_mended(stage)


@dataclass(kw_only=True)
class DelayLink(_LinkStep):
    """`delay_link: {by: 300 ms, for: 10 s}`: each way."""

    name: ClassVar[str] = 'delay_link'
    by: float

    @classmethod
    def read(cls, part: Part, context: Context) -> DelayLink:
        part.map(('by', 'for', 'robot'), required=('by',))
        by = part['by'].quantity(DURATION)
        return cls(robot=context.robot(part), seconds=_for(part), by=by)

    async def play(self, stage: Stage) -> None:
        self._line(stage).delay = self.by / stage.world.factor
        self._until_mended(stage)


@dataclass(kw_only=True)
class ThrottleLink(_LinkStep):
    """`throttle_link: {to: 2 kB/s, for: 10 s}`: each way."""

    name: ClassVar[str] = 'throttle_link'
    rate: float

    @classmethod
    def read(cls, part: Part, context: Context) -> ThrottleLink:
        part.map(('to', 'for', 'robot'), required=('to',))
        rate = part['to'].quantity(RATE)
        if rate <= 0.0:
            part['to'].refuse('expected more than 0 B/s; cut_link lets nothing through')
        return cls(robot=context.robot(part), seconds=_for(part), rate=rate)

    async def play(self, stage: Stage) -> None:
        self._line(stage).rate = self.rate * stage.world.factor
        self._until_mended(stage)


@dataclass(kw_only=True)
class FlapLink(_LinkStep):
    """`flap_link: {every: 2 s, for: 20 s}`: reset again and again."""

    name: ClassVar[str] = 'flap_link'
    every: float

    @classmethod
    def read(cls, part: Part, context: Context) -> FlapLink:
        part.map(('every', 'for', 'robot'), required=('every', 'for'))
        every = part['every'].quantity(DURATION)
        if every <= 0.0:
            part['every'].refuse('expected more than 0 s')
        return cls(robot=context.robot(part), seconds=_for(part), every=every)

    async def play(self, stage: Stage) -> None:
        async def flap() -> None:
            while True:
                self._line(stage).cut()
                await stage.timeline.sleep(self.every)

        flapping = stage.beside(flap())

        async def mend() -> None:
            flapping.cancel()
            self._line(stage).heal()

        stage.fault(self.text, self.robot, self.seconds, mend)


_WRONG: dict[str, str] = {
    'not_json': '{"type": "remote_comm',
    'unknown_type': '{"type": "self_destruct", "data": {}}',
    'no_data': '{"type": "remote_command"}',
    'wrong_fields': '{"type": "remote_command", "data": {"command": 7, "parameters": []}}',
    'not_an_object': '[[[]]]',
    'deep': '[' * 5000 + ']' * 5000,
    'nothing': '',
}


@dataclass(kw_only=True)
class WrongAnswer(Step):
    """`wrong_answer: not_json`, or `{frame: TEXT}`: the platform sends what it must not."""

    name: ClassVar[str] = 'wrong_answer'
    robot: str
    frame: str

    @classmethod
    def read(cls, part: Part, context: Context) -> WrongAnswer:
        if not isinstance(part.value, dict):
            if len(context.robots) > 1:
                part.refuse('say which robot: wrong_answer: {kind: …, robot: NAME}')
            frame = _WRONG[part.one_of(tuple(_WRONG))]
            return cls(robot=next(iter(context.robots)), frame=frame)
        part.map(('kind', 'frame', 'robot'))
        if ('kind' in part) == ('frame' in part):
            part.refuse('expected either kind: or frame:')
        frame = (
            _WRONG[part['kind'].one_of(tuple(_WRONG))] if 'kind' in part else part['frame'].text()
        )
        return cls(robot=context.robot(part), frame=frame)

    async def play(self, stage: Stage) -> None:
        await stage.platform.request('raw', robot=self.robot, text=self.frame)
        stage.timeline.add('fault', self.robot, text=self.text, seconds=0.0)


@dataclass(kw_only=True)
class RestartPlatform(Step):
    """`restart_platform: {down_for: 3 s}`: it ends, and is started again at its address."""

    name: ClassVar[str] = 'restart_platform'
    seconds: float

    @classmethod
    def read(cls, part: Part, context: Context) -> RestartPlatform:
        if part.value is None:
            return cls(seconds=0.0)
        if not isinstance(part.value, dict):
            return cls(seconds=part.quantity(DURATION))
        part.map(('down_for',))
        return cls(seconds=part['down_for'].quantity(DURATION) if 'down_for' in part else 0.0)

    async def play(self, stage: Stage) -> None:
        await stage.platform.stop()
        stage.timeline.platform_gone()
        stage.fault(self.text, '', self.seconds, stage.platform.start)


STEPS = (CutLink, DelayLink, ThrottleLink, FlapLink, WrongAnswer, RestartPlatform)
