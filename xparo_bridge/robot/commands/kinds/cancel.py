# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `cancel`: end one command, all of one name or kind, or all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....messages import ErrorCode
from ..answers import listed
from ..kind import Kind, Schema, settings
from ..run import Rejection, Run


class Cancel(Kind[list[Run[Any]]]):
    """Succeeds when every command it was to end has ended; reports how each did."""

    urgent = True
    unconditional = True
    settings_schema = settings(timeout=15.0)

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        return {
            'type': 'object',
            'additionalProperties': False,
            'properties': {
                'command_id': {'type': 'string', 'description': 'the command to end'},
                'command': {'type': 'string', 'description': 'end all of this name'},
                'kind': {'type': 'string', 'description': 'end all of this kind'},
            },
        }

    def prepare(self, run: Run[list[Run[Any]]]) -> Rejection | None:
        selectors = run.parameters

        def selects(other: Run[Any]) -> bool:
            kind = other.kind.settings['kind'] if other.kind is not None else ''
            own = {'command_id': other.id, 'command': other.command.command, 'kind': kind}
            return all(own[key] == value for key, value in selectors.items())

        others = [other for other in self.robot.runs.open_runs if not other.urgent]
        if not hasattr(run, 'work'):  # One that found nothing comes again when its turn does.
            run.work = self.robot.runs.cancel_earlier(run, selects)
            run.work += [other for other in others if selects(other)]
        if not selectors or run.work:
            return None
        there = [{'command_id': o.id, 'command': o.command.command} for o in others]
        return Rejection(
            ErrorCode.NOTHING_TO_CANCEL, 'no such command is open', listed('open', there)
        )

    def start(self, run: Run[list[Run[Any]]]) -> None:
        for other in run.work:
            self.robot.runs.cancel(other)
        self.poll(run)

    def poll(self, run: Run[list[Run[Any]]]) -> None:
        # What it overtook is in the list of what it ended too.
        if not any(other.open for other in run.work) and not self.robot.runs.overtakes(run):
            run.succeed(listed('ended', [ending(other) for other in run.work]))


def ending(run: Run[Any]) -> dict[str, Any]:
    """Return how a run ended, as results list it."""
    return {'command_id': run.id, 'command': run.command.command, 'state': run.state}
