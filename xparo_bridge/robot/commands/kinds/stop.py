# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `stop`: everything, now."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
import time
from typing import Any

from ....messages import ErrorCode
from ..answers import listed
from ..kind import Kind, Robot, settings, STOP_FOR
from ..run import Run
from .cancel import ending

# How long runs are cancelled at a time, s: five hundred may be open.
_BUDGET = 0.02


@dataclass
class _Stopping:
    others: list[Run[Any]]
    tree: Mapping[str, Any] | None = None  # the tree that ran, as `status` names it
    to_cancel: deque[Run[Any]] = field(init=False)
    give_up_at: float = float('inf')
    reported: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.to_cancel = deque(self.others)


class Stop(Kind[_Stopping]):
    """
    Ends every command and tree, cancels every goal, also those of others, and stands still.

    From then on, over restarts too, nothing moves the robot until `resume`. Succeeds when the
    robot stands: all commands have ended, those an earlier bridge left too, no goal runs that
    could move the base, odometry says that it stands, and it was ordered to for `stop_for`. Fails
    after `timeout`; the base is told to stand all the same until it does. Result, and error:
    `ended`, the commands, and `tree`, the tree that ran, as `status` has it.
    """

    urgent = True
    unconditional = True

    settings_schema = settings(
        {
            'velocity_topic': {
                'description': 'Now base.topic',
                'type': ['string', 'null'],
                'default': None,
            },
            'stamped': {
                'description': 'Now base.message',
                'type': ['boolean', 'null'],
                'default': None,
            },
            'stop_for': STOP_FOR,
            'actions': {
                'description': 'Actions that move the base, by name, beside those of Nav2',
                'type': 'array',
                'items': {'type': 'string', 'minLength': 1},
                'maxItems': 100,
                'default': [],
            },
        },
        timeout=20.0,
    )

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        super().__init__(name, settings, robot)
        stop_for = settings['stop_for']
        self._stop_for: float = robot.base.settings.stand_for if stop_for is None else stop_for

    @property
    def timeout(self) -> float:
        """For ever: it ends by itself, and says what may still be moving."""
        return float('inf')

    @property
    def motion_actions(self) -> tuple[str, ...]:
        return tuple(self.settings['actions'])

    def start(self, run: Run[_Stopping]) -> None:
        runs = self.robot.runs
        # First of all, so that nothing begins that waited for what ends now.
        runs.lock.stop(run.command.received_at)
        run.work = _Stopping([other for other in runs.open_runs if not other.urgent])
        run.work.give_up_at = time.monotonic() + super().timeout
        try:
            run.work.tree = self.robot.trees.summary()  # Before the stop, which leaves none.
        finally:
            # Whatever goes wrong with what is only said of it.
            runs.emergency_stop(self._stop_for)
        self._cancel(run.work)
        run.running()

    def _cancel(self, stopping: _Stopping) -> None:
        give_way = time.monotonic() + _BUDGET
        while stopping.to_cancel and time.monotonic() < give_way:
            self.robot.runs.cancel(stopping.to_cancel.popleft())

    def poll(self, run: Run[_Stopping]) -> None:
        self._cancel(run.work)
        problems = self._problems(run.work)
        ended = listed('ended', [ending(other) for other in run.work.others])
        if run.work.tree:
            ended['tree'] = run.work.tree
        if not problems:
            warning = self.robot.base.unheard() or self._silence()
            run.succeed({**ended, **({'warning': warning} if warning else {})})
        elif time.monotonic() > run.work.give_up_at:
            run.fail(
                ErrorCode.NOT_STOPPED,
                'the robot may still be moving: ' + '; '.join(problems[:5]),
                **listed('problems', problems),
                **ended,
            )
        elif problems != run.work.reported:
            run.work.reported = problems
            run.running({'waits_for': problems[:5]})

    def _silence(self) -> str | None:
        """Say if odometry, which there was, does not say whether the robot stands."""
        motion = self.robot.base.motion()
        if motion.moving is False or motion.age is None:
            return None
        return f'it is not known whether the base stands: {motion.text}'

    def _problems(self, stopping: _Stopping) -> list[str]:
        """Return why the robot may still be moving, or does not yet stand for long enough."""
        runs = self.robot.runs
        problems = list(runs.motion_problems)
        problems += [
            f'{other.command.command} {other.id} has not ended'
            for other in stopping.others
            if other.open
        ][:5]
        if not self.robot.trees.idle:
            problems.append('a tree has not ended')
        if runs.recovering:
            problems.append('it is not known yet what became of the goals of an earlier bridge')
        return problems
