# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `stop`: everything, now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import time
from typing import Any

from ....ros.entities import timer
from ..kind import Kind, Robot, settings
from ..run import Run
from .velocity import Velocity, VelocityPublisher

_RATE = 20.0


@dataclass
class _Stopping:
    others: list[Run]
    until: float


class Stop(Kind):
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
                'description': 'Where the base listens; null if it stands still by itself',
                'type': ['string', 'null'],
                'default': 'cmd_vel',
            },
            'stamped': {
                'description': 'TwistStamped instead of Twist',
                'type': 'boolean',
                'default': False,
            },
            'stop_for': {
                'description': 'How long standing is repeated, s',
                'type': 'number',
                'minimum': 0,
                'maximum': 10,
                'default': 1.0,
            },
        },
        timeout=20.0,
    )

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        super().__init__(name, settings, robot)
        topic = settings['velocity_topic']
        self._publisher = topic and VelocityPublisher(
            robot.node, topic, stamped=settings['stamped']
        )
        self._zero_until = 0.0
        self._timer = timer(robot.node, 1 / _RATE, self._stand)
        self._timer.cancel()

    def start(self, run: Run) -> None:
        router = self.robot.router
        # First of all, so that nothing begins that waited for what ends now.
        router.set_latch('stopped')
        self._zero_until = time.monotonic() + self.settings['stop_for']
        self._stand()
        self._timer.reset()
        others = [other for other in router.open_runs if other.kind and not other.kind.urgent]
        run.data = _Stopping(others, self._zero_until)
        for other in others:
            router.cancel(other)
        for kind in router.kinds.values():
            if kind.motion:
                kind.halt()
        self.robot.trees.halt()  # Also one that no command began.
        run.running()

    def _stand(self) -> None:
        if self._publisher is not None:
            self._publisher.publish(Velocity())
        if time.monotonic() > self._zero_until:
            self._timer.cancel()

    def poll(self, run: Run) -> None:
        stopping: _Stopping = run.data
        if (
            time.monotonic() < stopping.until
            or not self.robot.trees.idle
            or self.robot.router.recovering
            or any(other.open for other in stopping.others)
        ):
            return
        ended = [
            {'command_id': other.id, 'command': other.command.command, 'state': other.state}
            for other in stopping.others
        ]
        defiant = [
            other.id
            for other in stopping.others
            if other.status is not None
            and (other.status.error or {}).get('code') == 'cancel_ignored'
        ]
        if defiant:
            run.fail(
                'not_stopped',
                'the servers of these did not obey: ' + ', '.join(defiant),
                ended=ended,
            )
        else:
            run.succeed({'ended': ended})
