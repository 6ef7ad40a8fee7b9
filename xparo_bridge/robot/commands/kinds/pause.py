# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kinds `pause` and `resume`: hold what moves the robot, and let it go on."""

from __future__ import annotations

from ..kind import Kind, settings
from ..run import Run


class Pause(Kind):
    """
    Holds the commands and the tree that move the robot; new ones are refused until `resume`.

    A goal of an action, of the tree too, is cancelled and sent again later, what is done of it
    left out where the action tells. What cannot be held goes on, and the result names it.
    """

    urgent = True
    settings_schema = settings(timeout=20.0)

    def start(self, run: Run) -> None:
        router = self.robot.router
        if router.latch == 'stopped':
            run.reject('stopped', 'the robot is stopped, which is more than paused')
            return
        router.set_latch('paused')
        held, going_on = [], []
        tree = self.robot.trees.pause()  # Also one that no command began.
        if tree is not None and tree.keeps_moving:
            going_on.append(f'tree {tree.name}')
        for other in router.open_runs:
            if other.kind is not None and other.kind.motion and other.started:
                if other.kind.pause(other):
                    held.append(other)
                else:
                    going_on.append(other.id)
        run.data = held, going_on
        self.poll(run)

    def poll(self, run: Run) -> None:
        held, going_on = run.data
        if not self.robot.trees.pausing and all(
            other.kind.held(other) for other in held if other.open
        ):
            run.succeed(
                {'paused': [other.id for other in held if other.open], 'not_paused': going_on}
            )


class Resume(Kind):
    """Lets the robot move again after `stop` or `pause`; what was paused goes on."""

    urgent = True
    settings_schema = settings()

    def start(self, run: Run) -> None:
        router = self.robot.router
        was = router.latch
        resumed = router.free()
        run.succeed({'was': was or 'free', 'resumed': [other.id for other in resumed]})
