# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the demo play its mission, tell what failed, and leave no process behind."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from importlib.util import find_spec
import os
import re
import signal

from fixtures.processes import Process
import psutil
import pytest

MISSION_TIMEOUT = 120.0


@contextlib.contextmanager
def demo(*arguments: str, **env: str) -> Iterator[Process]:
    domain = os.environ.get('ROS_DOMAIN_ID')
    with Process.module(
        'xparo_bridge',
        'demo',
        *arguments,
        name='demo',
        env={**({'ROS_DOMAIN_ID': domain} if domain else {}), **env},
    ) as process:
        yield process


def children(process: Process) -> list[psutil.Process]:
    found = psutil.Process(process.pid).children(recursive=True)
    assert found
    return found


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=15.0)
    assert not alive


def test_the_mission_succeeds_step_by_step_and_ends():
    with demo('--once', '--speed', '4') as process:
        process.wait_for_line('the robot is connected: demo_robot', MISSION_TIMEOUT)
        programs = children(process)
        assert process.wait(MISSION_TIMEOUT) == 0
        assert_gone(programs)
        text = '\n'.join(process.lines)
    steps = [
        'the platform listens',
        'the robot is connected',
        r'telemetry arrives: .*battery',
        r'start_navigation {"goal": "table_4"} sent',
        r'm to go',
        'table_4: arrived',
        'a chat is answered: .*You are at x',
        'on the way: canceled',
        r'first/go: FAILURE \(failed on demand\)',
        'first/go_again: SUCCESS',
        'to_kitchen: SUCCESS',
        'mission complete',
    ]
    assert re.search('.*'.join(steps), text, re.DOTALL)
    distances = [float(number) for number in re.findall(r'([\d.]+) m to go', text)]
    assert distances == sorted(distances, reverse=True)


def test_it_stays_up_until_ctrl_c_and_takes_orders_meanwhile():
    with demo('--speed', '6') as process:
        command = process.wait_for_line(
            r'(local_platform send start_navigation --goal \w+ --wait.*)', MISSION_TIMEOUT
        )[1]
        programs = children(process)
        with Process.module('xparo_bridge', *command.split()) as operator:
            assert operator.wait(60.0) == 0
            operator.wait_for_line('succeeded')
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
        assert_gone(programs)


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_its_programs_end_with_it(number):
    with demo() as process:
        process.wait_for_line('the robot is connected', MISSION_TIMEOUT)
        programs = children(process)
        # Platform, robot, bridge and the guard of its base; the console where there is NiceGUI.
        assert len(programs) == (5 if find_spec('nicegui') else 4)
        process.send_signal(number)
        process.wait()
        assert_gone(programs)


def test_a_failed_step_is_named_with_the_end_of_the_log_and_a_code():
    with demo('--once', RMW_IMPLEMENTATION='rmw_of_dreams') as process:
        assert process.wait(MISSION_TIMEOUT) == 1
        process.wait_for_line('FAILED: "the robot is connected": .* ended with exit code')
        process.wait_for_line('rmw_of_dreams')
