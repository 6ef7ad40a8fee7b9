# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Makes the robot stand, and knows whether it does: not only the goals this bridge sent.

What drives may be a goal that nobody here sent, or one whose sender died: after the death of
Nav2's bt_navigator its controller_server drives on to the goal. So the base is told to stand, and
every action that can move it to cancel its goals, until no goal runs and odometry says it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
import time
from typing import Any

from rclpy.node import Node

from ...faults import FAULTS
from ...ros.motion_actions import GoalSweep, MotionActions, moves_base
from .base import RobotBase, Stand
from .kind import Kind

# How long clients for the sweeps are made at a time, s: each takes about 2 ms.
_BUDGET = 0.02
# How long the robot is made to stand where its motion is in doubt and nobody stopped it, s.
_DOUBT_TIMEOUT = 30.0
# How often the graph is looked at for what came meanwhile and may move the base, s.
_LOOK_PERIOD = 0.5
# How long odometry may take to say whether the base moves, s: it has to come twice.
_ODOMETRY_PERIOD = 1.0


class Standstill:
    """One effort at a time to make the robot stand; on the ROS thread."""

    def __init__(
        self,
        node: Node,
        base: RobotBase,
        kinds: Iterable[Kind[Any]],
        on_found: Callable[[Set[str]], object],
    ) -> None:
        """
        Take the kinds of commands, which know of actions that move the base.

        `on_found(names)` hears of actions of the graph that move it and were not there before.
        """
        self._kinds = kinds = list(kinds)
        self._node = node
        self._base = base
        self._logger = node.get_logger().get_child('standstill')
        self.actions = MotionActions(
            node,
            named=[name for kind in kinds for name in kind.motion_actions],
            # Those have clients of their own, by which an emergency stop cancels at once.
            covered=[name for kind in kinds for name in kind.actions],
            on_found=on_found,
        )
        self._stand: Stand | None = None
        self._sweeps: dict[str, GoalSweep] = {}
        self._stand_until = self._look_at = 0.0
        self._give_up_at = float('inf')
        self._problems: list[str] = []

    @property
    def active(self) -> bool:
        """Whether the robot is being made to stand."""
        return self._stand is not None

    def begin(
        self, stand_for: float, actions: Iterable[str] = (), *, at_most: float | None = None
    ) -> None:
        """
        Make the robot stand, from now until it does.

        The base is told to for `stand_for` at least, s. `actions` are to cancel their goals too,
        beside those that move the base. It is given up after `at_most`, s; None for never.
        """
        if self._stand is None:
            self._stand = self._base.stand()
            self._give_up_at = 0.0
        now = time.monotonic()
        self._stand_until = max(self._stand_until, now + stand_for)
        # What a stop began is not given up because of a doubt that comes later.
        give_up_at = float('inf') if at_most is None else now + at_most
        self._give_up_at = max(self._give_up_at, give_up_at)
        self.actions.cancel_all()
        for name in self.actions.names.union(map(self._node.resolve_topic_name, actions)):
            if name in self._sweeps:
                self._sweeps.pop(name).close()
            self._sweeps[name] = GoalSweep(self._node, name)
        self._look_at = now + _LOOK_PERIOD
        self._problems = ['the robot was only now told to stand']

    def stop_all(self, stand_for: float, *also: Callable[[], object]) -> None:
        """Make the robot stand, each kind of command stop, and what else there is."""
        actions = [name for kind in self._kinds for name in kind.actions]
        stops: list[Callable[[], object]] = [
            lambda: self.begin(stand_for, actions),
            *(kind.emergency_stop for kind in self._kinds),
            *also,
        ]
        for stop in stops:
            try:
                stop()
            except Exception as error:  # The others must be stopped all the same.
                FAULTS.note('the emergency stop', error)

    def concerns(self, action: str, kind: str) -> bool:
        """
        Whether the goals of an action move the base, as far as anybody knows.

        By its type, `package/action/Name` or '' if that is not known, by the graph, and by the
        commands that send goals to it.
        """
        named = {
            self._node.resolve_topic_name(name)
            for one in self._kinds
            if one.motion
            for name in one.actions
        }
        name = self._node.resolve_topic_name(action)
        return moves_base(kind) or name in named or name in self.actions.names

    def begin_in_doubt(self) -> None:
        """Make the robot stand because it is not known of a goal whether it still moves it."""
        self._logger.warning('the robot may still be moving; it is told to stand')
        self.begin(self._base.settings.stand_for, at_most=_DOUBT_TIMEOUT)

    @property
    def problems(self) -> list[str]:
        """Why the robot may still be moving; empty once it stands."""
        return self._problems if self.active else []

    def poll(self) -> None:
        """Go on; some times a second."""
        if not self.active:
            return
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_PERIOD
            for name in self.actions.names - self._sweeps.keys():
                self._sweeps[name] = GoalSweep(self._node, name)
        for _ in range(len(self._sweeps)):
            if time.monotonic() - now > _BUDGET:
                break  # Those that were not polled come first the next time.
            name, sweep = next(iter(self._sweeps.items()))
            self._sweeps[name] = self._sweeps.pop(name)
            sweep.poll()
        problems = [sweep.problem for sweep in self._sweeps.values() if sweep.problem]
        if now < self.actions.complete_at:
            problems.append('the bridge has only begun to find what may move the robot')
        motion = self._base.motion()
        # Of what fell silent and did not say that the base moves nothing more is to be learnt.
        patient = motion.age is not None and now < self._stand_until + _ODOMETRY_PERIOD
        if motion.moving or (motion.moving is None and (motion.speaks or patient)):
            problems.append(motion.text)
        self._problems = problems
        if not problems and now >= self._stand_until:
            self.end()
        elif now >= self._give_up_at:
            self._logger.error('the robot may still be moving: ' + '; '.join(problems[:5]))
            self.end()

    def end(self) -> None:
        """Let the base be moved again."""
        stand, self._stand = self._stand, None
        if stand is not None:
            stand.end()
        for sweep in self._sweeps.values():
            sweep.close()
        self._sweeps.clear()
        self._stand_until = 0.0
