# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Steps that break the robot: sensors, servers, battery, way, clock, bridge."""

from __future__ import annotations

from dataclasses import dataclass
import signal
from typing import Any, ClassVar

from ...local.sim.action_servers import Faults
from ...local.sim.drive import Pose
from ..document import Part
from ..given import Context
from ..quantities import DURATION, LENGTH, PERCENT, TIME_STEP
from ..stage import Stage
from .base import Step


def _only(part: Part, context: Context, example: str) -> str:
    if len(context.robots) > 1:
        part.refuse(f'say which robot: {example}')
    return next(iter(context.robots))


@dataclass(kw_only=True)
class Block(Step):
    """`block: {place: door_2, radius: 0.5 m, for: 10 s}`, or x: and y:: an obstacle appears."""

    name: ClassVar[str] = 'block'
    needs: ClassVar[tuple[str, ...]] = ('block',)
    pose: Pose
    radius: float
    seconds: float | None
    title: str

    @classmethod
    def read(cls, part: Part, context: Context) -> Block:
        part.map(('place', 'x', 'y', 'radius', 'for'))
        robot = next(iter(context.robots))
        pose = context.place(part, robot)
        radius = part['radius'].quantity(LENGTH) if 'radius' in part else 0.5
        seconds = part['for'].quantity(DURATION) if 'for' in part else None
        title = 'o' + ''.join(c if c.isalnum() else '_' for c in part.where)
        return cls(pose=pose, radius=radius, seconds=seconds, title=title)

    async def play(self, stage: Stage) -> None:
        await stage.world.block(self.title, self.pose, self.radius)

        async def mend() -> None:
            await stage.world.unblock(self.title)

        where = {'x': self.pose.x, 'y': self.pose.y, 'radius': self.radius}
        stage.timeline.add('obstacle', '', **where, seconds=self.seconds)
        stage.fault(self.text, '', self.seconds, mend)


@dataclass(kw_only=True)
class _ParameterFault(Step):
    robot: str
    value: Any
    parameter: ClassVar[str]
    healthy: ClassVar[Any] = ''
    seconds: float | None = None

    async def play(self, stage: Stage) -> None:
        await stage.world.set_robot(self.robot, self.parameter, self.value)

        async def mend() -> None:
            await stage.world.set_robot(self.robot, self.parameter, self.healthy)

        stage.fault(self.text, self.robot, self.seconds, mend)


def _names(part: Part) -> str:
    if isinstance(part.value, list):
        return ','.join(entry.text() for entry in part.list())
    return part.text()


@dataclass(kw_only=True)
class Silence(_ParameterFault):
    """`silence: {sensor: scan, for: 5 s}`: the sensor says nothing."""

    name: ClassVar[str] = 'silence'
    needs: ClassVar[tuple[str, ...]] = ('silence',)
    parameter: ClassVar[str] = 'silent'

    @classmethod
    def read(cls, part: Part, context: Context) -> Silence:
        from ...local.sim.sensors import SENSORS

        part.map(('sensor', 'for', 'robot'), required=('sensor',))
        for name in _names(part['sensor']).split(','):
            if name not in SENSORS:
                part['sensor'].refuse(f'no sensor "{name}"; there are {", ".join(SENSORS)}')
        seconds = part['for'].quantity(DURATION) if 'for' in part else None
        return cls(robot=context.robot(part), value=_names(part['sensor']), seconds=seconds)


@dataclass(kw_only=True)
class KillServer(_ParameterFault):
    """`kill_server: {action: navigate_to_pose, for: 5 s}`: it dies, and may come back."""

    name: ClassVar[str] = 'kill_server'
    needs: ClassVar[tuple[str, ...]] = ('kill_server',)
    parameter: ClassVar[str] = 'dead_servers'

    @classmethod
    def read(cls, part: Part, context: Context) -> KillServer:
        from ...local.sim.node import ACTIONS

        part.map(('action', 'for', 'robot'), required=('action',))
        part['action'].one_of(tuple(ACTIONS))
        seconds = part['for'].quantity(DURATION) if 'for' in part else None
        return cls(robot=context.robot(part), value=part['action'].text(), seconds=seconds)


