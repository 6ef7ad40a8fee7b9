# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `cancel`: end one command, all of one name or kind, or all."""

from __future__ import annotations

from typing import Any

from ..kind import Kind, Schema, settings
from ..run import Rejection, Run


class Cancel(Kind[list[Run[Any]]]):
    """Succeeds when every command it was to end has ended; tells how each did."""

    urgent = True
    settings_schema = settings(timeout=15.0)

    def parameters_schema(self) -> Schema:
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
        others = [other for other in self.robot.runs.open_runs if not other.urgent]
        wanted = others
        if 'command_id' in run.parameters:
            wanted = [other for other in wanted if other.id == run.parameters['command_id']]
        if 'command' in run.parameters:
            wanted = [o for o in wanted if o.command.command == run.parameters['command']]
        if 'kind' in run.parameters:
            wanted = [
                o for o in wanted if o.kind and o.kind.settings['kind'] == run.parameters['kind']
            ]
        if run.parameters and not wanted:
            return Rejection(
                'nothing_to_cancel',
                'no such command is open',
                {'open': [{'command_id': o.id, 'command': o.command.command} for o in others]},
            )
        run.work = wanted
        return None

    def start(self, run: Run[list[Run[Any]]]) -> None:
        for other in run.work:
            self.robot.runs.cancel(other)
        self.poll(run)

    def poll(self, run: Run[list[Run[Any]]]) -> None:
        if not any(other.open for other in run.work):
            run.succeed(
                {
                    'ended': [
                        {
                            'command_id': other.id,
                            'command': other.command.command,
                            'state': other.state,
                        }
                        for other in run.work
                    ]
                }
            )
