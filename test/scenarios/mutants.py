# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Broken bridges and broken robots, each with the scenario that must catch it.

`python mutants.py NAME …` is the program of that name with one thing broken; what follows are the
arguments of the bridge, or of the simulated robot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import os
import sys
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """What is broken, and which scenario of the project finds it."""

    breaks: Callable[[], None]
    caught_by: str
    said: str  # a regular expression that the verdict has
    robot: bool = False


def _says_so_only(kind: str, name: str) -> Callable[[], None]:
    """A command that does nothing and says that it succeeded."""

    def break_it() -> None:
        from importlib import import_module

        module = import_module(f'xparo_bridge.robot.commands.kinds.{kind}')
        setattr(getattr(module, name), 'start', lambda self, run: run.succeed({}))  # noqa: B010

    return break_it


def _lock_forgotten() -> None:
    from xparo_bridge.robot.commands.motion_lock import MotionLock

    for name in ('locked', 'stopped', 'paused'):
        setattr(MotionLock, name, property(lambda self: False))


def _end_not_told() -> None:
    from xparo_bridge.robot.commands.run import Run

    reported = Run._change

    def change(self: Any, state: Any, **content: Any) -> None:
        if not (state.terminal and self.command.command == 'start_navigation'):
            reported(self, state, **content)

    Run._change = change  # type: ignore[method-assign]


def _end_told_twice() -> None:
    from xparo_bridge.messages import CommandState, CommandStatus
    from xparo_bridge.robot.commands.run import Run

    reported = Run._change

    def change(self: Any, state: Any, **content: Any) -> None:
        reported(self, state, **content)
        if state is CommandState.SUCCEEDED:
            self.status = CommandStatus(self.id, self.command.command, CommandState.FAILED)
            self._on_change(self)

    Run._change = change  # type: ignore[method-assign]


def _telemetry_dries_up() -> None:
    from xparo_bridge.robot.telemetry.batcher import Batcher

    collect, left = Batcher._collect, [4]

    def few(self: Any, sources: Any) -> None:
        left[0] -= 1
        if left[0] > 0:
            collect(self, sources)

    Batcher._collect = few  # type: ignore[method-assign]


def _never_dials_again() -> None:
    from xparo_bridge.link.backoff import Backoff

    Backoff.wait = lambda self, refused=False: 1e6  # type: ignore[method-assign]


def _link_loss_ignored() -> None:
    from xparo_bridge.robot.commands.link_loss import LinkLoss

    LinkLoss._on_lost = lambda self: None  # type: ignore[method-assign]


def _dies_of_nonsense() -> None:
    from xparo_bridge.link.protocols import xparo

    decode = xparo.Xparo.decode

    def fatal(self: Any, frame: Any) -> Any:
        try:
            return decode(self, frame)
        except Exception:
            os._exit(1)

    xparo.Xparo.decode = fatal  # type: ignore[method-assign]


def _refuses_nothing() -> None:
    from xparo_bridge.robot.commands.parameter_check import Checker

    Checker.problems = lambda self, parameters: []  # type: ignore[method-assign]
    Checker.usable = (  # type: ignore[method-assign]
        lambda self, parameters: (self.fill(parameters), [])
    )


def _another_place() -> None:
    from xparo_bridge.robot.commands.kinds.navigate import Navigate

    pose = Navigate._pose

    def off(self: Any, goal: Any) -> Any:
        stamped = pose(self, goal)
        stamped.pose.position.x -= 0.5
        return stamped

    Navigate._pose = off  # type: ignore[method-assign]


def _forgets_places() -> None:
    from xparo_bridge.robot.commands.kinds.save_place import SavePlace

    SavePlace.poll = lambda self, run: run.succeed({})  # type: ignore[method-assign]


# --- robots ---


