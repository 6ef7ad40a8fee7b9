# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Driving from the keyboard: what keys mean, and that the robot stands when none is held."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import subprocess
import sys

from fixtures.system import CREDENTIALS, start_robot, system
import pytest

from xparo_bridge.local.keyboard_teleop import Keys


@pytest.mark.parametrize(
    ('key', 'velocity'),
    [
        (b'w', (0.2, 0.0)), (b'\x1b[A', (0.2, 0.0)), (b's', (-0.2, 0.0)), (b'\x1b[B', (-0.2, 0.0)),
        (b'a', (0.0, 0.5)), (b'\x1b[D', (0.0, 0.5)), (b'd', (0.0, -0.5)), (b'\x1b[C', (0.0, -0.5)),
        (b'x', (0.0, 0.0)), (b'\x1b[Z', (0.0, 0.0)), (b'\xff', (0.0, 0.0)),
    ],
)  # fmt: skip
def test_a_key_moves_the_robot_for_a_moment(key, velocity):
    keys = Keys(0.2, 0.5)
    keys.press(key, 10.0)
    assert keys.velocity(10.1) == velocity
    assert keys.velocity(10.5) == (0.0, 0.0)
    assert not keys.ended


def test_a_key_that_is_held_goes_on_and_stands_soon_after():
    keys = Keys(0.2, 0.5)
    times = [10.0, *(10.35 + 0.04 * number for number in range(50))]
    for now in times:
        keys.press(b'w', now)
        assert keys.velocity(now + 0.03) == (0.2, 0.0)
    assert keys.velocity(times[-1] + 0.19) == (0.2, 0.0)
    assert keys.velocity(times[-1] + 0.21) == (0.0, 0.0)


@pytest.mark.parametrize('key', [b' ', b'x', b'+', b'\r'])
def test_any_other_key_stands_at_once(key):
    keys = Keys(0.2, 0.5)
    keys.press(b'w', 10.0)
    keys.press(key, 10.01)
    assert keys.velocity(10.02) == (0.0, 0.0)


@pytest.mark.parametrize('data', [b'q', b'\x03', b'\x04', b'', b'wq'])
def test_it_ends_and_the_robot_stands(data):
    keys = Keys(0.2, 0.5)
    keys.press(b'w', 9.9)
    keys.press(data, 10.0)
    assert keys.ended
    assert keys.velocity(10.0) == (0.0, 0.0)


def test_an_arrow_in_two_parts_is_one_key_and_speeds_change():
    keys = Keys(0.2, 0.5)
    keys.press(b'+', 9.0)
    keys.press(b'\x1b', 10.0)
    keys.press(b'[A', 10.01)
    assert keys.velocity(10.02) == (pytest.approx(0.25), 0.0)


def test_it_drives_a_robot_and_lets_it_stand(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path, telemetry={'period': 0.1, 'groups': {'velocity': {}}}) as it:
            it.add(start_robot(speed=1.0))
            terminal, its = pty.openpty()
            words = ['local_platform', 'teleop', '--port', str(it.port)]
            process = subprocess.Popen(
                [sys.executable, '-m', 'xparo_bridge', *words],
                stdin=its,
                stdout=its,
                stderr=its,
                env={**os.environ, **CREDENTIALS},
            )
            os.close(its)
            try:
                said = b''
                while b'q ends' not in said:
                    said += await asyncio.to_thread(os.read, terminal, 1000)
                drain = asyncio.create_task(asyncio.to_thread(_drain, terminal))

                def drives(event: dict) -> bool:
                    velocity = event.get('data', {}).get('velocity') if 'data' in event else None
                    return bool(velocity) and velocity['linear'] > 0.05

                async def hold() -> None:
                    while True:
                        os.write(terminal, b'w')
                        await asyncio.sleep(0.05)

                holding = asyncio.create_task(hold())
                event = await it.operator.wait_for(drives, timeout=30.0)
                holding.cancel()
                await it.operator.wait_for(
                    lambda event: (
                        event.get('type') == 'telemetry'
                        and abs(event['data'].get('velocity', {'linear': 1})['linear']) < 0.01
                    ),
                    timeout=10.0,
                    since=event['seq'],
                )
                os.write(terminal, b'+')
                await asyncio.sleep(0.3)  # The keys of one read count together.
                os.write(terminal, b'q')
                assert await asyncio.to_thread(process.wait, 20) == 0
                assert b'now 0.25 m/s, 0.62 rad/s' in await drain
            finally:
                process.kill()
                process.wait()
                os.close(terminal)

    asyncio.run(scenario())


def _drain(terminal: int) -> bytes:
    """Read what is printed until the end, so that the program never waits for it."""
    said = b''
    with contextlib.suppress(OSError):
        while data := os.read(terminal, 1000):
            said += data
    return said
