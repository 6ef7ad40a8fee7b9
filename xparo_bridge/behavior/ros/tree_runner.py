# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Run one tree at a time, and have another one take its place.

A tree is checked as a whole and its nodes are made before anything changes, beside the ROS thread
(`tree_preparation`). Then the running one is halted between two ticks. The new one has its first
tick when everything the old one began has ended, as its servers say; so two trees never move the
robot at once, and nothing ever waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
import time
from typing import Any

from rclpy.node import Node

from ...messages import MAX_NAME
from ...ros.entities import guard_condition
from ..document import Limits
from ..errors import Problem, TreeErrors
from ..registry import NodeRegistry
from ..tree import Tree
from .bridge_nodes import COMMANDS, jsonable, SEND
from .reports import TreeReports
from .robot_clock import RobotClock
from .robot_commands import NoCommands, RobotCommands
from .robot_state import RobotState
from .tree_executor import HAS_PY_TREES_ROS
from .tree_library import StoredTree, TreeLibrary
from .tree_preparation import Order, TreePreparation
from .tree_ros import Timeouts, TreeRos
from .tree_run import RunState, TreeRun
from .tree_timers import TickTimers

# How long a tree's first tick may wait until its topics are connected, s.
_CONNECT_TIMEOUT = 1.0
_REFRESH_PERIOD = 1.0
# How often the progress of a run is reported at most, s.
_PROGRESS_PERIOD = 0.1

Callback = Callable[[TreeRun], None]
# Called with the name of a tree, and its warnings or what is wrong with it.
CheckEnd = Callable[[str, list[Problem], TreeErrors | None], None]


