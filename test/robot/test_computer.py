# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What is read of the robot's computer, beside what psutil reads."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from xparo_bridge.robot import computer


def test_memory_and_disk_are_those_of_psutil(tmp_path):
    memory, expected = computer.memory(), psutil.virtual_memory()
    assert memory.total == expected.total
    assert memory.available == pytest.approx(expected.available, rel=0.1)
    assert memory.percent == pytest.approx(expected.percent, abs=5.0)
    disk, expected = computer.disk(str(tmp_path)), psutil.disk_usage(str(tmp_path))
    assert disk.total == expected.total
    assert disk.available == pytest.approx(expected.free, rel=0.1)
    assert disk.used == pytest.approx(expected.used, rel=0.1)
    assert disk.percent == pytest.approx(expected.percent, abs=5.0)


def test_a_disk_that_is_not_there_is_named():
    with pytest.raises(OSError, match='/no/such/folder'):
        computer.disk('/no/such/folder')


def test_the_counters_of_the_network_are_those_of_psutil():
    def read() -> list[int]:
        counters = [
            counter
            for name, counter in psutil.net_io_counters(pernic=True).items()
            if name != 'lo'
        ]
        return [
            sum(counter.bytes_sent for counter in counters),
            sum(counter.bytes_recv for counter in counters),
        ]

    before, found, after = read(), computer.network(), read()
    assert before[0] <= found[0] <= after[0]
    assert before[1] <= found[1] <= after[1]


def test_cores_and_own_memory_are_those_of_psutil():
    assert computer.physical_cores() == psutil.cpu_count(logical=False)
    assert computer.own_rss() == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)


def test_the_usage_is_that_since_the_last_look():
    usage, own = computer.CpuUsage(), computer.OwnCpuUsage()
    used = time.process_time() + 0.3
    while time.process_time() < used:
        pass
    mine = own.percent()  # Of one core; less than 100 where others have the core too.
    assert 0.0 < mine <= 130.0
    assert usage.percent() >= 0.8 * mine / (os.cpu_count() or 1)
    assert 0.0 <= usage.percent() <= 100.0


def test_a_bridge_loads_psutil_only_for_temperatures():
    program = (
        'import sys, xparo_bridge.process, xparo_bridge.robot.telemetry.groups.system as system\n'
        'print("psutil" in sys.modules)\n'
        'system._temperatures()\n'
        'print("psutil" in sys.modules)\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ['False', 'True']
