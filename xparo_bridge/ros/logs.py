# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Keep secrets out of ROS's own log, and floods.

Many lines quote what came from outside. Nobody may fill a disk with them, or hide others behind
them: a line has a bound, and each severity has so many bytes a second. Debugging has all.
"""

from __future__ import annotations

import threading
from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import LoggingSeverity

from ..redaction import redacted
from ..token_bucket import TokenBucket

LONGEST = 5000  # Characters of a line; a fault is logged with 4000 of its traceback.
# Bytes of a severity a second, and at once; a start writes some ten kB.
RATE, BURST = 10_000, 250_000
_OVERHEAD = 100  # Of a line: time, severity and name.


class LogGate:
    """Says which lines are written, and how many were not; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[int, TokenBucket] = {}
        self._left_out: dict[int, int] = {}

    def line(self, severity: int, message: str) -> list[str]:
        """Return the lines to write for one: none, itself, or a count of others before it."""
        if severity <= LoggingSeverity.DEBUG:
            return [message]
        message = clipped(message)
        with self._lock:
            bucket = self._buckets.setdefault(severity, TokenBucket(RATE, BURST))
            if not bucket.take(len(message) + _OVERHEAD):
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


def redact_ros_log() -> None:
    """Let every line that a rclpy logger writes pass through `redacted` and a gate."""
    write = rclpy_implementation.rclpy_logging_rcutils_log
    gate = LogGate()

    def write_redacted(severity: Any, name: str, message: str, *place: Any) -> None:
        for line in gate.line(int(severity), redacted(message)):
            write(severity, name, line, *place)

    rclpy_implementation.rclpy_logging_rcutils_log = write_redacted
