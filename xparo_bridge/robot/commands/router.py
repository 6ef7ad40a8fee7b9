# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The router: every remote command passes here, wherever it comes from.

It asks the admission whether a command is let in and the channels when it has its turn, starts its
kind, and alone journals and reports what becomes of it: each command ends in exactly one terminal
state, also when the bridge died in between. docs/commands.md is the user's page.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace
import time
from typing import Any, TYPE_CHECKING
import uuid

from rclpy.node import Node

from ...configuration import Configuration
from ...faults import FAULTS
from ...messages import CommandStatus, ErrorCode, RemoteCommand
from ...observers import notify, Observers
from ...ros.entities import timer
from ...ros.walls import owned_by
from ..telemetry.publisher import TelemetryPublisher
from .admission import Admission
from .base import RobotBase
from .channels import BASE, Busy, Channels, Follow, Preempt, Start, Wait
from .configured import make_kinds
from .identity import CommandIds, digest, with_short_names
from .journal import GoalRecord, Journal
from .kind import Kind, Robot
from .late_cancels import LateCancels
from .motion_lock import LockRecord, LockState, MotionLock
from .places import Places
from .recovery import Recovery
from .run import Rejection, Run
from .run_wall import RunWall
from .standstill import Standstill
from .turns import Turns

if TYPE_CHECKING:
    from ...behavior.ros.trees import Trees

_POLL_PERIOD = 0.1