def _drives_blind() -> None:
    from xparo_bridge.local.sim import navigation
    from xparo_bridge.local.sim.drive import Drive

    navigation.Trip._in_the_way = lambda self, circles: False  # type: ignore[method-assign]

    class Nothing:
        def clearance(self, x: float, y: float) -> float:
            return 9.0

    init = Drive.__init__

    def through(self: Any, world: Any, *rest: Any) -> None:
        init(self, Nothing(), *rest)

    Drive.__init__ = through  # type: ignore[method-assign]


def _stops_short() -> None:
    from xparo_bridge.local.sim.path_follower import PathFollower

    PathFollower.TOLERANCE = 0.8


def _rolls_on() -> None:
    from xparo_bridge.local.sim import drive
    from xparo_bridge.local.sim.action_servers import TaskActionServer

    drive.COMMAND_TIMEOUT = 1e6
    TaskActionServer._stand_still = lambda self: None  # type: ignore[method-assign]


def _no_limit() -> None:
    from xparo_bridge.local.sim.node import SimulatedRobot

    SimulatedRobot._on_speed_limit = lambda self, message: None  # type: ignore[method-assign]


def _battery_stuck() -> None:
    from xparo_bridge.local.sim.battery import Battery

    Battery.level = property(lambda self: 0.6, lambda self, value: None)  # type: ignore[assignment]


MUTANTS = {
    'stop_says_so_only': Mutant(
        _says_so_only('stop', 'Stop'),
        'stop_holds_until_resume',
        'never: .moving|is running|canceled',
    ),
    'lock_forgotten': Mutant(
        _lock_forgotten, 'stop_holds_until_resume', 'not rejected|never: .moving'
    ),
    'pause_says_so_only': Mutant(
        _says_so_only('pause', 'Pause'), 'pause_and_resume', 'the robot moves|never: .moving'
    ),
    'cancel_says_so_only': Mutant(
        _says_so_only('cancel', 'Cancel'), 'cancel_on_the_way', 'not canceled'
    ),
    'end_not_told': Mutant(_end_not_told, 'slowly', 'is running after'),
    'end_told_twice': Mutant(
        _end_told_twice, 'slowly', 'more than once|ended as succeeded and then became failed'
    ),
    'telemetry_dries_up': Mutant(
        _telemetry_dries_up, 'link_cut_and_door', 'did not come for|never came'
    ),
    'never_dials_again': Mutant(
        _never_dials_again, 'link_flaps', 'is running|is accepted|not answered'
    ),
    'link_loss_ignored': Mutant(
        _link_loss_ignored, 'link_loss_pauses', 'the robot moves|never: .moving'
    ),
    'dies_of_nonsense': Mutant(
        _dies_of_nonsense, 'platform_sends_nonsense', 'ended with exit code|not connected'
    ),
    'refuses_nothing': Mutant(
        _refuses_nothing, 'commands_are_refused', 'not rejected|was not answered'
    ),
    'another_place': Mutant(_another_place, 'slowly', 'ended 0.[45]. m from there'),
    'forgets_places': Mutant(
        _forgets_places, 'place_is_kept', 'ended rejected|ended failed|from there'
    ),
    'drives_blind': Mutant(
        _drives_blind, 'obstacle_appears', 'min_clearance|never: .bumped', robot=True
    ),
    'stops_short': Mutant(_stops_short, 'slowly', 'm from there', robot=True),
    'rolls_on': Mutant(_rolls_on, 'cancel_on_the_way', 'the robot moves', robot=True),
    'no_limit': Mutant(_no_limit, 'slowly', 'speed_above', robot=True),
    'battery_stuck': Mutant(
        _battery_stuck, 'battery_is_low', 'not below 13|not above', robot=True
    ),
}


def main() -> Any:
    """Break what is named first, and be the program."""
    mutant = MUTANTS[sys.argv.pop(1)]
    mutant.breaks()
    if mutant.robot:
        from xparo_bridge.local.simulated_robot import main as run
    else:
        from xparo_bridge.main import main as run
    return run()


if __name__ == '__main__':
    sys.exit(main())
