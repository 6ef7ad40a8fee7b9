# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `status`: which commands are open, and how one stands or ended."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
import json
from typing import Any

from ....messages import CommandStatus, ErrorCode
from ....ros.problems import Problems
from ..answers import listed
from ..kind import Kind, Schema, settings
from ..run import Run

_MOST = 100  # groups and topics in an answer
_MOST_PROBLEMS = 20


class Status(Kind[None]):
    """
    Result: `open`, a list, `latch` (stopped, paused or empty), and `tree` if one runs; or one
    command's state.

    With `problems`, by name, if something of the configuration cannot be done now; if
    `telemetry` is asked for, how often each group and topic of it is sent, and what holds it.
    """

    asks = True

    settings_schema = settings()

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        return {
            'type': 'object',
            'additionalProperties': False,
            'properties': {
                'command_id': {'type': 'string', 'description': 'one command, open or ended'},
                'telemetry': {
                    'type': 'boolean',
                    'description': 'whether to say of each value why it is sent or not',
                },
            },
        }

    def start(self, run: Run[None]) -> None:
        runs = self.robot.runs
        if 'command_id' not in run.parameters:
            tree = self.robot.trees.summary()
            problems = dict(islice(Problems.of(self.robot.node).now.items(), _MOST_PROBLEMS))
            run.succeed(
                {
                    'latch': runs.lock.state.value,
                    **({'latched_because': runs.lock.doubt} if runs.lock.doubt else {}),
                    **listed(
                        'open',
                        [
                            _values(other.status, short=True)
                            for other in runs.open_runs
                            if other is not run and other.status is not None
                        ],
                    ),
                    **({'tree': tree} if tree else {}),
                    **({'problems': problems} if problems else {}),
                    **(
                        {'telemetry': dict(islice(self.robot.telemetry.why().items(), _MOST))}
                        if run.parameters.get('telemetry')
                        else {}
                    ),
                }
            )
            return
        status = runs.status(run.parameters['command_id'])
        if status is None:
            run.fail(ErrorCode.UNKNOWN_ID, 'no such command is open or remembered')
        else:
            run.succeed(_values(status))


def _values(status: CommandStatus, *, short: bool = False) -> dict[str, Any]:
    values = {
        'command_id': status.command_id,
        'command': status.command,
        'state': status.state,
        'progress': status.progress,
        'result': status.result,
        'error': status.error,
    }
    if short and values['progress'] and len(json.dumps(values['progress'], default=str)) > 250:
        values['progress'] = None  # Fifty of them make an answer.
    return {key: value for key, value in values.items() if value is not None}
