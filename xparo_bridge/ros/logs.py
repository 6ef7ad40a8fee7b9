# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Keep secrets out of ROS's own log."""

from __future__ import annotations

from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation

from ..redaction import redacted


def redact_ros_log() -> None:
    """Let every line that a rclpy logger writes pass through `redacted`, whoever logs it."""
    write = rclpy_implementation.rclpy_logging_rcutils_log

    def write_redacted(severity: Any, name: str, message: str, *place: Any) -> None:
        write(severity, name, redacted(message), *place)

    rclpy_implementation.rclpy_logging_rcutils_log = write_redacted
