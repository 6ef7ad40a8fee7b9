# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The router: every remote command passes here, wherever it comes from.

It asks the admission whether a command is let in and the channels when it has its turn, starts its
kind, and alone journals and reports what becomes of it: each command ends in exactly one terminal
state, also when the bridge died in between. docs/commands.md is the user's page.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
import time
from typing import Any, TYPE_CHECKING
import uuid

from rclpy.node import Node

from ...behavior.ros.robot_commands import RunOfTree, TREE
from ...configuration import Configuration
from ...messages import CommandState, CommandStatus, RemoteCommand
from ...ros.entities import timer
from ..telemetry.publisher import TelemetryPublisher
from .admission import Admission
from .base import RobotBase
from .channels import BASE, Busy, Channels, Follow, Preempt, Start
from .configured import make_kinds
from .journal import GoalRecord, Journal
from .kind import Kind, Robot
from .motion_lock import LockState, MotionLock
from .places import Places
from .recovery import Recovery
from .run import Rejection, Run

if TYPE_CHECKING:
    from ...behavior.ros.trees import Trees

_POLL_PERIOD = 0.1
# How long runs that have their turn are started at a time, s: a queue may hold a thousand.
_START_BUDGET = 0.02

AnyRun = Run[Any]
Report = Callable[[str, CommandStatus], None]