@dataclass(kw_only=True)
class FailNext(_ParameterFault):
    """`fail_next: abort`: how the next goal goes wrong, whichever it is."""

    name: ClassVar[str] = 'fail_next'
    needs: ClassVar[tuple[str, ...]] = ('fail_next',)
    parameter: ClassVar[str] = 'fail_next'

    @classmethod
    def read(cls, part: Part, context: Context) -> FailNext:
        if isinstance(part.value, dict):
            part.map(('how', 'robot'), required=('how',))
            robot, how = context.robot(part), part['how']
        else:
            robot, how = _only(part, context, 'fail_next: {how: abort, robot: NAME}'), part
        problem = Faults.check(how.text())
        if problem:
            how.refuse(problem)
        return cls(robot=robot, value=how.text())


@dataclass(kw_only=True)
class Battery(_ParameterFault):
    """`battery: 12 %`: so much is in it from now on."""

    name: ClassVar[str] = 'battery'
    needs: ClassVar[tuple[str, ...]] = ('battery',)
    parameter: ClassVar[str] = 'battery_level'

    @classmethod
    def read(cls, part: Part, context: Context) -> Battery:
        if isinstance(part.value, dict):
            part.map(('level', 'robot'), required=('level',))
            robot, level = context.robot(part), part['level']
        else:
            robot, level = _only(part, context, 'battery: {level: 12 %, robot: NAME}'), part
        percent = level.quantity(PERCENT)
        if percent > 100.0:
            level.refuse('expected at most 100 %')
        return cls(robot=robot, value=percent / 100.0)


@dataclass(kw_only=True)
class JumpClock(Step):
    """`jump_clock: -5 s`: /clock is set back, or forward."""

    name: ClassVar[str] = 'jump_clock'
    needs: ClassVar[tuple[str, ...]] = ('jump_clock',)
    seconds: float

    @classmethod
    def read(cls, part: Part, context: Context) -> JumpClock:
        return cls(seconds=part.quantity(TIME_STEP))

    async def play(self, stage: Stage) -> None:
        await stage.world.jump_clock(self.seconds)
        stage.timeline.add('fault', '', text=self.text, seconds=0.0)


_SIGNALS = ('SIGKILL', 'SIGTERM', 'SIGINT', 'SIGABRT')


def _signal(part: Part) -> signal.Signals:
    return signal.Signals[part['signal'].one_of(_SIGNALS) if 'signal' in part else 'SIGKILL']


@dataclass(kw_only=True)
class KillBridge(Step):
    """`kill_bridge: {signal: SIGKILL, for: 2 s}`: it ends, and is started again then."""

    name: ClassVar[str] = 'kill_bridge'
    needs: ClassVar[tuple[str, ...]] = ('kill_bridge',)
    robot: str
    number: signal.Signals
    seconds: float

    @classmethod
    def read(cls, part: Part, context: Context) -> KillBridge:
        if part.value is None:
            part.value = {}
        part.map(('signal', 'for', 'robot'))
        seconds = part['for'].quantity(DURATION) if 'for' in part else 0.0
        return cls(robot=context.robot(part), number=_signal(part), seconds=seconds)

    async def play(self, stage: Stage) -> None:
        bridge = stage.bridges[self.robot]
        await bridge.kill(self.number)
        # What is sent to a connection that is about to break is lost, so the next step comes when
        # the platform knows. It cannot hear of it by a line that passes nothing on.
        if not stage.links[self.robot].vanished:
            await stage.timeline.until_disconnected(self.robot)
        stage.fault(self.text, self.robot, self.seconds, bridge.start)


@dataclass(kw_only=True)
class KillProgram(Step):
    """`kill_program: {program: arm, for: 2 s}`: one of `given.programs` ends, and comes back."""

    name: ClassVar[str] = 'kill_program'
    needs: ClassVar[tuple[str, ...]] = ('kill_program',)
    program: str
    number: signal.Signals
    seconds: float | None

    @classmethod
    def read(cls, part: Part, context: Context) -> KillProgram:
        part.map(('program', 'signal', 'for'), required=('program',))
        if not context.programs:
            part['program'].refuse('there are no programs under given')
        return cls(
            program=part['program'].one_of(context.programs),
            number=_signal(part),
            seconds=part['for'].quantity(DURATION) if 'for' in part else None,
        )

    async def play(self, stage: Stage) -> None:
        program = stage.programs[self.program]
        await program.kill(self.number)
        stage.fault(self.text, '', self.seconds, program.start)


STEPS = (Block, Silence, KillServer, FailNext, Battery, JumpClock, KillBridge, KillProgram)
