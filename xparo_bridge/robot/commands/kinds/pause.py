# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `pause`: hold what moves the robot until `resume`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ....messages import ErrorCode
from ..answers import listed
from ..kind import Kind, settings
from ..motion_lock import LockState
from ..run import Rejection, Run

_PARTLY = 'the robot is paused partly, and may still be moving: {} cannot be paused and goes on'
# How many names its message has; the list has more.
_MOST_NAMED = 5


@dataclass
class _Pausing:
    paused: list[Run[Any]] = field(default_factory=list)
    going_on: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


class Pause(Kind[_Pausing]):
    """
    Holds the commands and the tree that move the robot; new ones are refused until `resume`.

    A goal of an action, of the tree too, is cancelled and sent again later, what is done of it
    left out where the action reports. What cannot be paused goes on: it fails then, and names it.
    """

    urgent = True
    unconditional = True
    settings_schema = settings(timeout=20.0)

    def prepare(self, run: Run[_Pausing]) -> Rejection | None:
        if self.robot.runs.lock.stopped:
            return Rejection(ErrorCode.STOPPED, 'the robot is stopped, which is more than paused')
        return None

    def start(self, run: Run[_Pausing]) -> None:
        runs = self.robot.runs
        runs.lock.set(LockState.PAUSED)
        pausing = run.work = _Pausing()
        tree = self.robot.trees.pause()  # Also one that no command began.
        if tree is not None and tree.keeps_moving:
            pausing.going_on.append(f'tree {tree.name}')
            pausing.names.append(f'tree {tree.name}')
        for other in runs.open_runs:
            if other.kind is not None and other.kind.motion and other.started:
                if runs.pause(other):
                    pausing.paused.append(other)
                else:
                    pausing.going_on.append(other.id)
                    pausing.names.append(other.command.command)
        self.poll(run)

    def poll(self, run: Run[_Pausing]) -> None:
        paused = [other for other in run.work.paused if other.open]
        if not self.robot.trees.pausing and all(self.robot.runs.idle(other) for other in paused):
            lists = {
                **listed('paused', [other.id for other in paused]),
                **listed('not_paused', run.work.going_on),
            }
            if run.work.going_on:
                names = ', '.join(sorted(set(run.work.names))[:_MOST_NAMED])
                run.fail(ErrorCode.NOT_PAUSED, _PARTLY.format(names), **lists)
            else:
                run.succeed(lists)
