# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
One run of a command: its state, and the one place where it ends.

States go accepted → running → exactly one terminal state, or straight to rejected. Whatever tries
to end a run a second time is ignored here, so no kind of command needs to guard against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import time
from typing import Any, TYPE_CHECKING

from ...messages import CommandState, CommandStatus, RemoteCommand

if TYPE_CHECKING:
    from .kind import Kind

# Progress goes out at most this often, s; in between the latest waits.
_PROGRESS_PERIOD = 0.2


class Run:
    """A command on its way to its terminal state; lives on the ROS thread."""

    def __init__(
        self,
        command: RemoteCommand,
        source: str,
        kind: Kind | None,
        report: Callable[[Run], None],
        on_end: Callable[[Run], None],
    ) -> None:
        """Take the command with its id, the link or door it came by, and who is told."""
        self.command = command
        self.source = source
        self.kind = kind
        self.state: CommandState | None = None
        self.status: CommandStatus | None = None
        self.canceling = False
        self.started = False
        self.paused = False
        self.preempted_by = ''
        self.replaces: Run | None = None
        self.give_up_at = float('inf')
        self.overdue = ''
        self.data: Any = None  # what its kind keeps of it
        self._report = report
        self._on_end = on_end
        self._waiting_progress: Mapping[str, Any] | None = None
        self._next_progress = 0.0

    @classmethod
    def remembered(cls, command: RemoteCommand, source: str, status: CommandStatus) -> Run:
        """Run of which only the status is left."""
        run = cls(command, source, None, lambda run: None, lambda run: None)
        run.state, run.status = status.state, status
        return run

    @property
    def id(self) -> str:  # noqa: A003
        """Id that the platform gave, or that the router made."""
        return self.command.command_id

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Parameters, checked."""
        return self.command.parameters

    @property
    def open(self) -> bool:
        """Whether the terminal state is still to come."""
        return self.state is None or not self.state.terminal

    def accept(self) -> None:
        """Tell that the command is valid and taken."""
        self._tell(CommandState.ACCEPTED)

    def running(self, progress: Mapping[str, Any] | None = None) -> None:
        """Tell that it is under way, and how far; the latest progress wins."""
        if not self.open:
            return
        self._waiting_progress = progress or {}
        if self.state is not CommandState.RUNNING:
            self._next_progress = 0.0
        self.flush_progress(time.monotonic())

    def flush_progress(self, now: float) -> None:
        """Tell the latest progress if it is due."""
        if self._waiting_progress is not None and now >= self._next_progress:
            progress, self._waiting_progress = self._waiting_progress, None
            self._next_progress = now + _PROGRESS_PERIOD
            self._tell(CommandState.RUNNING, progress=progress or None)

    def succeed(self, result: Mapping[str, Any] | None = None) -> None:
        """End it as done."""
        self._tell(CommandState.SUCCEEDED, result=result)

    def fail(self, code: str, message: str, **details: Any) -> None:
        """End it as failed, or as timed out if that is why: a short code, and words."""
        state = CommandState.TIMED_OUT if self.overdue else CommandState.FAILED
        if self.overdue:
            message = f'{self.overdue}; {message}'
        self._tell(state, error={'code': code, 'message': message, **details})

    def reject(self, code: str, message: str, **details: Any) -> None:
        """End it before it began."""
        self._tell(CommandState.REJECTED, error={'code': code, 'message': message, **details})

    def canceled(self, message: str) -> None:
        """End it as cancelled, for whichever reason it was: its time, another command, a wish."""
        if self.overdue:
            self._tell(
                CommandState.TIMED_OUT, error={'code': 'timed_out', 'message': self.overdue}
            )
        elif self.preempted_by:
            self._tell(
                CommandState.CANCELED,
                error={
                    'code': 'preempted',
                    'message': f'preempted by {self.preempted_by}',
                    'by': self.preempted_by,
                },
            )
        else:
            self._tell(CommandState.CANCELED, error={'code': 'canceled', 'message': message})

    def _tell(self, state: CommandState, **content: Any) -> None:
        if not self.open:
            return
        self.state = state
        self.status = CommandStatus(self.id, self.command.command, state, **content)
        self._report(self)
        if state.terminal:
            self._on_end(self)
