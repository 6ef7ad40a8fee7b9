# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Those of Nav2's nodes that listen to a topic.

- ControllerSelector, GoalCheckerSelector, PathHandlerSelector, PlannerSelector,
  ProgressCheckerSelector and SmootherSelector: SUCCESS with what was said last on `topic_name`,
  else the default; FAILURE without either.
- IsBatteryLow: SUCCESS if the charge (0 to 1), or the voltage, is at most `min_battery`; FAILURE
  with a message if the driver does not measure it, or has per cent.
- IsBatteryCharging: SUCCESS if it charges.
- IsStuck: SUCCESS if the robot slowed down harder than it can brake: by more than 10 m/s2.
"""

from __future__ import annotations

import math
from typing import Any

from sensor_msgs.msg import BatteryState

from ...ros.battery import measured_charge, NoCharge
from ..leaves import Condition, SyncAction
from ..manifest import NodeConfig
from ..node import FAILURE, SUCCESS
from ..status import NodeStatus
from .robot_state import seconds
from .topic_leaf import fail
from .tree_ros import tree_ros

_BRAKING_LIMIT = -10.0
_SELECTORS = {
    'ControllerSelector': 'controller',
    'GoalCheckerSelector': 'goal_checker',
    'PathHandlerSelector': 'path_handler',
    'PlannerSelector': 'planner',
    'ProgressCheckerSelector': 'progress_checker',
    'SmootherSelector': 'smoother',
}


class Selector(SyncAction):
    """Hands on the name of the plugin that was chosen on a topic."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._what = _SELECTORS[config.type_id]
        self._topic = tree_ros(config.context).topic(
            'std_msgs/msg/String', self.find_input('topic_name', f'{self._what}_selector')
        )

    def on_tick(self) -> NodeStatus:
        message = self._topic.message
        chosen = (
            message.data
            if message is not None and message.data
            else self.find_input(f'default_{self._what}')
        )
        if not chosen:
            return fail(self, 'nothing was chosen, and there is no default')
        self.set_output(f'selected_{self._what}', chosen)
        return SUCCESS


class BatteryCondition(Condition):
    """Asks the newest state of the battery."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        topic = self.find_input('battery_topic')
        if topic:  # Else it is only known when the node is ticked.
            tree_ros(config.context).topic('sensor_msgs/msg/BatteryState', topic)

    def on_tick(self) -> NodeStatus:
        topic = tree_ros(self.context).topic(
            'sensor_msgs/msg/BatteryState', self.find_input('battery_topic', '/battery_status')
        )
        message = topic.message
        if message is None:
            return fail(self, 'no state of the battery came yet')
        self.feedback_message = ''
        try:
            return SUCCESS if self.is_met(message) else FAILURE
        except NoCharge as error:
            return fail(self, f'the charge of the battery is not known: {error}')

    def is_met(self, message: Any) -> bool:
        """
        Return whether the condition is met.

        :raises NoCharge: if the message does not say how full the battery is
        """
        raise NotImplementedError


class IsBatteryLow(BatteryCondition):
    """Succeeds if the battery is low."""

    def is_met(self, message: Any) -> bool:
        least = self.find_input('min_battery', 0.0)
        if self.find_input('is_voltage', False):
            if not math.isfinite(message.voltage):
                raise NoCharge('the driver does not measure the voltage')
            return bool(message.voltage <= least)
        return bool(measured_charge(message.percentage) <= least)


class IsBatteryCharging(BatteryCondition):
    """Succeeds if the battery charges."""

    def is_met(self, message: Any) -> bool:
        return bool(message.power_supply_status == BatteryState.POWER_SUPPLY_STATUS_CHARGING)


class IsStuck(Condition):
    """Succeeds if the robot ran into something."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        config.context.services['nav2_robot'].listen()

    def on_tick(self) -> NodeStatus:
        odometry = self.context.services['nav2_robot'].odometry[-3:]
        if len(odometry) < 3:
            return fail(self, 'less than 3 messages of odometry came')
        self.feedback_message = ''
        before, now = odometry[-2:]
        time = seconds(now.header.stamp) - seconds(before.header.stamp)
        change = now.twist.twist.linear.x - before.twist.twist.linear.x
        return SUCCESS if time > 0 and change / time < _BRAKING_LIMIT else FAILURE


NODES = {
    **dict.fromkeys(_SELECTORS, Selector),
    'IsBatteryCharging': IsBatteryCharging,
    'IsBatteryLow': IsBatteryLow,
    'IsStuck': IsStuck,
}