# An id that was refused so may be used again.
_NOT_REMEMBERED = (ErrorCode.RATE_LIMITED, ErrorCode.DUPLICATE_ID)

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
        lock_record: LockRecord | None = None,
        observers: Observers | None = None,
    ) -> None:
        """
        Make the commands of the configuration.

        `report(source, status)` hears every change, `on_received(source, command)` each command
        that comes; `clock_offset(source)` is its sender's clock minus the robot's, s. The motion
        lock is kept in `lock_record`, or in the journal. `observers` may say more of one that has
        ended.

        :raises ConfigurationError: for a command that cannot work.
        """
        self._report = report
        self._on_received = on_received
        self._observers = observers or Observers()
        self.journal = journal
        self._node = node
        self._logger = node.get_logger().get_child('commands')
        self._open: dict[str, AnyRun] = {}
        self._trees = trees
        self.lock = MotionLock(lock_record or journal)
        self.kinds = make_kinds(configuration, Robot(node, places, self, telemetry, trees, base))
        base.needed = any(kind.motion and kind.channel == BASE for kind in self.kinds.values())
        self.admission = Admission(configuration, self.kinds, self.lock, clock_offset)
        self.channels = Channels()
        self._turns = Turns(self._begin)
        self._late_cancels = LateCancels()
        self._wall = RunWall(self.kinds)
        self.standstill = Standstill(
            node, base, self.kinds.values(), self._on_motion_actions_found
        )
        self._recovery = Recovery(
            node,
            journal,
            self._end_interrupted,
            self._orphan_in_doubt,
            self._sends_goals,
            self._may_go_on,
        )
        self._ids = CommandIds(self._open, journal, self._recovery)
        # Steady time: a simulation that stands still must not stop a timeout.
        self._timer = timer(node, _POLL_PERIOD, self._poll)
        self._polled_at = time.monotonic()

    def recover(self) -> None:
        """Report what a bridge that died could not report any more."""
        if self.lock.doubt:
            self._logger.error(f'the robot stays stopped until resume: {self.lock.words}')
        for source, status in self.journal.unreported:
            self._report(source, replace(status, resent=True))

    # --- the way of a command ---

    def execute(self, command: RemoteCommand, source: str) -> AnyRun:
        """
        Run a command that came from `source`; its status is reported from here on.

        A command that comes again is answered and not run again; one that stops, pauses or
        cancels acts each time. To be called on the ROS thread, as all here.
        """
        command = with_short_names(command)
        kind = self.kinds.get(command.command)
        refusal = command.refused
        if refusal is not None and not (kind is not None and kind.unconditional):
            error = dict(refusal.error)
            return self.refuse(
                command, source, Rejection(error.pop('code'), error.pop('message'), error)
            )
        self._on_received(source, command)
        mark = digest(command, source)
        used = bool(command.command_id) and self._ids.used(command.command_id)
        if used and not (kind is not None and kind.unconditional):
            return self._answer_again(command, source, mark)
        if not command.command_id:
            command = replace(command, command_id=uuid.uuid4().hex)
        read, notes = self.admission.read(command, source)
        run: AnyRun = Run(read, source, kind, self._on_change)
        run.digest = mark
        if used:
            # It acts, and is answered, beside the command that has its id.
            run.key = f'{run.id} {uuid.uuid4().hex}'
            notes = (*notes, 'another command had this id')
        run.notes = notes
        if kind is None:
            unreadable = self.admission.unreadable(command) if not command.command else None
            run.reject(unreadable or self.admission.unknown(command.command))
        else:
            self._admit(run, kind)
        return run

    def refuse(self, command: RemoteCommand, source: str, why: Rejection) -> AnyRun:
        """
        Answer a command that was refused before it came here.

        One that is known by its id, because it was sent twice, is answered as it stands.
        """
        self._on_received(source, command)
        if command.command_id and self._ids.used(command.command_id):
            return self._answer_again(command, source, digest(command, source))
        run: AnyRun = Run(command, source, None, self._on_change)
        run.key = ''  # Its id was not used up.
        run.reject(why)
        return run

    def turn_reached(self, source: str | None, received_at: float) -> None:
        """Go on with cancels that went ahead of what is here now; of any source without one."""
        for run in self._late_cancels.reach(source, received_at):
            if run.kind is not None:
                self._admit(run, self.kinds[run.command.command])

    @property
    def urgent_commands(self) -> frozenset[str]:
        """
        Names of the commands that stop, pause or cancel, which a link may hand over first.

        What was received before a stop and moves the robot is refused, and what was received
        before a cancel that selects it is ended, by `received_at`, though it is handed over later.
        """
        return frozenset(name for name, kind in self.kinds.items() if kind.unconditional)

    def _admit(self, run: AnyRun, kind: Kind[Any]) -> None:
        """Reject a run, or give it its place."""
        places: list[Rejection | Start | Wait | Preempt | Busy] = []

        def enter(run: AnyRun) -> None:
            rejection = self.admission.admit(run, kind, len(self._open))
            if rejection is not None:
                places.append(rejection)
            elif run.open:
                places.append(self.channels.enter(run, self._trees.moving))

        self.guarded(run, enter)
        if not places:
            return  # It was done with in `prepare`, or a fault ended it.
        place = places[0]
        if isinstance(place, Rejection):
            if not self._late_cancels.keep(run, place):
                run.reject(place)
            return
        if isinstance(place, Busy):
            run.reject(Rejection(place.code, place.message, {'by': place.by}))
            return
        self._open[run.key] = run
        if run.key == run.id:
            self.journal.open(run.id, run.command.command, run.source, run.digest)
        if not kind.streams:
            run.accept()
        if self._late_cancels.apply_to(run):
            self.cancel(run)
            return
        if isinstance(place, Start):
            self._drop(place.dropped, run.id)
            if run.replaces is not None:
                run.replaces.preempted_by = run.id
            self._turns.add(run)
        elif isinstance(place, Preempt):
            self.preempt(place, run.id)
            if place.holder is None:
                self._trees.preempt(run.id)
        self._wake_up()

    def _drop(self, dropped: tuple[AnyRun, ...], by: str) -> None:
        for other in dropped:
            other.preempted_by = by
            other.canceled('')

    def _begin(self, run: AnyRun) -> None:
        kind = self.kinds[run.command.command]
        if kind.motion and self.lock.locked and not (kind.pausable and self.lock.paused):
            run.canceled(self.lock.words)
        elif not kind.unconditional and self.admission.overdue(run):
            run.overdue = 'its deadline passed while it waited'
            run.canceled('')
        else:
            if kind.motion:
                self.give_to_the_newest()
            run.started = True
            run.give_up_at = time.monotonic() + kind.timeout
            self.guarded(run, kind.start)

    def _on_change(self, run: AnyRun) -> None:
        """Journal and report a change of a run; after its end, go on with what waited for it."""
        status = run.status
        assert status is not None
        if status.state.terminal:
            status = run.status = notify(self._observers.ended, status) or status
            # Before it is reported, so that after a crash nothing else is reported. What came too
            # often may come again under its id.
            code = (status.error or {}).get('code')
            streams = run.kind is not None and run.kind.streams
            remember = code not in _NOT_REMEMBERED and not streams
            if run.key == run.id:
                try:
                    self.journal.end(run.source, status, remember=remember, digest=run.digest)
                except Exception as error:
                    FAULTS.note(f'the record of {status.command}', error)
        try:
            self._report(run.source, status)
        except Exception as error:  # What waits for the end of this run must go on all the same.
            FAULTS.note(f'the report of {status.command}', error)
        if status.state.terminal and self._open.pop(run.key, None) is not None:
            self.follow(self.channels.leave(run, self._trees.moving))

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
    def motion_lock(self) -> str:
        """'stopped' or 'paused' while no command may move the robot, else empty."""
        return self.lock.state.value

    def status(self, command_id: str) -> CommandStatus | None:
        """Return how a command stands or ended; None if it is not known."""
        run = self._open.get(command_id)
        return run.status if run else self.journal.ended(command_id)

    def menu(self) -> dict[str, Any]:
        """Return what can be commanded: kind, description and the schema of the parameters."""
        return self.admission.menu()

    def cancel(self, run: AnyRun) -> None:
        """Begin to end a run as canceled."""
        if not run.open or run.canceling or run.kind is None:
            return
        run.canceling = True
        if run.started:
            self.guarded(run, self.kinds[run.command.command].cancel)
        else:
            self.channels.withdraw(run)
            run.canceled('cancelled before it began')

    def guarded(self, run: AnyRun, do: Callable[[AnyRun], object]) -> None:
        """Do something for a run; a fault in it, or in a callback it makes, ends that run only."""
        self._wall.guarded(run, do)

    def cancel_earlier(self, run: AnyRun, selects: Callable[[AnyRun], bool]) -> list[AnyRun]:
        """End also those selected runs that came before a cancel and are only read later."""
        return self._late_cancels.add(run, selects)

    def overtakes(self, run: AnyRun) -> bool:
        """Whether a run was handed over before what came before it, and that is not here yet."""
        return self._late_cancels.overtakes(run)

    def pause(self, run: AnyRun) -> bool:
        """Begin to pause a run until it is resumed; False if that cannot be done."""
        return self._wall.ask(run, self.kinds[run.command.command].pause)

    def idle(self, run: AnyRun) -> bool:
        """Whether a run that is to be paused no longer moves the robot."""
        return self._wall.ask(run, self.kinds[run.command.command].idle)

    def resume(self) -> list[AnyRun]:
        """Let the robot move again, and what was paused go on; the runs that do."""
        self.standstill.end()
        self.lock.set(LockState.NONE)
        with owned_by(None):  # What goes on in a tree is no part of the command that resumed it.
            self._trees.resume()
        resumed = [run for run in self.open_runs if run.paused]
        for run in resumed:
            self.guarded(run, self.kinds[run.command.command].resume)
        return resumed

    def cancel_unpaused(self, *, obeyed: bool) -> list[str]:
        """
        Cancel what moves the robot though it was paused; returns what it is called.

        With `obeyed` also what was to be paused and still moves the robot.
        """
        left = [
            run
            for run in self.open_runs
            if run.started and run.kind is not None and run.kind.motion and not run.canceling
            if not run.paused or (obeyed and not self.idle(run))
        ]
        for run in left:
            self.cancel(run)
        names = [f'{run.command.command} {run.id}' for run in left]
        tree = self._trees.current
        if tree is not None and tree.keeps_moving:
            self._trees.halt()
            names.append(f'tree {tree.name}')
        return names

    def emergency_stop(self, stand_for: float) -> None:
        """Make the robot stand whatever moves it, and order the base to for a time at least, s."""
        self.standstill.stop_all(stand_for, self._trees.halt)

    @property
    def motion_problems(self) -> list[str]:
        """Why the robot may still be moving after an emergency stop; empty once it stands."""
        return self.standstill.problems

    def motion_in_doubt(self) -> None:
        """Make the robot stand, because it is not known of a goal whether it still moves it."""
        self.standstill.begin_in_doubt()
        self._wake_up()  # A tree may be all that is under way.

    def lose(self, source: str) -> None:
        """End at once what only goes on while its sender is there."""
        for run in self.open_runs:
            if run.source == source and run.kind is not None and run.kind.streams:
                self.cancel(run)

    def record_goal(self, run: AnyRun, action: str, goal_id: bytes, *, leave: bool) -> None:
        """Note that a goal is about to be sent for a run."""
        self.journal.goal(run.id, GoalRecord(action, goal_id.hex(), leave))

    # --- what trees ask besides: for_trees.CommandsForTrees ---

    def preempt(self, place: Preempt, by: str) -> None:
        """End what has a channel in favour of what takes its place, named `by`."""
        self._drop(place.dropped, by)
        if place.holder is not None:
            place.holder.preempted_by = by
            self.cancel(place.holder)

    def follow(self, follow: Follow) -> None:
        """Go on with what waited for a channel that became free."""
        if follow.cancel is not None:
            self.cancel(follow.cancel)
        if follow.start is not None:
            self._turns.add(follow.start)

    def goal_in_doubt(self, action: str, kind: str) -> None:
        """Make the robot stand if an action moves it, because a goal of it may still go on."""
        if self.standstill.concerns(action, kind):
            self.motion_in_doubt()

    def tree_ended(self) -> None:
        """Go on with what waited for the base, which a tree may have had."""
        self.follow(self.channels.following(BASE, self._trees.moving))

    def give_to_the_newest(self) -> None:
        """End an effort to make the robot stand that nobody ordered: a newer order has it."""
        if not self.lock.locked:
            self.standstill.end()

    # --- inside ---

    def _wake_up(self) -> None:
        if self._timer.is_canceled():  # A running one would be put off by each command.
            self._polled_at = time.monotonic()
            self._timer.reset()

    def _answer_again(self, command: RemoteCommand, source: str, mark: str) -> AnyRun:
        """Answer a command whose id is used: as it stands if it is the same, else refused."""
        run = self._ids.first(command, source, mark)
        if run is None:
            run = Run(command, source, None, self._on_change)
            run.key = ''
            run.reject(
                Rejection(ErrorCode.DUPLICATE_ID, 'another command had this id; give each its own')
            )
        elif run.status is not None:
            self._report(source, replace(run.status, resent=True))
        return run

    def _poll(self) -> None:
        now = time.monotonic()
        # Not the period of the timer: on a busy machine, or after a rest, it comes later.
        elapsed, self._polled_at = now - self._polled_at, now
        self._turns.go_on()
        for run in self.open_runs:
            run.flush_progress(now)
            if not run.open or not run.started:
                continue
            kind = self.kinds[run.command.command]
            self.guarded(run, kind.poll)
            if run.paused:
                run.give_up_at += elapsed
            elif run.open and now > run.give_up_at and not run.overdue:
                run.overdue = f'not done within {kind.timeout:g} s'
                self.cancel(run)
        self._recovery.poll()
        self.standstill.poll()
        if not (self._open or self._recovery.open or self.standstill.active):
            self._timer.cancel()

    def _on_motion_actions_found(self, names: Set[str]) -> None:
        """
        Cancel the goals of action servers that a stop could not reach yet.

        DDS may find a server seconds after the bridge started, or again after its machine was out
        of reach; its goal drove on meanwhile.
        """
        if self.lock.stopped and not self.standstill.active:
            self._logger.warning(
                f'found since the stop: {", ".join(sorted(names)[:5])}; their goals are cancelled'
            )
            self.motion_in_doubt()

    def _sends_goals(self, command: str) -> bool:
        """Whether a command may send goals to action servers; one that is not known may."""
        kind = self.kinds.get(command)
        return kind is None or bool(kind.actions)

    def _may_go_on(self, action: str) -> bool:
        """Whether goals of an action outlive the bridge, by the settings of all that send them."""
        kinds = [
            kind
            for kind in self.kinds.values()
            if action in map(self._node.resolve_topic_name, kind.actions)
        ]
        return bool(kinds) and all(kind.settings.get('after_crash') == 'leave' for kind in kinds)

    def _orphan_in_doubt(self, action: str) -> None:
        """Make the robot stand for a goal of an earlier bridge, unless a newer order has it."""
        moving = any(
            run.started and run.kind is not None and run.kind.motion for run in self.open_runs
        )
        if not moving and not self._trees.moving:
            self.goal_in_doubt(action, '')

    def _end_interrupted(self, source: str, status: CommandStatus) -> None:
        self.journal.end(source, status)
        self._report(source, status)
