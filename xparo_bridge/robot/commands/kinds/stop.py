# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `stop`: everything, now."""

from __future__ import annotations

from dataclasses import dataclass
import time
from typing import Any

from ..kind import Kind, settings
from ..motion_lock import LockState
from ..run import Run


@dataclass
class _Stopping:
    others: list[Run[Any]]
    until: float


class Stop(Kind[_Stopping]):
    """
    Ends every command and tree, cancels every goal, also those of others, and stands still.

    From then on, over restarts too, nothing moves the robot until `resume`. Succeeds when all
    commands have ended, those an earlier bridge left too, and standing was told for `stop_for`;
    fails if a server did not obey.
    """

    urgent = True

    settings_schema = settings(
        {
            'velocity_topic': {
                'description': 'Now base.topic',
                'type': ['string', 'null'],
                'default': None,
            },
            'stamped': {
                'description': 'Now base.message',
                'type': ['boolean', 'null'],
                'default': None,
            },
            'stop_for': {
                'description': 'How long standing is repeated, s; base.stand_for if null',
                'type': ['number', 'null'],
                'minimum': 0,
                'maximum': 10,
                'default': None,
            },
        },
        timeout=20.0,
    )

    def start(self, run: Run[_Stopping]) -> None:
        runs = self.robot.runs
        # First of all, so that nothing begins that waited for what ends now.
        runs.lock.set(LockState.STOPPED)
        stop_for = self.settings['stop_for']
        if stop_for is None:
            stop_for = self.robot.base.settings.stand_for
        self.robot.base.stand_for(stop_for)
        others = [other for other in runs.open_runs if not other.urgent]
        run.work = _Stopping(others, time.monotonic() + stop_for)
        for other in others:
            runs.cancel(other)
        runs.emergency_stop()
        self.robot.trees.halt()  # Also one that no command began.
        run.running()

    def poll(self, run: Run[_Stopping]) -> None:
        stopping = run.work
        if (
            time.monotonic() < stopping.until
            or not self.robot.trees.idle
            or self.robot.runs.recovering
            or any(other.open for other in stopping.others)
        ):
            return
        ended = [
            {'command_id': other.id, 'command': other.command.command, 'state': other.state}
            for other in stopping.others
        ]
        did_not_stop = [
            other.id
            for other in stopping.others
            if other.status is not None
            and (other.status.error or {}).get('code') == 'cancel_ignored'
        ]
        if did_not_stop:
            run.fail(
                'not_stopped',
                'the servers of these did not obey: ' + ', '.join(did_not_stop),
                ended=ended,
            )
        else:
            run.succeed({'ended': ended})