class Router:
    """Runs commands and reports how they go; lives on the ROS thread."""

    def __init__(
        self,
        node: Node,
        configuration: Configuration,
        telemetry: TelemetryPublisher,
        trees: Trees,
        places: Places,
        journal: Journal,
        base: RobotBase,
        report: Report,
        on_received: Callable[[str, RemoteCommand], object] = lambda source, command: None,
        clock_offset: Callable[[str], float] = lambda source: 0.0,
    ) -> None:
        """
        Make the commands of the configuration.

        `report(source, status)` hears every change, `on_received(source, command)` each command
        that comes; `clock_offset(source)` is its sender's clock minus the robot's, s.

        :raises ConfigurationError: for a command that cannot work.
        """
        self._report = report
        self._on_received = on_received
        self._journal = journal
        self._logger = node.get_logger().get_child('commands')
        self._open: dict[str, AnyRun] = {}
        self._trees = trees
        self.lock = MotionLock(journal)
        self.kinds = make_kinds(configuration, Robot(node, places, self, telemetry, trees, base))
        self._admission = Admission(configuration, self.kinds, self.lock, clock_offset)
        self._channels = Channels()
        self._due: deque[AnyRun] = deque()  # have their turn and were not started yet
        self._starting = False
        self._recovery = Recovery(node, journal, self._end_interrupted)
        # Steady time: a simulation that stands still must not stop a timeout.
        self._timer = timer(node, _POLL_PERIOD, self._poll)

    def recover(self) -> None:
        """Report what a bridge that died could not report any more."""
        for source, status in self._journal.untold:
            self._report(source, replace(status, resent=True))

    # --- the way of a command ---

    def execute(self, command: RemoteCommand, source: str) -> AnyRun:
        """Run a command that came from `source`; its status is reported from here on."""
        self._on_received(source, command)
        if command.command_id:
            known = self._known(command, source)
            if known is not None:
                if known.status is not None:
                    self._report(source, replace(known.status, resent=True))
                return known
        else:
            command = replace(command, command_id=uuid.uuid4().hex)
        kind = self.kinds.get(command.command)
        run: AnyRun = Run(self._admission.fill(command), source, kind, self._on_change)
        if kind is None:
            run.reject(self._admission.unknown(command.command))
        else:
            self._admit(run, kind)
        return run

    def _admit(self, run: AnyRun, kind: Kind[Any]) -> None:
        """Reject a run, or give it its place."""
        try:
            rejection = self._admission.admit(run, kind, len(self._open))
        except Exception as error:
            self._fault(run, error)
            return
        place = rejection or self._channels.enter(run, self._moving_tree)
        if isinstance(place, Rejection):
            run.reject(place)
            return
        if isinstance(place, Busy):
            run.reject(Rejection(place.code, place.message, {'by': place.by}))
            return
        self._open[run.id] = run
        self._journal.open(run.id, run.command.command, run.source)
        if not kind.streams:
            run.accept()
        if isinstance(place, Start):
            self._drop(place.dropped, run.id)
            if run.replaces is not None:
                run.replaces.preempted_by = run.id
            self._start(run)
        elif isinstance(place, Preempt):
            self._preempt(place, run.id)
            if place.holder is None:
                self._trees.preempt(run.id)
        if self._timer.is_canceled():  # A running one would be put off by each command.
            self._timer.reset()

    def _preempt(self, place: Preempt, by: str) -> None:
        self._drop(place.dropped, by)
        if place.holder is not None:
            place.holder.preempted_by = by
            self.cancel(place.holder)

    def _drop(self, dropped: tuple[AnyRun, ...], by: str) -> None:
        for other in dropped:
            other.preempted_by = by
            other.canceled('')

    def _start(self, run: AnyRun) -> None:
        """Start a run that has its turn, after those that had it before."""
        self._due.append(run)
        if not self._starting:
            self._start_due()

    def _start_due(self) -> None:
        # In a loop: one that ends at once gives its turn to the next, a thousand times over.
        self._starting = True
        give_way = time.monotonic() + _START_BUDGET
        try:
            while self._due and time.monotonic() < give_way:
                run = self._due.popleft()
                if run.open:
                    self._begin(run)
        finally:
            self._starting = False

    def _begin(self, run: AnyRun) -> None:
        kind = self.kinds[run.command.command]
        if kind.motion and self.lock.locked and not (kind.pausable and self.lock.paused):
            run.canceled(self.lock.words)
        elif self._admission.overdue(run):
            run.overdue = 'its deadline passed while it waited'
            run.canceled('')
        else:
            run.started = True
            run.give_up_at = time.monotonic() + kind.timeout
            self._guarded(run, kind.start)

    def _on_change(self, run: AnyRun) -> None:
        """Journal and report a change of a run; after its end, go on with what waited for it."""
        status = run.status
        assert status is not None
        if status.state.terminal:
            # Before it is reported, so that after a crash nothing else is reported. What came too
            # often may come again under its id.
            code = (status.error or {}).get('code')
            streams = run.kind is not None and run.kind.streams
            self._journal.end(run.source, status, remember=code != 'rate_limited' and not streams)
        try:
            self._report(run.source, status)
        except Exception as error:  # What waits for the end of this run must go on all the same.
            self._logger.error(f'{status.command} {run.id}: not reported: {error!r}')
        if status.state.terminal and self._open.pop(run.id, None) is not None:
            self._follow(self._channels.leave(run, self._moving_tree))

    def _follow(self, follow: Follow) -> None:
        if follow.cancel is not None:
            self.cancel(follow.cancel)
        if follow.start is not None:
            self._start(follow.start)

    # --- what kinds and others may ask: kind.RunControl ---

    @property
    def open_runs(self) -> list[AnyRun]:
        """Runs that have not ended, oldest first."""
        return list(self._open.values())

    @property
    def recovering(self) -> bool:
        """Whether it is not yet known what became of the goals of a bridge that died."""
        return self._recovery.open

    @property
    def latch(self) -> str:
        """'stopped' or 'paused' while no command may move the robot, else empty."""
        return self.lock.state.value

    def status(self, command_id: str) -> CommandStatus | None:
        """Return how a command stands or ended; None if it is not known."""
        run = self._open.get(command_id)
        return run.status if run else self._journal.ended(command_id)

    def menu(self) -> dict[str, Any]:
        """Return what can be commanded: kind, description and the schema of the parameters."""
        return self._admission.menu()

    def problems(self, command: str, parameters: Mapping[str, Any]) -> list[str]:
        """Return why a command could never be run with these parameters."""
        return self._admission.problems(command, parameters)

    def cancel(self, run: AnyRun) -> None:
        """Begin to end a run as canceled."""
        if not run.open or run.canceling or run.kind is None:
            return
        run.canceling = True
        if run.started:
            self._guarded(run, self.kinds[run.command.command].cancel)
        else:
            self._channels.withdraw(run)
            run.canceled('cancelled before it began')

    def pause(self, run: AnyRun) -> bool:
        """Begin to hold a run until it is resumed; False if that cannot be done."""
        return self.kinds[run.command.command].pause(run)

    def held(self, run: AnyRun) -> bool:
        """Whether a run that is to be held no longer moves the robot."""
        return self.kinds[run.command.command].held(run)

    def resume(self) -> list[AnyRun]:
        """Let the robot move again, and what was paused go on; the runs that do."""
        self.lock.set(LockState.NONE)
        self._trees.resume()
        resumed = [run for run in self.open_runs if run.paused]
        for run in resumed:
            self._guarded(run, self.kinds[run.command.command].resume)
        return resumed

    def emergency_stop(self) -> None:
        """Keep every kind from moving the robot, whatever it set in motion."""
        for kind in self.kinds.values():
            if kind.motion:
                try:
                    kind.emergency_stop()
                except Exception as error:  # The others must be stopped all the same.
                    self._logger.error(f'{kind.name}: {error!r}')

    def lose(self, source: str) -> None:
        """End at once what only goes on while its sender is there."""
        for run in self.open_runs:
            if run.source == source and run.kind is not None and run.kind.streams:
                self.cancel(run)

    def record_goal(self, run: AnyRun, action: str, goal_id: bytes, *, leave: bool) -> None:
        """Note that a goal is about to be sent for a run."""
        self._journal.goal(run.id, GoalRecord(action, goal_id.hex(), leave))

    # --- for trees ---

    @property
    def _moving_tree(self) -> str:
        return self._trees.moving

    def moves_base(self, command: str) -> bool:
        """Whether a command may move the base; of one not known it is not known either."""
        kind = self.kinds.get(command)
        return kind is None or (kind.motion and kind.channel == BASE)

    def clear_base(self, by: str) -> bool:
        """Cancel what moves the base in favour of a tree; whether the base is free."""
        self._preempt(self._channels.clear(BASE), by)
        return self._channels.free(BASE)

    def record_tree_goal(self, tree: RunOfTree, action: str, goal_id: bytes) -> None:
        """Note that a goal is about to be sent by a tree."""
        if not tree.command_id:
            self._journal.open(tree.id, '', TREE)
        self._journal.goal(
            tree.command_id or tree.id, GoalRecord(action, goal_id.hex(), leave=False)
        )

    def tree_ended(self, tree: RunOfTree) -> None:
        """Go on with what waited for the end of a tree."""
        self._journal.drop(tree.id)
        self._follow(self._channels.following(BASE, self._moving_tree))

    # --- inside ---

    def _known(self, command: RemoteCommand, source: str) -> AnyRun | None:
        """Return the run of a command that came before, or what is left of it."""
        run = self._open.get(command.command_id)
        if run is not None:
            return run
        status = self._journal.ended(command.command_id)
        if self._recovery.knows(command.command_id):
            status = CommandStatus(command.command_id, command.command, CommandState.ACCEPTED)
        return Run.remembered(command, source, status) if status else None

    def _guarded(self, run: AnyRun, do: Callable[[AnyRun], object]) -> None:
        """Let a fault in one kind end one command, not the bridge."""
        try:
            do(run)
        except Exception as error:
            self._fault(run, error)

    def _fault(self, run: AnyRun, error: Exception) -> None:
        self._logger.error(f'{run.command.command} {run.id}: {error!r}')
        run.fail('internal_error', f'{type(error).__name__}: {error}')

    def _poll(self) -> None:
        now = time.monotonic()
        self._start_due()
        for run in self.open_runs:
            run.flush_progress(now)
            if not run.open or not run.started:
                continue
            kind = self.kinds[run.command.command]
            self._guarded(run, kind.poll)
            if run.paused:
                run.give_up_at += _POLL_PERIOD
            elif run.open and now > run.give_up_at and not run.overdue:
                run.overdue = f'not done within {kind.timeout:g} s'
                self.cancel(run)
        self._recovery.poll()
        if not self._open and not self._recovery.open:
            self._timer.cancel()

    def _end_interrupted(self, source: str, status: CommandStatus) -> None:
        self._journal.end(source, status)
        self._report(source, status)
