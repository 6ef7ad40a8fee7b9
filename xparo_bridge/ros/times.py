# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Seconds as the numbers of builtin_interfaces/Time and Duration, which hold 32 bits of them."""

from __future__ import annotations

import math
from typing import Any

from ..errors import BadInput

_LEAST, _MOST = -(2**31), 2**31 - 1


class NoTime(BadInput, ValueError):
    """Seconds that a message cannot hold, such as a time in milliseconds."""


def time_message(cls: Any, seconds: float) -> Any:
    """
    Time or Duration of seconds.

    :raises NoTime: of what is not finite or does not fit into 32 bits, which rclpy would wrap.
    """
    try:
        finite = math.isfinite(seconds)
    except OverflowError:  # An integer beyond all floats.
        finite = False
    if not finite:
        raise NoTime(f'{str(seconds)[:40]} is no number of seconds')
    # The message counts nanoseconds upwards, also from a negative second.
    whole, nanoseconds = (
        divmod(round(seconds * 1e9), 10**9) if abs(seconds) < 2**32 else (2**32, 0)
    )
    if not _LEAST <= whole <= _MOST:
        hint = '; is it in milliseconds?' if _MOST < abs(seconds) < _MOST * 1000.0 else ''
        raise NoTime(f'{seconds:g} s does not fit into a {cls.__name__} of 32 bits{hint}')
    return cls(sec=whole, nanosec=nanoseconds)


def nearest_time(cls: Any, seconds: float) -> Any:
    """Time or Duration of seconds, or of the most that it can hold: for what is only shown."""
    return time_message(cls, min(max(seconds, float(_LEAST)), float(_MOST)))
