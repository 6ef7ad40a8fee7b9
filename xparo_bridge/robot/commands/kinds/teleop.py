# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Kind `teleop`: drive by hand over the link, with a dead man's switch.

Each command says how to move now. The robot moves so until the next one, for at most `deadman`
seconds; then, or with a command to stand, or when the link is lost, it is told to stand still: at
once, without a ramp, and several times. A command ends succeeded when a newer one takes its place.

A command that asks to stand (a resting stick) ends what its own sender drives, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import time
from typing import Any

from ....messages import ErrorCode
from ....ros.entities import timer
from ....ros.velocity import STANDING, Velocity
from ..kind import Kind, Robot, Schema, settings, STOP_FOR
from ..run import Rejection, Run
from .lateness import LatencyFilter


@dataclass(frozen=True)
class _Order:
    velocity: Velocity
    until: float  # on the monotonic clock, s


def _limit(description: str, default: float) -> Schema:
    return {'description': description, 'type': 'number', 'minimum': 0, 'default': default}


def _moved(description: str) -> Schema:
    return {'description': description, 'type': ['string', 'null'], 'default': None}


class Teleop(Kind[_Order]):
    """
    Publishes velocities at a fixed rate while commands come.

    Parameters: `linear` and `lateral`, m/s, `angular`, rad/s, cut to the limits; or `axes`, -1
    to 1 each, and `buttons` of a joystick as sensor_msgs/Joy has them. With `require_hold` the
    robot moves only while `report_paused` is true, or the joystick's hold button pressed.
    """

    streams = True

    settings_schema = settings(
        {
            'topic': _moved('Now base.topic; another one if this command drives something else'),
            'stamped': {**_moved('Now base.message'), 'type': ['boolean', 'null']},
            'frame': _moved('Now base.frame'),
            'rate': {
                'description': 'How often velocities are published, Hz',
                'type': 'number',
                'minimum': 1,
                'maximum': 200,
                'default': 20.0,
            },
            'deadman': {
                'description': 'How long a command moves the robot, s',
                'type': 'number',
                'exclusiveMinimum': 0,
                'maximum': 5,
                'default': 0.5,
            },
            'stop_for': STOP_FOR,
            'require_hold': {
                'description': 'Move only while the operator says hold',
                'type': 'boolean',
                'default': False,
            },
            'dead_zone': {
                'description': 'What is less than this part of the whole deflection, or of the '
                'limits, is none',
                'type': 'number',
                'minimum': 0,
                'exclusiveMaximum': 1,
                'default': 0.05,
            },
            'max_linear': _limit('m/s ahead and back', 0.5),
            'max_lateral': _limit('m/s to the sides', 0.0),
            'max_angular': _limit('rad/s', 1.0),
            'linear_acceleration': _limit('m/s²', 1.0),
            'angular_acceleration': _limit('rad/s²', 2.0),
            'joystick': {
                'description': 'Which axes and button of a joystick do what; null for none',
                'type': 'object',
                'additionalProperties': False,
                'default': {},
                'properties': {
                    name: {'type': ['integer', 'null'], 'minimum': 0, 'default': default}
                    for name, default in (
                        ('linear_axis', 1),
                        ('angular_axis', 0),
                        ('lateral_axis', None),
                        ('hold_button', None),
                    )
                },
            },
        },
        concurrency='preempt',
        channel='base',
        motion=True,
    )

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        super().__init__(name, settings, robot)
        node = robot.node
        self._topic = robot.base.settings.drives[name]
        self._run: Run[_Order] | None = None
        self._target = self._velocity = STANDING
        self._delays: dict[str, LatencyFilter] = {}
        self._timer = timer(node, 1 / settings['rate'], self._tick, running=False)
        # Its own timer: the end of the deadman does not wait for the next tick.
        self._deadman = timer(node, settings['deadman'], self._expire, running=False)

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        number = {'type': 'number'}
        return {
            'type': 'object',
            'additionalProperties': False,
            'properties': {
                'linear': {**number, 'description': 'm/s ahead'},
                'lateral': {**number, 'description': 'm/s to the left'},
                'angular': {**number, 'description': 'rad/s to the left'},
                'hold': {'type': 'boolean', 'description': 'the operator holds the switch'},
                'axes': {
                    'type': 'array',
                    'maxItems': 32,
                    'items': {**number, 'minimum': -1, 'maximum': 1},
                },
                'buttons': {'type': 'array', 'maxItems': 64, 'items': {'type': 'integer'}},
            },
            'dependentRequired': {'buttons': ['axes']},
            'if': {'required': ['axes']},
            'then': {'properties': {'linear': False, 'lateral': False, 'angular': False}},
        }

    def prepare(self, run: Run[_Order]) -> Rejection | None:
        late = self._lateness(run)
        until = time.monotonic() + self.settings['deadman'] - late
        run.work = _Order(self._meaning(run.parameters), until)
        if run.work.velocity == STANDING:
            return self._obey_standing(run)
        if late > self.settings['deadman']:
            return Rejection(
                ErrorCode.EXPIRED,
                f'it came {late:.2f} s late; it would have moved the robot for '
                f'{self.settings["deadman"]:g} s',
            )
        why = self.robot.base.undrivable(self._topic)
        if why is not None and self._run is not None:
            self._fail(why)
        return why

    def _obey_standing(self, run: Run[_Order]) -> Rejection | None:
        """End what the sender of a run drives, or is about to; nothing of anybody else."""
        for other in self.robot.runs.open_runs:
            same = other.kind is self and other.source == run.source
            if same and not other.started:
                self.robot.runs.cancel(other)
        if self._run is not None and self._run.source == run.source:
            driving, self._run = self._run, None
            self._stand('')
            self._done(driving, {'replaced_by': run.id})
        why = self.robot.base.unheard(self._topic)
        if why is not None:
            return Rejection(ErrorCode.NO_BASE, why)
        run.succeed({'stopped': 'told to stand'})
        return None

    def _lateness(self, run: Run[_Order]) -> float:
        """How late a command is, s: on its way, or waiting for this thread."""
        command = run.command
        late = time.monotonic() - command.received_at
        if command.issued_at is not None:
            delays = self._delays.setdefault(run.source, LatencyFilter())
            late += delays.excess(command.issued_at, command.received_at)
        return late

    def _meaning(self, parameters: Mapping[str, Any]) -> Velocity:
        limits = [self.settings[f'max_{name}'] for name in ('linear', 'lateral', 'angular')]
        pressed = parameters.get('hold', False)
        if 'axes' in parameters:
            stick = self.settings['joystick']
            pressed = pressed or bool(_at(parameters.get('buttons', ()), stick['hold_button']))
            velocity = Velocity(
                *(
                    limit * _at(parameters['axes'], stick[f'{name}_axis'])
                    for name, limit in zip(('linear', 'lateral', 'angular'), limits, strict=True)
                )
            )
        else:
            velocity = Velocity(
                *(float(parameters.get(name, 0.0)) for name in ('linear', 'lateral', 'angular'))
            )
        if self.settings['require_hold'] and not pressed:
            return STANDING
        least = [limit * self.settings['dead_zone'] for limit in limits]
        return velocity.beyond(*least).within(*limits)

    def takes_over(self, run: Run[_Order], old: Run[Any]) -> bool:
        return isinstance(old.kind, Teleop) and old.kind.name == self.name

    def start(self, run: Run[_Order]) -> None:
        before, self._run = self._run, run
        self._target = run.work.velocity
        if before is not None:
            self._done(before, {'replaced_by': run.id})
        # The deadman counts from when the command came, not from when there was time for it.
        left = run.work.until - time.monotonic()
        if left <= 0.0:
            self._expire()
            return
        self._deadman.timer_period_ns = int(left * 1e9)
        self._deadman.reset()
        if self._timer.is_canceled():
            self._timer.reset()
            self._tick()

    def cancel(self, run: Run[_Order]) -> None:
        if run is self._run:
            self._run = None
            self._stand('')
        run.canceled()

    def emergency_stop(self) -> None:
        if self._run is not None:
            self.cancel(self._run)

    def pause(self, run: Run[_Order]) -> bool:
        # There is nothing to go on with: who drives sends the next command.
        self.cancel(run)
        return True

    def _expire(self) -> None:
        self._stand(f'no newer command within {self.settings["deadman"]:g} s')

    def _stand(self, why: str) -> None:
        """Stop now; repeat it for a while, and end what moved the robot."""
        self._deadman.cancel()
        self._timer.cancel()
        self._target = self._velocity = STANDING
        self.robot.base.stand_for(self.settings['stop_for'], self._topic)
        run, self._run = self._run, None
        if run is not None:
            self._done(run, {'stopped': why})

    def _done(self, run: Run[_Order], result: Mapping[str, Any]) -> None:
        """End a run that drove as succeeded, if there was anybody to hear it."""
        why = self.robot.base.unheard(self._topic)
        if why is None:
            run.succeed(result)
        else:
            run.fail(ErrorCode.NO_BASE, why)

    def _fail(self, why: Rejection) -> None:
        run, self._run = self._run, None
        self._stand('')
        if run is not None:
            run.fail(why.code, why.message)

    def _tick(self) -> None:
        period = 1 / self.settings['rate']
        self._velocity = self._velocity.toward(
            self._target,
            self.settings['linear_acceleration'] * period,
            self.settings['angular_acceleration'] * period,
        )
        if self._run is None:
            return
        if not self.robot.base.drive(self._velocity, self._topic, self._run.work.until):
            self._fail(
                self.robot.base.undrivable(self._topic)
                or Rejection(ErrorCode.STANDING, 'the base is being told to stand')
            )


def _at(values: Any, index: int | None) -> float:
    """Value of an axis or button; 0 for one that is not there."""
    return float(values[index]) if index is not None and index < len(values) else 0.0
