# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Keep secrets out of ROS's own log, and floods, and all threads from waiting for it.

Many lines quote what came from outside. Nobody may fill a disk with them, or hide others behind
them: a line has a bound, and each severity has so many bytes a second. Debugging has all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import contextlib
import logging
import threading
import time
from typing import ClassVar

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import (
    get_logger_level,
    get_logging_directory,
    LoggingSeverity,
    set_logger_level,
)
from rclpy.node import Node

from ..redaction import redacted
from ..token_bucket import TokenBucket
from .log_outputs import Line, Output, outputs_on, to_console, to_file, to_rosout

LONGEST = 5000  # Characters of a line; a fault is logged with 4000 of its traceback.
# Bytes of a severity a second, and at once; a start writes some ten kB.
RATE, BURST = 10_000, 250_000
_OVERHEAD = 100  # Of a line: time, severity and name.


class LogGate:
    """Says which lines are written, and how many were not; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # See Output: a line may be logged within another.
        self._buckets: dict[int, TokenBucket] = {}
        self._left_out: dict[int, int] = {}

    def line(self, severity: int, message: str) -> list[str]:
        """Return the lines to write for one: none, itself, or a count of others before it."""
        if severity <= LoggingSeverity.DEBUG:
            return [message]
        message = clipped(message)
        with self._lock:
            bucket = self._buckets.setdefault(severity, TokenBucket(RATE, BURST))
            if not bucket.acquire(len(message) + _OVERHEAD):
                self._left_out[severity] = self._left_out.get(severity, 0) + 1
                return []
            left_out = self._left_out.pop(severity, 0)
        if left_out:
            return [f'{left_out} lines were left out: more than {RATE} bytes a second', message]
        return [message]


def clipped(message: str) -> str:
    """Cut the middle out of a line that is too long."""
    if len(message) <= LONGEST:
        return message
    half = LONGEST // 2 - 20
    return f'{message[:half]} …{len(message) - 2 * half} more… {message[-half:]}'


@contextlib.contextmanager
def silenced(*loggers: str) -> Iterator[None]:
    """Have loggers write nothing below fatal; their levels, which are the process's, come back."""
    before = {name: get_logger_level(name) for name in loggers}
    for name in before:
        set_logger_level(name, LoggingSeverity.FATAL)
    try:
        yield
    finally:
        for name, level in before.items():
            set_logger_level(name, level)


class RosLog:
    """Takes over what this process logs by rclpy and by logging; from any thread."""

    current: ClassVar[RosLog | None] = None

    def __init__(self, **outputs: Output) -> None:
        """Take the outputs; none of them ever keeps a thread waiting that logs."""
        self._outputs = outputs
        self._to_rosout = True
        self._gate = LogGate()
        rclpy_implementation.rclpy_logging_rcutils_log = self.write
        logging.getLogger().addHandler(_FromPython(self))
        RosLog.current = self

    @classmethod
    def of(cls, ros_args: Sequence[str]) -> RosLog:
        """Log as ROS's arguments say, to the console and a file; /rosout needs a node."""
        on = outputs_on(ros_args)
        found = {}
        if on['stdout']:
            found['console'] = Output('the console', to_console())
        if on['external-lib']:
            found['file'] = Output('a file', to_file(get_logging_directory()))
        log = cls(**found)
        log._to_rosout = on['rosout']
        return log

    def publish_by(self, node: Node) -> None:
        """Write to /rosout too, by a node that does not by itself."""
        if self._to_rosout:
            self._outputs['rosout'] = Output('/rosout', to_rosout(node))

    def write(
        self,
        severity: int,
        logger: str,
        text: str,
        function: str = '',
        file: str = '',
        number: int = 0,
    ) -> None:
        """Log a line, redacted and if there is room for it; never waits."""
        now = time.time_ns()
        for part in self._gate.line(int(severity), redacted(text)):
            line = Line(int(severity), logger, part, function, file, number, now)
            for output in list(self._outputs.values()):
                output.put(line)

    def flush(self, timeout: float, *names: str) -> None:
        """Wait until these outputs, or all, have what was logged, at most so many s for each."""
        for name, output in list(self._outputs.items()):
            if not names or name in names:
                output.flush(timeout)


def flush_ros_log(timeout: float, *names: str) -> None:
    """Do so with the log of this process, if it has one."""
    if RosLog.current is not None:
        RosLog.current.flush(timeout, *names)


class _FromPython(logging.Handler):
    """Writes what Python's own modules log, which would wait for stderr."""

    def __init__(self, log: RosLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.write(
            record.levelno,
            record.name,
            record.getMessage(),
            record.funcName or '',
            record.pathname,
            record.lineno,
        )
