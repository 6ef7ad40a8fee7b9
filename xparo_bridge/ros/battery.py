# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How full a battery is, of sensor_msgs/BatteryState, which has a part of one in `percentage`.

Drivers also send NaN or -1 for what they do not measure, and per cent by mistake. Neither is taken
for a charge.
"""

from __future__ import annotations

import math

_ROUNDING = 0.01  # A gauge of integers may say a little more than full.


class NoCharge(ValueError):
    """The percentage of a message is none; the text says why."""


def charge(percentage: float) -> float | None:
    """
    Return the charge as a part of one, None if the driver does not measure it.

    :raises NoCharge: if the driver does not follow sensor_msgs/BatteryState
    """
    if not math.isfinite(percentage) or percentage == -1.0:
        return None
    if not 0.0 <= percentage <= 1.0 + _ROUNDING:
        raise NoCharge(
            f'the driver says {percentage:g}, expected a part of 1 (sensor_msgs/BatteryState)'
        )
    return min(percentage, 1.0)


def measured_charge(percentage: float) -> float:
    """
    Return the charge as a part of one.

    :raises NoCharge: if the driver does not measure it either
    """
    part = charge(percentage)
    if part is None:
        raise NoCharge('the driver does not measure it')
    return part
