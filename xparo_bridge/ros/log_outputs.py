# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Write the lines of the log to where ROS writes them: the console, a file, /rosout.

Each has a thread of its own, since each may hang: a terminal that was halted, a log daemon that
does not read, a disk. rclpy writes on the calling thread, keeps the interpreter meanwhile, and
holds a mutex that each new node and action client waits for, so that one line would keep every
thread from stopping the robot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import contextlib
from dataclasses import dataclass
import logging
from logging.handlers import RotatingFileHandler
import os
from pathlib import Path
from queue import SimpleQueue
import re
import threading
import time

from rcl_interfaces.msg import Log
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

from . import entities

MOST_LINES = 1000  # that wait for an output
# Bytes of a file before another is begun; one before it is kept.
_FILE_BYTES = 50_000_000
_DEFAULT_FORMAT = '[{severity}] [{time}] [{name}]: {message}'
_SEVERITIES = {10: 'DEBUG', 20: 'INFO', 30: 'WARN', 40: 'ERROR', 50: 'FATAL'}
_COLORS = {10: '\033[32m', 20: '\033[0m', 30: '\033[33m', 40: '\033[31m', 50: '\033[31m'}
_NO_COLOR = '\033[0m'
_ROSOUT = QoSProfile(depth=MOST_LINES, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@dataclass(frozen=True)
class Line:
    """One line, with the severity of rcutils, which is logging's, and where it was logged."""

    severity: int
    logger: str
    text: str
    function: str = ''
    file: str = ''
    number: int = 0
    time: int = 0  # since 1970, ns


class Output:
    """Writes lines on a thread of its own; what comes while it hangs is left out and counted."""

    def __init__(self, name: str, write: Callable[[Line], object]) -> None:
        """Take what writes a line, and may hang."""
        self._write = write
        # Reentrant: garbage may be collected, and a task of asyncio that is found in it be logged,
        # at any place of `put`, on the same thread.
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._left_out = 0
        threading.Thread(target=self._run, name=f'log to {name}', daemon=True).start()

    def put(self, line: Line) -> None:
        """Have a line written soon; never waits."""

        def write() -> None:
            left_out, self._left_out = self._left_out, 0
            if left_out:
                text = f'{left_out} lines were left out: they could not be written'
                self._write(Line(logging.WARNING, line.logger, text, time=line.time))
            self._write(line)

        if not self._do(write):
            self._left_out += 1

    def flush(self, timeout: float) -> None:
        """Wait until the lines before are written, or for a time, s."""
        written = threading.Event()
        if self._do(written.set):
            written.wait(timeout)

    def _do(self, job: Callable[[], object]) -> bool:
        if self._jobs.qsize() >= MOST_LINES:
            return False
        self._jobs.put(job)
        return True

    def _run(self) -> None:
        while True:
            with contextlib.suppress(Exception):  # There is nowhere to say it.
                self._jobs.get()()


def outputs_on(ros_args: Sequence[str]) -> dict[str, bool]:
    """Return which outputs ROS's arguments leave on, by the names that they have there."""
    on = {}
    for name in ('stdout', 'external-lib', 'rosout'):
        flags = [arg for arg in ros_args if re.fullmatch(f'--(enable|disable)-{name}-logs', arg)]
        on[name] = not flags or flags[-1].startswith('--enable')
    return on


def to_console(environment: Mapping[str, str] = os.environ) -> Callable[[Line], None]:
    """Return what writes lines as rcutils does, by its environment variables."""
    stream = 1 if environment.get('RCUTILS_LOGGING_USE_STDOUT') == '1' else 2
    form = environment.get('RCUTILS_CONSOLE_OUTPUT_FORMAT') or _DEFAULT_FORMAT
    colorized = environment.get('RCUTILS_COLORIZED_OUTPUT')
    colored = colorized == '1' or (colorized != '0' and os.isatty(stream))

    def write(line: Line) -> None:
        text = formatted(line, form)
        if colored:
            text = f'{_COLORS.get(line.severity, "")}{text}{_NO_COLOR}'
        data = f'{text}\n'.encode('utf-8', 'replace')
        while data:
            data = data[os.write(stream, data) :]

    return write


def to_file(folder: Path) -> Callable[[Line], None]:
    """Return what writes lines to a new file of a folder, which is made with the first."""
    handler: RotatingFileHandler | None = None

    def write(line: Line) -> None:
        nonlocal handler
        if handler is None:
            folder.mkdir(parents=True, exist_ok=True)
            handler = RotatingFileHandler(
                folder / f'xparo_bridge_{os.getpid()}_{line.time // 1_000_000}.log',
                maxBytes=_FILE_BYTES,
                backupCount=1,
                encoding='utf-8',
                errors='replace',
            )
            handler.handleError = lambda record: None  # type: ignore[method-assign]
        handler.emit(logging.makeLogRecord({'msg': formatted(line, _DEFAULT_FORMAT)}))

    return write


def to_rosout(node: Node) -> Callable[[Line], None]:
    """Return what publishes lines on /rosout, by a node that has no publisher of rcl's there."""
    publisher = entities.publisher(node, Log, '/rosout', _ROSOUT)

    def write(line: Line) -> None:
        message = Log(
            level=line.severity,
            name=line.logger,
            msg=line.text,
            file=line.file,
            function=line.function,
            line=line.number,
        )
        message.stamp.sec, message.stamp.nanosec = divmod(line.time, 1_000_000_000)
        publisher.publish(message)

    return write


def formatted(line: Line, form: str) -> str:
    """Return a line in a form of rcutils, such as `[{severity}] [{time}] [{name}]: {message}`."""
    seconds, nanoseconds = divmod(line.time, 1_000_000_000)
    date = time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(seconds))
    values = {
        'severity': _SEVERITIES.get(line.severity, str(line.severity)),
        'name': line.logger,
        'message': line.text,
        'function_name': line.function,
        'file_name': line.file,
        'line_number': str(line.number),
        'time': f'{seconds}.{nanoseconds:09}',
        'time_as_nanoseconds': str(line.time),
        'date_time_with_ms': f'{date}.{nanoseconds // 1_000_000:03}',
    }
    return re.sub(r'\{(\w+)\}', lambda found: values.get(found[1], found[0]), form)
