# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `cancel`: end one command, all of one name, or all."""

from __future__ import annotations

from .kind import Kind, Schema
from .run import Run


class Cancel(Kind):
    """Succeeds when every command it was to end has ended; tells how each did."""

    settings_schema = {
        'type': 'object', 'additionalProperties': False,
        'properties': {'kind': {}, 'timeout': {
            'description': 'How long the commands may take to end, s', 'type': 'number',
            'exclusiveMinimum': 0, 'default': 15.0}},
    }

    def parameters_schema(self) -> Schema:
        return {
            'type': 'object', 'additionalProperties': False,
            'properties': {
                'command_id': {'type': 'string', 'description': 'the command to end'},
                'command': {'type': 'string', 'description': 'end all of this name'}},
        }

    def start(self, run: Run) -> None:
        router = self.robot.router
        others = [other for other in router.open_runs if other is not run]
        wanted = others
        if 'command_id' in run.parameters:
            wanted = [other for other in wanted if other.id == run.parameters['command_id']]
        if 'command' in run.parameters:
            wanted = [o for o in wanted if o.command.command == run.parameters['command']]
        if run.parameters and not wanted:
            run.reject('nothing_to_cancel', 'no such command is open',
                       open=[{'command_id': o.id, 'command': o.command.command} for o in others])
            return
        run.accept()
        run.data = wanted
        for other in wanted:
            router.cancel(other)
        self.poll(run)

    def poll(self, run: Run) -> None:
        if not any(other.open for other in run.data):
            run.succeed({'ended': [
                {'command_id': other.id, 'command': other.command.command, 'state': other.state}
                for other in run.data]})
