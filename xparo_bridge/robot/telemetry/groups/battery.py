# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Report how full the battery is, of a sensor_msgs/BatteryState topic.

Sends `battery_percentage` (percent, ROS has a part of one), `battery_voltage` (V),
`battery_current` (A, negative when discharging) and `battery_status` as text. What the driver does
not measure is left out: NaN, and -1 as some drivers have it. So is a percentage that is none: a
driver that has percent where ROS has a part of one is named as a problem, not multiplied. Of
several batteries on one topic none is sent unless one is named by its `location`.
"""

from __future__ import annotations

import math
import struct
from time import monotonic

from rclpy.node import Node
from sensor_msgs.msg import BatteryState

from ....ros.battery import charge, NoCharge
from ....ros.paths import parse_path
from ....ros.problems import Problems
from ....ros.reader import make_reader
from ....ros.rivals import Rivals
from ....ros.subscription import TopicSubscription
from ..settings import Settings
from ..source import Source, Values

_PROBLEM = 'telemetry battery'
_FIELDS = {
    **{name: parse_path(name) for name in ('percentage', 'voltage', 'current')},
    'status': parse_path('power_supply_status'),
    'present': parse_path('present'),
    'location': parse_path('location'),
    'serial_number': parse_path('serial_number'),
    'frame': parse_path('header.frame_id'),
}
# A battery that was not heard of for so long, s, is not there.
_THERE = 10.0
_MOST, _LONGEST = 20, 80  # batteries, and characters of what they are called
# Messages of one period that are looked at, lest another battery's is overlooked.
_DEPTH = 20
# A tenth of the charge counts as a metre for who notices two publishers: there and back by five
# percent, again and again, is no load that comes and goes.
_TENTH = 10.0
_STATUS = {
    BatteryState.POWER_SUPPLY_STATUS_CHARGING: 'charging',
    BatteryState.POWER_SUPPLY_STATUS_DISCHARGING: 'discharging',
    BatteryState.POWER_SUPPLY_STATUS_NOT_CHARGING: 'not_charging',
    BatteryState.POWER_SUPPLY_STATUS_FULL: 'full',
}


def make(node: Node, settings: Settings) -> Source:
    return Battery(node, settings)


class Battery(Source):
    """See the module; each message counts, as several batteries may share the topic."""

    def __init__(self, node: Node, settings: Settings) -> None:
        self._settings = settings
        self._problems = Problems.of(node)
        self._topic = node.resolve_topic_name(settings['topic'])
        self._problem = f'telemetry of {self._topic}'
        # What each is called, and when it was heard of last, monotonic s.
        self._heard: dict[tuple[str, str, str], float] = {}
        self._rivals = Rivals()
        self._subscription = TopicSubscription(
            node,
            self._topic,
            'sensor_msgs/msg/BatteryState',
            depth=_DEPTH,
            on_type=self._on_type,
        )

    def _on_type(self, cls: type) -> None:
        self._read = make_reader(cls, _FIELDS)

    def refresh(self) -> None:
        self._subscription.refresh()

    def collect(self) -> Values:
        newest: Values | None = None
        for data in self._subscription.drain():
            try:
                read = self._read(data, monotonic)
            except (ValueError, struct.error) as error:
                self._problems.report(self._problem, f'a message is no BatteryState: {error}')
                continue
            if self._settings.get('location') in (None, read['location']):
                newest = read
                self._note(read)
        if newest is None or self._are_several():
            return {}
        self._problems.solved(self._problem)
        return _battery(newest, self._problems)

    def _note(self, read: Values) -> None:
        now = monotonic()
        key = tuple(read[name][:_LONGEST] for name in ('location', 'serial_number', 'frame'))
        self._heard[key] = now
        self._heard = {
            key: at for key, at in list(self._heard.items())[-_MOST:] if now - at < _THERE
        }
        if self._subscription.publishers > 1 and math.isfinite(read['percentage']):
            self._rivals.add(('', (read['percentage'] * _TENTH, 0.0, 0.0)), now)

    def _are_several(self) -> bool:
        several = len(self._heard) > 1
        if several:
            called = sorted(
                ', '.join(filter(None, key)) or 'one without a name' for key in self._heard
            )
            text = f'several batteries are on it: {"; ".join(called)}'
        elif several := self._rivals.there(monotonic()):
            text = 'two publishers speak of batteries that differ'
        if several:
            self._problems.report(
                self._problem,
                f'left out: {text}; name one by `location`, or another topic',
            )
        return several

    def close(self) -> None:
        self._subscription.forget()
        self._problems.forget(self._problem)
        self._problems.forget(_PROBLEM)


def _is_absent(read: Values) -> bool:
    """
    Whether a message is of a place without a battery.

    Many drivers never fill `present` in, so it counts only where nothing was measured either.
    """
    return not read['present'] and not any(
        math.isfinite(read[name]) and read[name] for name in ('percentage', 'voltage')
    )


def _battery(read: Values, problems: Problems) -> Values:
    part = None
    try:
        if _is_absent(read):
            raise NoCharge('the driver says that no battery is present')
        part = charge(read['percentage'])
        problems.solved(_PROBLEM)
    except NoCharge as error:
        problems.report(_PROBLEM, f'battery_percentage is left out: {error}')
    values = {
        'battery_percentage': math.nan if part is None else round(part * 100, 1),
        'battery_voltage': round(read['voltage'], 3),
        'battery_current': round(read['current'], 3),
        'battery_status': _STATUS.get(read['status'], 'unknown'),
    }
    return {
        name: value
        for name, value in values.items()
        if not isinstance(value, float) or math.isfinite(value)
    }
