# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Name the groups and topics of the telemetry, as commands, parameters and trials know them."""

from __future__ import annotations

from collections.abc import Container


def free_name(name: str, taken: Container[str]) -> str:
    """Return the name for the second entry of one topic: `/odom`, then `/odom#2`."""
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f'{name}#{number}'
    return free
