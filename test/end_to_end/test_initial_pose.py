# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the command set_initial_pose put the simulated robot where telemetry then says it is."""

from __future__ import annotations

import asyncio
import math

from fixtures.system import start_robot, system
import pytest

THERE = {'x': 4.0, 'y': 4.0, 'yaw': 1.2}


def is_there(event) -> bool:
    pose = event['data'].get('pose') if event.get('type') == 'telemetry' else None
    return bool(pose) and math.dist((pose['x'], pose['y']), (THERE['x'], THERE['y'])) < 0.01


def test_set_initial_pose_succeeds_and_telemetry_agrees(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path, telemetry={'period': 0.1, 'groups': {'pose': {}}}) as it:
            it.add(start_robot(speed=1.0))
            end = await it.ended(await it.send('set_initial_pose', **THERE))
            assert end['state'] == 'succeeded', end
            event = await it.operator.wait_for(is_there, since=0)
            pose = event['data']['pose']
            assert pose['frame'] == 'map'
            assert pose['yaw'] == pytest.approx(THERE['yaw'], abs=0.01)

    asyncio.run(scenario())
