# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Log what was ordered, and how it ended: a line each, for whoever reads the robot's log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...audit import for_log
from ...json_writer import dumps_any
from ...messages import CommandState, CommandStatus, RemoteCommand
from ...redaction import redacted
from ...token_bucket import TokenBucket

# A platform may send 300 orders a second; a line takes the ROS thread 50 µs, and goes to /rosout.
_RATE = 10.0
_BURST = 100
_LONGEST = 200  # characters of parameters or of an error


class OrderLog:
    """The lines; those beyond 10 a second are left out and counted."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger.get_child('commands')
        self._rate = TokenBucket(_RATE, _BURST)
        self._silent: frozenset[str] = frozenset()
        self._left_out = 0

    def leave_out(self, commands: Iterable[str]) -> None:
        """Log nothing of these: they only ask, or come many a second."""
        self._silent = frozenset(commands)

    def order(self, source: str, command: RemoteCommand) -> None:
        """Log what somebody ordered."""
        if command.command in self._silent:
            return
        by = f' ({command.operator})' if command.operator else ''
        words = _cut(dumps_any(for_log(command.parameters))) if command.parameters else ''
        self._say(
            f'{source}{by}: {command.command[:80]} {command.command_id[:80]} {words}'.strip()
        )

    def status(self, source: str, status: CommandStatus) -> None:
        """Log how an order ended, or that it is paused."""
        over = status.state.terminal
        if status.resent or status.command in self._silent:
            return
        if not over and status.state is not CommandState.PAUSED:
            return
        error = status.error or {}
        why = f', {error.get("code", "")}: {error.get("message", "")}' if error else ''
        self._say(
            f'{status.command[:80]} {status.command_id[:80]}: {status.state.value}{_cut(why)}'
        )

    def _say(self, text: str) -> None:
        if not self._rate.acquire():
            self._left_out += 1
            return
        if self._left_out:
            self._logger.info(f'{self._left_out} lines of orders were left out')
            self._left_out = 0
        self._logger.info(text)


def _cut(text: str) -> str:
    text = redacted(text)  # Before it is cut: else a part of a secret would stay.
    return text if len(text) <= _LONGEST else f'{text[: _LONGEST - 1]}…'
