# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The bridge of one robot in a run: its configuration, and its process.

It has the user's configuration with three things changed. It dials the run's platform through the
run's network and nobody else. Its state is the run's. And where the world runs faster than real
time, so do the times that it measures by the steady clock: `link_loss.after`, telemetry's periods,
heartbeat and backoff.
"""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
import sys
from typing import Any

from ..local.children import Child
from ..local.platform_server import ROBOT_PATH
from .given import RobotSetup
from .platform_process import PROJECT_ID, SECRET_KEY
from .restartable import Restartable

# What a link of the user's may bring along; the rest is of another network.
_OF_THE_LINK = (
    'name',
    'extensions',
    'options',
    'outbox',
    'history',
    'inbound_limits',
    'max_frame_bytes',
    'max_sent_bytes',
    'control_bytes',
    'telemetry_bytes',
    'compression',
)
# Quick to notice and to come back, in the world's time.
_HEARTBEAT = {'interval': 2.0, 'timeout': 2.0}
_BACKOFF = {'initial': 0.2, 'maximum': 1.0, 'refused': 2.0, 'stable_after': 5.0}


class BridgeProcess(Restartable):
    """A bridge that can be killed and started again."""

    def __init__(
        self,
        setup: RobotSetup,
        port: int,
        factor: float,
        folder: Path,
        simulated_time: bool,
        max_speed: float = math.inf,
    ) -> None:
        """Take the port to dial, and the speed by hand that is not passed, m/s."""
        super().__init__()
        self._max_speed = max_speed
        self.robot = setup.name
        self._setup = setup
        self._port = port
        self._factor = factor
        self._folder = folder
        self._simulated_time = simulated_time

    @property
    def namespace(self) -> str:
        """Its robot's namespace, '' for none."""
        return self._setup.namespace

    @property
    def lines(self) -> list[str]:
        """What it printed lately."""
        return list(self._child.lines) if self._child is not None else []

    async def start(self, program: tuple[str, ...] = ()) -> None:
        """Start it."""
        file = self._folder / f'{self.robot}.yaml'
        file.write_text(json.dumps(self._configuration(), indent=1))
        namespace = self._setup.namespace
        own_tf = ('-r', f'__ns:=/{namespace}', '-r', '/tf:=tf', '-r', '/tf_static:=tf_static')
        self._child = await Child.start(
            f'bridge of {self.robot}',
            [
                *(program or (sys.executable, '-m', 'xparo_bridge', 'bridge')),
                *('--ros-args', '-p', f'config:=[{file}]'),
                *('-p', f'use_sim_time:={str(self._simulated_time).lower()}'),
                *(own_tf if namespace else ()),
            ],
            log=self._folder / 'logs' / f'bridge_{self.robot}.log',
            env={'XPARO_SECRET_KEY': SECRET_KEY, 'XPARO_PROJECT_ID': PROJECT_ID},
        )
        self.ended_at_will = False

    def _configuration(self) -> dict[str, Any]:
        tree = copy.deepcopy(self._setup.configuration.data)
        mine: dict[str, Any] = next(
            (link for link in tree['links'] if link['protocol'] == 'xparo'), {}
        )
        # Another world's time in another world's seconds.
        by = 1.0 / self._factor
        tree['links'] = [
            {
                'name': 'platform',
                **{key: mine[key] for key in _OF_THE_LINK if key in mine},
                'protocol': 'xparo',
                'url': f'ws://127.0.0.1:{self._port}{ROBOT_PATH}',
                'open_timeout': 2.0,
                'heartbeat': {key: max(value * by, 0.3) for key, value in _HEARTBEAT.items()},
                'backoff': {key: max(value * by, 0.05) for key, value in _BACKOFF.items()},
            }
        ]
        tree['robot_id'] = self.robot
        tree['state_dir'] = str(self._folder / 'state' / self.robot)
        tree['link_loss']['after'] = tree['link_loss']['after'] * by
        telemetry = tree['telemetry']
        telemetry['period'] = max(telemetry['period'] * by, 0.05)
        for group in telemetry['groups'].values():
            if group and group.get('period'):
                group['period'] = max(group['period'] * by, 0.05)
        for command in tree['commands'].values():
            # Programs that start at the same moment may take DDS some seconds to match.
            if command.get('kind') == 'teleop' and self._max_speed < math.inf:
                command['max_linear'] = min(command.get('max_linear', 0.5), self._max_speed)
            if command.get('kind') == 'navigate':
                command['server_timeout'] = max(command.get('server_timeout', 5.0), 20.0)
        return {key: value for key, value in tree.items() if value is not None}
