# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A flood of lines fills no disk and hides no other line, and what was left out is counted."""

from __future__ import annotations

import pytest
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import get_logger, LoggingSeverity

from xparo_bridge import token_bucket
from xparo_bridge.redaction import hide
from xparo_bridge.ros.logs import BURST, clipped, LogGate, LONGEST, RATE, redact_ros_log


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    bucket = token_bucket.TokenBucket
    monkeypatch.setattr(
        'xparo_bridge.ros.logs.TokenBucket',
        lambda rate, burst: bucket(rate, burst, lambda: now[0]),
    )
    return now


@pytest.mark.parametrize('severity', [LoggingSeverity.INFO, LoggingSeverity.WARN])
@pytest.mark.parametrize('length', [10, 1000, 1_000_000])
def test_a_flood_is_bounded_in_bytes_and_counted(clock, severity, length):
    gate, written, lines = LogGate(), 0, 0
    for _ in range(20_000):
        for line in gate.line(severity, 'x' * length):
            written, lines = written + len(line), lines + 1
    assert BURST / 20 < written <= BURST
    # Others are not hidden by it.
    assert gate.line(LoggingSeverity.ERROR, 'the motor is on fire') == ['the motor is on fire']
    clock[0] += 10.0
    count, line = gate.line(severity, 'after')
    assert count == f'{20_000 - lines} lines were left out: more than {RATE} bytes a second'
    assert line == 'after'
    assert gate.line(severity, 'and on') == ['and on']


def test_debugging_has_all(clock):
    gate = LogGate()
    assert all(gate.line(LoggingSeverity.DEBUG, 'x' * 100_000) for _ in range(1000))


def test_a_long_line_keeps_its_begin_and_end():
    line = clipped('begin' + 'x' * 1_000_000 + 'end')
    assert len(line) <= LONGEST + 40
    assert line.startswith('begin')
    assert line.endswith('end')
    assert clipped('x' * LONGEST) == 'x' * LONGEST


def test_what_a_logger_writes_passes_through_both(monkeypatch):
    written = []
    monkeypatch.setattr(
        rclpy_implementation,
        'rclpy_logging_rcutils_log',
        lambda severity, name, message, *place: written.append(message),
    )
    hide('hunter2-hunter2')
    redact_ros_log()
    for _ in range(1000):
        get_logger('flooded').warning('hunter2-hunter2' + 'x' * 100_000)
    assert 10 < len(written) < 500
    assert 'hunter2' not in ''.join(written)
