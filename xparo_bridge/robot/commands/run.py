# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
One run of a command: its state, and the one place where it ends.

States go accepted → running → exactly one terminal state; a run may be paused in between, and may
end in any state before.
Whatever tries to end a run a second time is ignored here, so no kind of command needs to guard
against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import time
from typing import Any, Generic, Protocol, TypeVar

from ...messages import CommandState, CommandStatus, ErrorCode, RemoteCommand
from .answers import bounded, fitted, MAX_ANSWER

# Progress goes out at most this often, s; in between the latest waits.
_PROGRESS_PERIOD = 0.2

# What a kind of command keeps of each of its runs.
W = TypeVar('W')


@dataclass(frozen=True)
class Rejection:
    """Why a command is not run: a short code, words, and what a program may want to know."""

    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


class RunKind(Protocol):
    """What others may ask of the kind of a run; kind.Kind is how a kind is made."""

    @property
    def name(self) -> str:
        """Name of the command."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its checked entry in the configuration."""

    @property
    def channel(self) -> str:
        """What only one run can use at a time."""

    @property
    def largest_answer(self) -> int:
        """How large a report of it may be, bytes of JSON."""

    @property
    def motion(self) -> bool:
        """Whether it moves the robot."""

    @property
    def urgent(self) -> bool:
        """Whether it ends or holds others."""

    @property
    def streams(self) -> bool:
        """Whether it comes many a second, each replacing the one before."""

    def takes_over(self, run: Run[Any], old: Run[Any]) -> bool:
        """Whether starting `run` replaces `old` smoothly, so that it need not end before."""


class Run(Generic[W]):
    """A command on its way to its terminal state; lives on the ROS thread."""

    # Set by the kind in `prepare` or `start`.
    work: W

    def __init__(
        self,
        command: RemoteCommand,
        source: str,
        kind: RunKind | None,
        on_change: Callable[[Run[Any]], object],
    ) -> None:
        """Take the command with its id, the link or service it came by, and who hears of it."""
        self.command = command
        self.source = source
        self.kind = kind
        self.state: CommandState | None = None
        self.status: CommandStatus | None = None
        self.canceling = False
        self.started = False
        self.paused = False
        self.preempted_by = ''
        self.replaces: Run[Any] | None = None
        # What it is kept under: its id, unless another command has that already.
        self.key = command.command_id
        self.digest = ''
        self.give_up_at = float('inf')
        # What was wrong with it and did not keep it from being run; reported at its end.
        self.notes: tuple[str, ...] = ()
        self.overdue = ''
        self._on_change = on_change
        self._waiting_progress: Mapping[str, Any] | None = None
        self._next_progress = 0.0

    @classmethod
    def remembered(cls, command: RemoteCommand, source: str, status: CommandStatus) -> Run[Any]:
        """Return a run of which only the status is left."""
        run = cls(command, source, None, lambda run: None)
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

    @property
    def urgent(self) -> bool:
        """Whether it ends or holds others, so that it never waits for them."""
        return self.kind is not None and self.kind.urgent

    def accept(self) -> None:
        """Report that the command is valid and taken."""
        self._change(CommandState.ACCEPTED)

    def running(self, progress: Mapping[str, Any] | None = None) -> None:
        """Report that it is under way, and how far; the latest progress wins."""
        if not self.open:
            return
        self._waiting_progress = progress or {}
        if self.state is not CommandState.RUNNING:
            self._next_progress = 0.0
        self.flush_progress(time.monotonic())

    def report_paused(self, progress: Mapping[str, Any] | None = None) -> None:
        """Report that it waits until it is resumed."""
        self._waiting_progress = None
        self._change(CommandState.PAUSED, progress=progress)

    def flush_progress(self, now: float) -> None:
        """Report the latest progress if it is due."""
        if self._waiting_progress is not None and now >= self._next_progress:
            progress, self._waiting_progress = self._waiting_progress, None
            self._next_progress = now + _PROGRESS_PERIOD
            self._change(CommandState.RUNNING, progress=progress or None)

    def succeed(self, result: Mapping[str, Any] | None = None) -> None:
        """End it as done."""
        self._change(CommandState.SUCCEEDED, result=result)

    def fail(self, code: str, message: str, **details: Any) -> None:
        """End it as failed, or as timed out if that is why: a short code, and words."""
        state = CommandState.TIMED_OUT if self.overdue else CommandState.FAILED
        if self.overdue:
            message = f'{self.overdue}; {message}'
        self._change(state, error={'code': code, 'message': message, **details})

    def reject(self, why: Rejection) -> None:
        """End it as refused, by the bridge or by the server it is for."""
        self._change(
            CommandState.REJECTED,
            error={'code': why.code, 'message': why.message, **why.details},
        )

    def canceled(self, message: str = '') -> None:
        """
        End it as cancelled, for whichever reason it was: its time, another command, a wish.

        The message is how far it was, if that says more; it is passed on behind the reason.
        """
        state = CommandState.CANCELED
        if self.overdue:
            state = CommandState.TIMED_OUT
            error = {'code': ErrorCode.TIMED_OUT, 'message': self.overdue}
        elif self.preempted_by:
            reason = f'preempted by {self.preempted_by}'
            error = {'code': ErrorCode.PREEMPTED, 'message': reason, 'by': self.preempted_by}
        else:
            error = {'code': ErrorCode.CANCELED, 'message': '' if message else 'cancelled'}
        error['message'] = '; '.join(filter(None, (error['message'], message)))
        self._change(state, error=error)

    def _change(self, state: CommandState, **content: Any) -> None:
        if not self.open:
            return
        if self.notes and state.terminal:
            key = 'result' if state is CommandState.SUCCEEDED else 'error'
            content[key] = {**(content.get(key) or {}), 'notes': list(self.notes)}
        most = MAX_ANSWER if self.kind is None else self.kind.largest_answer
        for key, value in content.items():
            if value:
                content[key] = bounded(value) if key == 'error' else fitted(value, most)
        self.state = state
        self.status = CommandStatus(
            self.id,
            self.command.command,
            state,
            source=self.source,
            time=round(time.time(), 3),
            **content,
        )
        self._on_change(self)