class TreeRunner:
    """Runs at most one tree; everything on the ROS thread."""

    def __init__(
        self,
        node: Node,
        registry: NodeRegistry,
        library: TreeLibrary,
        reports: TreeReports,
        *,
        rate: float = 10.0,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        tree_folder: Path | None = None,
        robot: RobotState | None = None,
        note: Callable[..., object] = lambda event, **fields: None,
    ) -> None:
        """`rate` is in Hz; trees may include files of `tree_folder`; `note` is the audit log's."""
        self._node = node
        self._registry = registry
        self.library = library
        self.reports = reports
        self._timeouts = timeouts or Timeouts()
        self._logger = node.get_logger().get_child('trees')
        self._robot = robot or RobotState(node)
        self._note = note
        self.services: dict[str, Any] = {'nav2_robot': self._robot}
        self._clock = RobotClock(node)
        self._preparation = TreePreparation(
            node, registry, self._clock, self.services, limits or Limits(), tree_folder
        )
        self._current: TreeRun | None = None
        self._next: TreeRun | None = None
        self._checking: dict[TreeRun, Order] = {}
        self._notes: dict[str, tuple[StoredTree, dict[str, Any]]] = {}
        self.commands: RobotCommands = NoCommands()
        self._stopped = False
        self._paused = False
        self._refresh_at = 0.0
        self._progress_at = 0.0
        self._guard = guard_condition(node, self._on_wake_up)
        self._timers = TickTimers(
            node,
            rate,
            tick=self._on_timer,
            poll=self._advance,
            deadline=self._on_deadline,
            simulated=self._clock.simulated,
        )

    def bind_commands(self, commands: RobotCommands, send: Callable[[Any], bool]) -> None:
        """Give trees the robot's commands, and what sends messages to the platform."""
        self.commands = commands
        self.services.update({COMMANDS: commands, SEND: send})

    # Asked from outside

    @property
    def current(self) -> TreeRun | None:
        """The run that is under way; the one that waits for its end is not meant."""
        return self._current

    @property
    def moving(self) -> TreeRun | None:
        """The run that may move the base, or is about to."""
        runs = (*reversed(self._checking), self._next, self._current)
        return next((run for run in runs if run is not None and run.moves), None)

    @property
    def idle(self) -> bool:
        """Whether nothing runs, stops, waits or is checked to run."""
        return self._current is None and self._next is None and not self._checking

    def run(
        self,
        tree: StoredTree,
        blackboard: Mapping[str, Any] | None = None,
        *,
        keep: bool = False,
        on_progress: Callback | None = None,
        on_end: Callback | None = None,
    ) -> TreeRun:
        """
        Check a tree, and let it take the place of the one that runs.

        `keep` has the library keep it once it is checked. The run ends as REJECTED, with all that
        is wrong, if the document is no tree of this robot; then nothing else changed.

        :raises TreeErrors: if it cannot even be checked now.
        """
        self._check_ready(tree.name)
        ros = TreeRos(self._node, self._timeouts, has_parameters=HAS_PY_TREES_ROS)
        run = TreeRun(tree.name, ros, on_progress=on_progress, on_end=on_end)
        values = blackboard or {}
        order = Order(
            tree.name,
            tree.xml,
            values,
            ros,
            lambda made: self._checked(run, made, tree, values, keep),
            lambda errors: self._rejected(run, errors),
        )
        self._preparation.add(order)
        self._checking[run] = order
        return run

    def check(self, name: str, xml: str, on_end: CheckEnd) -> None:
        """
        Check a tree without running it; `on_end` learns its name and warnings, or the errors.

        :raises TreeErrors: if it cannot be checked now.
        """
        self._check_ready(name)
        ros = TreeRos(self._node, self._timeouts)

        def passed(tree: Tree) -> None:
            try:
                tree.shutdown()
            finally:
                ros.close()
            on_end(name or tree.tree_id, tree.warnings, None)

        self._preparation.add(
            Order(name, xml, {}, ros, passed, lambda errors: on_end(name, [], errors))
        )

    def _check_ready(self, name: str) -> None:
        if self._stopped:
            raise TreeErrors([Problem('the bridge stops')])
        if len(name) > MAX_NAME:
            raise TreeErrors(
                [Problem(f'its name has more than {MAX_NAME} characters', hint=f'{name:.60}…')]
            )

    def halt(self, run: TreeRun | None = None, why: str = 'halted') -> None:
        """Begin to end a run, or whatever runs; what is checked or waits to run is dropped."""
        for checked in list(self._checking):
            if run in (None, checked):
                self._preparation.drop(self._checking.pop(checked))
                self._drop(checked, why)
        if self._next is not None and run in (None, self._next):
            waiting, self._next = self._next, None
            self._drop(waiting, why)
        if self._current is not None and run in (None, self._current):
            self._current.halting = self._current.halting or why
            self._guard.trigger()

    def _drop(self, run: TreeRun, why: str) -> None:
        run.halt(why)
        self._ended(run)

    def pause(self) -> TreeRun | None:
        """Keep what runs from moving the robot, and what waits from beginning, until `resume`."""
        self._paused = True
        run = self._current
        if run is None or run.state is not RunState.RUNNING:
            return None
        if not run.paused:
            self._timers.stop_ticking()
            run.pause()
            self._timers.poll()
            self.reports.report_phase(run)
            run.on_progress(run)
        return run

    def resume(self) -> None:
        """Go on with what is paused."""
        self._paused = False
        run = self._current
        if run is not None and run.paused:
            run.resume()
            if run.state is RunState.RUNNING:
                self._timers.tick()
                self.reports.report_phase(run)
        self._guard.trigger()

    @property
    def pausing(self) -> bool:
        """Whether a server still has a goal that is paused or to end."""
        return self._current is not None and self._current.ros.pausing

    def stop(self) -> None:
        """Begin to end for good; a tree that runs counts as interrupted."""
        self._stopped = True
        self.halt(why='the bridge stops')
        self._preparation.close()

    def close(self) -> None:
        """Keep nothing that was to be built, nor the thread for it."""
        self._preparation.forget()

    # A tree is made

    def _checked(
        self,
        run: TreeRun,
        tree: Tree,
        stored: StoredTree,
        blackboard: Mapping[str, Any],
        keep: bool,
    ) -> None:
        del self._checking[run]
        run.check_passed(tree)
        tree.on_wake_up = self._guard.trigger
        run.ros.on_sending = lambda action, goal_id: self.commands.record_tree_goal(
            run, action, goal_id
        )
        run.ros.on_doubt = self.commands.goal_in_doubt
        if keep:
            self._write(lambda: self.library.add(stored))
        self._replace(run, stored, blackboard)
        if not run.moves:
            # What waited for the base, which an unchecked tree may have needed, need not.
            self.commands.tree_ended(run)

    def _rejected(self, run: TreeRun, errors: TreeErrors) -> None:
        del self._checking[run]
        self._logger.warning(f'tree {run.name} is refused: {errors}')
        run.reject(errors)
        self.commands.tree_ended(run)

    def _replace(self, run: TreeRun, stored: StoredTree, blackboard: Mapping[str, Any]) -> None:
        why = f'replaced by {run.name}'
        if self._next is not None:
            self.halt(self._next, why)
        self._notes[run.id] = (stored, jsonable(blackboard))
        self._next = run
        if self._current is not None:
            self.halt(self._current, why)
        self._timers.poll()
        self._guard.trigger()

    # A tree runs

    def _on_wake_up(self) -> None:
        self._advance()
        run = self._current
        if run is not None and (run.in_tick or run.tree.context.woken):
            self._tick(run)

    def _on_deadline(self) -> None:
        if self._current is not None:
            self._tick(self._current)

    def _on_timer(self) -> None:
        self._advance()
        if self._current is not None:
            self._tick(self._current)

    def _advance(self) -> None:
        """Go on with what does not wait for a tick; never called from within one."""
        run = self._current
        if run is not None:
            run.ros.poll()
            self._refresh(run)
            if run.halting and run.state is RunState.RUNNING:
                self._timers.stop_ticking()
                run.halt(run.halting)
                self._timers.poll()
            if run.state is RunState.STOPPING and run.ros.idle:
                self._current = None
                run.finish()
                self._ended(run)
            else:
                self.reports.flush()
        if self._current is None and self._next is not None and not self._paused:
            self._begin(self._next)
        if self.idle:
            self._timers.stop_polling()

    def _begin(self, run: TreeRun) -> None:
        run.ros.poll()
        self._refresh(run)
        connected = run.ros.connected and self._robot.ready
        if not connected and time.monotonic() - run.made_at < _CONNECT_TIMEOUT:
            return
        if run.moves and not self.commands.clear_base(f'tree {run.name}'):
            return
        self._next = None
        self._current = run
        run.begin()
        stored, blackboard = self._notes[run.id]
        self._write(lambda: self.library.ran(stored, blackboard))
        self._logger.info(f'tree {run.name} begins')
        self._note('tree', tree=run.name, run=run.id, state='begins', hash=stored.hash)
        self.reports.begin(run)
        self._timers.stop_polling()
        self._timers.tick()
        self._tick(run)

    def _tick(self, run: TreeRun) -> None:
        if run.state is not RunState.RUNNING or run.paused:
            return
        run.ros.poll()
        run.tick()
        if run.in_tick:
            self._guard.trigger()
            return
        if run.state is not RunState.RUNNING:
            self._timers.stop_ticking()
            self._timers.poll()
            self._guard.trigger()
            return
        self._timers.tick_in(run.tree.next_deadline(), run.tree.context.clock.now)
        self.reports.flush()
        now = time.monotonic()
        if now >= self._progress_at:
            self._progress_at = now + _PROGRESS_PERIOD
            run.on_progress(run)

    def _ended(self, run: TreeRun) -> None:
        ran = run.executor is not None
        self._notes.pop(run.id, None)
        if ran and not self._stopped and self._next is None:
            self._write(self.library.ended)
        if run.state is RunState.ERROR:
            self._logger.error(f'tree {run.name}: {run.error}')
        else:
            self._logger.info(f'tree {run.name} {run.state.value}')
        self._note('tree', tree=run.name, run=run.id, state=run.state.value, error=run.error)
        # The nodes' last states are reported before anybody reports the end of a task.
        self.reports.end(run)
        run.on_end(run)
        self.commands.tree_ended(run)

    def _refresh(self, run: TreeRun) -> None:
        now = time.monotonic()
        if now >= self._refresh_at:
            self._refresh_at = now + _REFRESH_PERIOD
            run.ros.refresh()
            self._robot.refresh()

    def _write(self, write: Callable[[], None]) -> None:
        try:
            write()
        except (ValueError, TypeError) as error:
            self._logger.warning(f'the tree could not be kept on disk: {error}')
