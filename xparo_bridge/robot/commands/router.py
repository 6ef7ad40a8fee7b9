# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The router: every remote command passes here, wherever it comes from.

It asks the admission whether a command is let in and the channels when it has its turn, starts its
kind, and alone journals and reports what becomes of it: each command ends in exactly one terminal
state, also when the bridge died in between. docs/commands.md is the user's page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
from .doubts import Doubts
from .identity import CommandIds, digest, ID_IS_USED, with_short_names
from .journal import GoalRecord, Journal
from .kind import Kind, Robot
from .late_cancels import LateCancels
from .motion_lock import LockRecord, LockState, MotionLock
from .open_runs import AnyRun, OpenRuns
from .places import Places
from .recovery import Recovery
from .run import Rejection, Run
from .standstill import Standstill
from .turns import Turns

if TYPE_CHECKING:
    from ...behavior.ros.trees import Trees

_POLL_PERIOD = 0.1

# An id that was refused so may be used again.
_NOT_REMEMBERED = (ErrorCode.RATE_LIMITED, ErrorCode.DUPLICATE_ID)


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
        report: Callable[[str, CommandStatus], None],
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
        self._trees = trees
        self.lock = MotionLock(lock_record or journal)
        self.kinds = make_kinds(configuration, Robot(node, places, self, telemetry, trees, base))
        base.needed = any(kind.motion and kind.channel == BASE for kind in self.kinds.values())
        self.admission = Admission(configuration, self.kinds, self.lock, clock_offset)
        self.channels = Channels()
        self._turns = Turns(self._begin)
        self._late_cancels = LateCancels()
        self.runs = OpenRuns(self.kinds, self.channels)
        self.standstill = Standstill(
            node, base, self.kinds.values(), lambda names: self.doubts.servers_found(names)
        )
        self.doubts = Doubts(node, self.standstill, self.lock, self.runs, trees, self._wake_up)
        self._recovery = Recovery(
            node, journal, self.kinds, self._end_interrupted, self.doubts.orphan
        )
        self._ids = CommandIds(self.runs.by_key, journal, self._recovery)
        # Steady time: a simulation that stands still must not stop a timeout.
        self._timer = timer(node, _POLL_PERIOD, self._poll)

    def recover(self) -> None:
        """Report what a bridge that died could not report any more."""
        if self.lock.doubt:
            logger = self._node.get_logger().get_child('commands')
            logger.error(f'the robot stays stopped until resume: {self.lock.words}')
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
            why = Rejection(error.pop('code'), error.pop('message'), error)
            return self.refuse(command, source, why)
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
            run.reject(self.admission.of_no_kind(command))
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
        return self._rejected(command, source, why)

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
            rejection = self.admission.admit(run, kind, len(self.runs))
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
        self.runs.by_key[run.key] = run
        if run.key == run.id:
            self.journal.open(run.id, run.command.command, run.source, run.digest)
        if not kind.streams:
            run.accept()
        if self._late_cancels.apply_to(run):
            self.cancel(run)
            return
        if isinstance(place, Start):
            self.runs.drop(place.dropped, run.id)
            if run.replaces is not None:
                run.replaces.preempted_by = run.id
            self._turns.add(run)
        elif isinstance(place, Preempt):
            self.runs.preempt(place, run.id)
            if place.holder is None:
                self._trees.preempt(run.id)
        self._wake_up()

    def _begin(self, run: AnyRun) -> None:
        kind = self.kinds[run.command.command]
        if kind.motion and self.lock.locked and not (kind.pausable and self.lock.paused):
            run.canceled(self.lock.words)
        elif not kind.unconditional and self.admission.overdue(run):
            run.overdue = 'its deadline passed while it waited'
            run.canceled()
        else:
            if kind.motion:
                self.doubts.end()
            self.runs.begin(run)

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
        if status.state.terminal and self.runs.by_key.pop(run.key, None) is not None:
            self.follow(self.channels.leave(run, self._trees.moving))

    # --- what kinds and others may ask: kind.RunControl ---

    @property
    def open_runs(self) -> list[AnyRun]:
        """Runs that have not ended, oldest first."""
        return list(self.runs)

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
        run = self.runs.by_key.get(command_id)
        return run.status if run else self.journal.ended(command_id)

    def menu(self) -> dict[str, Any]:
        """Return what can be commanded: kind, description and the schema of the parameters."""
        return self.admission.menu()

    def cancel(self, run: AnyRun) -> None:
        """Begin to end a run as canceled."""
        self.runs.cancel(run)

    def guarded(self, run: AnyRun, do: Callable[[AnyRun], object]) -> None:
        """Do something for a run; a fault in it, or in a callback it makes, ends that run only."""
        self.runs.guarded(run, do)

    def cancel_earlier(self, run: AnyRun, selects: Callable[[AnyRun], bool]) -> list[AnyRun]:
        """End also those selected runs that came before a cancel and are only read later."""
        return self._late_cancels.add(run, selects)

    def overtakes(self, run: AnyRun) -> bool:
        """Whether a run was handed over before what came before it, and that is not here yet."""
        return self._late_cancels.overtakes(run)

    def pause(self, run: AnyRun) -> bool:
        """Begin to pause a run until it is resumed; False if that cannot be done."""
        return self.runs.pause(run)

    def idle(self, run: AnyRun) -> bool:
        """Whether a run that is to be paused no longer moves the robot."""
        return self.runs.idle(run)

    def resume(self) -> list[AnyRun]:
        """Let the robot move again, and what was paused go on; the runs that do."""
        self.standstill.end()
        self.lock.set(LockState.NONE)
        with owned_by(None):  # What goes on in a tree is no part of the command that resumed it.
            self._trees.resume()
        return self.runs.resume()

    def cancel_unpaused(self, *, obeyed: bool) -> list[str]:
        """
        Cancel what moves the robot though it was paused; returns what it is called.

        With `obeyed` also what was to be paused and still moves the robot.
        """
        names = self.runs.cancel_unpaused(obeyed=obeyed)
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
        self.doubts.begin()

    def record_goal(self, run: AnyRun, action: str, goal_id: bytes, *, leave: bool) -> None:
        """Note that a goal is about to be sent for a run."""
        self.journal.goal(run.id, GoalRecord(action, goal_id.hex(), leave))

    # --- what trees ask besides: for_trees.CommandsForTrees ---

    def follow(self, follow: Follow) -> None:
        """Go on with what waited for a channel that became free."""
        if follow.cancel is not None:
            self.cancel(follow.cancel)
        if follow.start is not None:
            self._turns.add(follow.start)

    def tree_ended(self) -> None:
        """Go on with what waited for the base, which a tree may have had."""
        self.follow(self.channels.following(BASE, self._trees.moving))

    # --- inside ---

    def _wake_up(self) -> None:
        if self._timer.is_canceled():  # A running one would be put off by each command.
            self.runs.rested()
            self._timer.reset()

    def _answer_again(self, command: RemoteCommand, source: str, mark: str) -> AnyRun:
        """Answer a command whose id is used: as it stands if it is the same, else refused."""
        run = self._ids.first(command, source, mark)
        if run is None:
            return self._rejected(command, source, ID_IS_USED)
        if run.status is not None:
            self._report(source, replace(run.status, resent=True))
        return run

    def _rejected(self, command: RemoteCommand, source: str, why: Rejection) -> AnyRun:
        """Reject a command without using up its id."""
        run: AnyRun = Run(command, source, None, self._on_change)
        run.key = ''
        run.reject(why)
        return run

    def _poll(self) -> None:
        self._turns.go_on()
        self.runs.poll()
        self._recovery.poll()
        self.standstill.poll()
        if not (self.runs or self._recovery.open or self.standstill.active):
            self._timer.cancel()

    def _end_interrupted(self, source: str, status: CommandStatus) -> None:
        self.journal.end(source, status)
        self._report(source, status)
