# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A flood of lines fills no disk and hides no other line, and what was left out is counted."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import threading
import time

from fixtures.ros_graph import RosGraph
import pytest
from rcl_interfaces.msg import Log
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import get_logger, get_logger_level, LoggingSeverity, set_logger_level
from rclpy.qos import DurabilityPolicy, QoSProfile

from xparo_bridge import token_bucket
from xparo_bridge.redaction import hide
from xparo_bridge.ros.log_outputs import MOST_LINES, Output
from xparo_bridge.ros.logs import BURST, clipped, LogGate, LONGEST, RATE, RosLog, silenced


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


@pytest.fixture
def restored(monkeypatch):
    """What logs, put back at the end."""
    monkeypatch.setattr(RosLog, 'current', None)
    handlers = list(logging.getLogger().handlers)
    write = rclpy_implementation.rclpy_logging_rcutils_log
    yield
    rclpy_implementation.rclpy_logging_rcutils_log = write
    logging.getLogger().handlers[:] = handlers


def test_what_rclpy_and_python_log_is_written_redacted_and_bounded(restored):
    lines = []
    hide('hunter2-hunter2')
    log = RosLog(list=Output('a list', lines.append))
    for _ in range(1000):
        get_logger('flooded').warning('hunter2-hunter2' + 'x' * 100_000)
    logging.getLogger('asyncio').error('a task died of %s', 'hunter2-hunter2')
    log.flush(10.0)
    assert 10 < len(lines) < 500
    assert {(line.severity, line.logger) for line in lines[:-1]} == {(30, 'flooded')}
    assert (lines[-1].severity, lines[-1].logger) == (40, 'asyncio')
    assert lines[-1].text.startswith('a task died of')
    assert 'hunter2' not in str(lines)


def test_an_output_that_hangs_keeps_neither_threads_nor_other_outputs_waiting(restored):
    goes_on, written, others = threading.Event(), [], []

    def hang(line):
        goes_on.wait(20.0)
        written.append(line.text)

    log = RosLog(
        hangs=Output('hangs', hang), works=Output('works', lambda line: others.append(line))
    )
    count = MOST_LINES + 501
    began = time.thread_time()
    for number in range(count):
        get_logger('robot').debug(str(number))  # Below its level.
        log.write(10, 'robot', str(number))
    assert time.thread_time() - began < 1.0
    log.flush(0.01)
    assert written == []
    deadline = time.monotonic() + 20.0
    while len(others) < 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    goes_on.set()
    while len(written) < MOST_LINES and time.monotonic() < deadline:
        time.sleep(0.01)
    log.write(20, 'robot', 'after')
    log.flush(20.0)
    lost = [text for text in written if 'left out' in text]
    kept = [int(text) for text in written if text.isdigit()]
    assert kept[:MOST_LINES] == list(range(MOST_LINES))
    # The writer takes one line out of the queue, before or after it is full.
    assert len(kept) <= MOST_LINES + 1
    assert kept[-1] >= MOST_LINES - 1
    # A second count if it took its first line before all were there.
    assert sum(int(text.split()[0]) for text in lost) == count - len(kept)
    assert len(lost) <= 2
    assert written[-1] == 'after'


def test_what_is_logged_while_a_line_is_logged_on_the_same_thread_holds_nobody_up(restored):
    """As a task of asyncio that the collector of garbage finds within any line of `write`."""
    lines: list[str] = []
    log = RosLog(list=Output('a list', lambda line: lines.append(line.text)))
    inner = threading.local()

    def trace(frame, event, argument):
        if not getattr(inner, 'busy', False) and event == 'line':
            inner.busy = True
            log.write(20, 'asyncio', 'within')
            inner.busy = False
        return (
            trace if 'xparo_bridge' in frame.f_code.co_filename or 'queue' in str(frame) else None
        )

    def write() -> None:
        sys.settrace(trace)
        log.write(20, 'robot', 'without')
        sys.settrace(None)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    thread.join(10.0)
    assert not thread.is_alive()
    log.flush(10.0)
    assert lines.count('without') == 1
    assert lines.count('within') > 5


PROGRAM = """
import json, sys
import rclpy
from rclpy.logging import get_logger
from xparo_bridge.ros.logs import flush_ros_log, RosLog
how, texts, args = map(json.loads, sys.argv[1:])
if how == 'bridge':
    RosLog.of(args)
rclpy.init(args=['program', *args])
for text in texts:
    get_logger('robot').warning(text)
    get_logger('robot').error(text)
flush_ros_log(10.0)
"""


def said(how, texts, folder, *args, **environment):
    """What a program logs by rclpy alone or as the bridge does: stdout, stderr, files."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM, *map(json.dumps, (how, texts, args))],
        capture_output=True,
        env={**os.environ, 'ROS_LOG_DIR': str(folder), **environment},
        check=True,
    )
    files = [line for file in folder.iterdir() for line in file.read_text().splitlines()]
    return done.stdout.decode(), done.stderr.decode(), files


@pytest.mark.parametrize(
    ('args', 'environment'),
    [
        ((), {}),
        ((), {'RCUTILS_LOGGING_USE_STDOUT': '1', 'RCUTILS_COLORIZED_OUTPUT': '1'}),
        (('--ros-args', '--disable-stdout-logs'), {}),
        (('--ros-args', '--disable-stdout-logs', '--enable-stdout-logs'), {}),
    ],
)
def test_lines_look_as_those_of_rclpy(tmp_path, args, environment):
    form = '{severity} {name} {message} {line_number} {unknown}'
    environment = {'RCUTILS_CONSOLE_OUTPUT_FORMAT': form, **environment}
    texts = ['plain', 'hundert % Übermaß %s %d {name}', 'x' * 5000]
    by_rclpy = said('rclpy', texts, tmp_path / 'rclpy', *args, **environment)
    by_bridge = said('bridge', texts, tmp_path / 'bridge', *args, **environment)
    assert by_bridge[:2] == by_rclpy[:2]


def test_files_and_default_lines_have_time_name_and_text(tmp_path):
    pattern = r'\[WARN\] \[\d{10}\.\d{9}\] \[robot\]: lone \? surrogate'
    _, errors, file = said('bridge', ['lone \ud800 surrogate'], tmp_path / 'on')
    assert re.fullmatch(pattern, errors.splitlines()[0])
    assert file == errors.splitlines()
    off = ('--ros-args', '--disable-external-lib-logs')
    assert said('bridge', ['plain'], tmp_path / 'off', *off)[2] == []


def test_lines_are_published_on_rosout(restored):
    with RosGraph('listener') as listener, RosGraph('robot') as robot:
        heard = listener.listen(
            Log, '/rosout', QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        )
        log = RosLog()
        log.publish_by(robot.node)
        get_logger('some.child').warning('of rosout')
        listener.until(lambda: any(line.msg == 'of rosout' for line in heard))
        line = next(line for line in heard if line.msg == 'of rosout')
        assert (line.name, line.level, line.file) == ('some.child', 30, __file__)
        assert line.line > 0
        assert abs(line.stamp.sec - time.time()) < 20.0


@pytest.mark.parametrize('level', [LoggingSeverity.UNSET, LoggingSeverity.WARN])
def test_what_was_silenced_logs_as_before_also_after_a_fault(level):
    set_logger_level('silent', level)
    with pytest.raises(KeyError), silenced('silent', 'rcl'):
        assert get_logger_level('silent') == LoggingSeverity.FATAL
        raise KeyError
    assert get_logger_level('silent') == level
    assert get_logger_level('rcl') == LoggingSeverity.UNSET
