# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `cancel`: end one command, all of one name or kind, or all."""

from __future__ import annotations

from ..kind import Kind, Schema, settings
from ..run import Run


class Cancel(Kind):
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

    def prepare(self, run: Run) -> None:
        others = [
            other for other in self.robot.router.open_runs if other.kind and not other.kind.urgent
        ]
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
            run.reject(
                'nothing_to_cancel',
                'no such command is open',
                open=[{'command_id': o.id, 'command': o.command.command} for o in others],
            )
        run.data = wanted

    def start(self, run: Run) -> None:
        for other in run.data:
            self.robot.router.cancel(other)
        self.poll(run)

    def poll(self, run: Run) -> None:
        if not any(other.open for other in run.data):
            run.succeed(
                {
                    'ended': [
                        {
                            'command_id': other.id,
                            'command': other.command.command,
                            'state': other.state,
                        }
                        for other in run.data
                    ]
                }
            )
