# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Decide whether the id of a command is used, and by the same command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
import hashlib
import json
from typing import Any

from ...messages import CommandState, CommandStatus, ErrorCode, MAX_NAME, RemoteCommand
from .journal import Journal
from .recovery import Recovery
from .run import Rejection, Run

ID_IS_USED = Rejection(ErrorCode.DUPLICATE_ID, 'another command had this id; give each its own')


def digest(command: RemoteCommand, source: str) -> str:
    """
    Return a digest of what is commanded and from where; times and the id do not count.

    It is empty where what is commanded cannot be written as JSON.
    """
    try:
        text = json.dumps(
            [command.command, command.parameters, source], sort_keys=True, default=str
        )
        return hashlib.blake2b(text.encode('utf-8', 'replace'), digest_size=12).hexdigest()
    except (ValueError, TypeError, RecursionError):
        return ''


def with_short_names(command: RemoteCommand) -> RemoteCommand:
    """Return a command whose name and id are short, because they come back in each report."""
    if max(len(command.command), len(command.command_id)) <= MAX_NAME:
        return command
    problems = [
        f'"{key}" has {len(value)} characters, expected at most {MAX_NAME}'
        for key, value in (('command', command.command), ('command_id', command.command_id))
        if len(value) > MAX_NAME
    ]
    return replace(
        command,
        command=command.command[:MAX_NAME],
        command_id=command.command_id[:MAX_NAME],
        problems=(*command.problems, *problems),
    )


class CommandIds:
    """The ids of commands that are open, have ended, or were left by a bridge that died."""

    def __init__(
        self, open_runs: Mapping[str, Run[Any]], journal: Journal, recovery: Recovery
    ) -> None:
        self._open = open_runs
        self._journal = journal
        self._recovery = recovery

    def used(self, command_id: str) -> bool:
        """Whether a command has an id, or had it not long ago."""
        return (
            command_id in self._open
            or self._recovery.knows(command_id)
            or self._journal.ended(command_id) is not None
        )

    def first(self, command: RemoteCommand, source: str, mark: str) -> Run[Any] | None:
        """
        Return the run of the same command, sent before under its id, or what is left of it.

        None if another command has its id; `mark` is the digest.
        """
        run = self._open.get(command.command_id)
        if run is not None:
            return run if run.digest == mark else None
        status = self._journal.ended(command.command_id)
        if status is None or self._recovery.knows(command.command_id):
            status = CommandStatus(command.command_id, command.command, CommandState.ACCEPTED)
        known = self._journal.digest(command.command_id)
        # What an older bridge wrote has no digest.
        same = known == mark if known else status.command == command.command
        return Run.remembered(command, source, status) if same else None
