# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How full the battery is, of a sensor_msgs/BatteryState topic.

Sends `battery_percentage` (percent, ROS has a part of one), `battery_voltage` (V),
`battery_current` (A, negative when discharging) and `battery_status` as text; what the driver does
not measure, NaN, is left out.
"""

from __future__ import annotations

from rclpy.node import Node
from sensor_msgs.msg import BatteryState

from ..settings import parse_fields, Settings, TopicSettings
from ..source import Source, TopicSource, Values

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
        transform=_battery,
    )


def _battery(read: Values) -> Values:
    values = {
        'battery_percentage': round(read['percentage'] * 100, 1),
        'battery_voltage': round(read['voltage'], 3),
        'battery_current': round(read['current'], 3),
        'battery_status': _STATUS.get(read['power_supply_status'], 'unknown'),
    }
    return {name: value for name, value in values.items() if value == value}
