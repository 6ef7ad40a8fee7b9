# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How full the battery is, of a sensor_msgs/BatteryState topic.

Sends `battery_percentage` (percent, ROS has a part of one), `battery_voltage` (V),
`battery_current` (A, negative when discharging) and `battery_status` as text. What the driver does
not measure is left out: NaN, and -1 as some drivers have it. So is a percentage that is none: a
driver that has percent where ROS has a part of one is named as a problem, not multiplied.
"""

from __future__ import annotations

import math

from rclpy.node import Node
from sensor_msgs.msg import BatteryState

from ....ros.battery import charge, NoCharge
from ....ros.problems import Problems
from ..settings import parse_fields, Settings, TopicSettings
from ..source import Source, TopicSource, Values

_PROBLEM = 'telemetry battery'
_STATUS = {
    BatteryState.POWER_SUPPLY_STATUS_CHARGING: 'charging',
    BatteryState.POWER_SUPPLY_STATUS_DISCHARGING: 'discharging',
    BatteryState.POWER_SUPPLY_STATUS_NOT_CHARGING: 'not_charging',
    BatteryState.POWER_SUPPLY_STATUS_FULL: 'full',
}


def make(node: Node, settings: Settings) -> Source:
    return TopicSource(
        node,
        TopicSettings(
            settings['topic'],
            'sensor_msgs/msg/BatteryState',
            parse_fields(['percentage', 'voltage', 'current', 'power_supply_status']),
        ),
        transform=lambda read: _battery(read, Problems.of(node)),
    )


def _battery(read: Values, problems: Problems) -> Values:
    part = None
    try:
        part = charge(read['percentage'])
        problems.solved(_PROBLEM)
    except NoCharge as error:
        problems.report(_PROBLEM, f'battery_percentage is left out: {error}')
    values = {
        'battery_percentage': math.nan if part is None else round(part * 100, 1),
        'battery_voltage': round(read['voltage'], 3),
        'battery_current': round(read['current'], 3),
        'battery_status': _STATUS.get(read['power_supply_status'], 'unknown'),
    }
    return {
        name: value
        for name, value in values.items()
        if not isinstance(value, float) or math.isfinite(value)
    }
