# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The nodes that the platform's own client has in its palette, so that its trees run here.

- Wait with `seconds`: SUCCESS after that time, without a server; any other Wait is Nav2's.
- DockRobot with `dock_method="undocking"` is UndockRobot; `dock_name` is the dock's id.
- ParamSet: sets a parameter of a node (`param_type`: bool, int, double, string, or one of them
  with `_array`). SUCCESS if it was set; FAILURE if it was refused, or the node is absent.
- CheckBatteryLevel: SUCCESS if the charge on `battery_topic` is at least `min_level` per cent;
  FAILURE if it is not, or not known.
- NavigateTo runs the command `start_navigation`, with `location` as its goal.
- LoadNextDelivery, NotifyPatient, PlayAudio and SpeakText run the commands of the configuration
  `load_next_delivery`, `notify_patient`, `play_audio` and `speak_text` with their ports as
  parameters. Where there is no such command, a tree with them is refused, with that reason.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
import json
from typing import Any

from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters

from ...json_reader import JsonError, read_json
from ...ros.battery import measured_charge, NoCharge
from ..errors import ConversionError
from ..leaves import Condition, StatefulAction
from ..manifest import Manifest, NodeConfig
from ..node import RUNNING, SUCCESS, TreeNode
from ..ports import input_port
from ..registry import NodeRegistry
from ..status import NodeKind, NodeStatus
from ..timing import Timer
from ..values import clip, parse_bool, parse_integer, parse_real
from .bridge_nodes import check_command, RemoteCommand
from .nav2_actions import Nav2Action
from .nav2_interfaces import ACTIONS
from .robot_commands import KnownCommands
from .service_leaf import RosService, ServiceUse
from .topic_leaf import fail
from .tree_ros import tree_ros

# Which command a node runs, and which of its ports is which parameter; others keep their names.
_COMMANDS: dict[str, tuple[str, dict[str, str]]] = {
    'LoadNextDelivery': ('load_next_delivery', {}),
    'NavigateTo': ('start_navigation', {'location': 'goal'}),
    'NotifyPatient': ('notify_patient', {}),
    'PlayAudio': ('play_audio', {}),
    'SpeakText': ('speak_text', {}),
}
_DOCK_PORTS = (
    input_port('dock_method', 'string', doc='docking or undocking'),
    input_port('dock_name', 'string', doc='the id of the dock'),
)
_PARAMETER_TYPES: dict[str, tuple[int, str, Any]] = {
    'bool': (ParameterType.PARAMETER_BOOL, 'bool', parse_bool),
    'int': (ParameterType.PARAMETER_INTEGER, 'integer', parse_integer),
    'integer': (ParameterType.PARAMETER_INTEGER, 'integer', parse_integer),
    'double': (ParameterType.PARAMETER_DOUBLE, 'double', parse_real),
    'string': (ParameterType.PARAMETER_STRING, 'string', str),
}
_ARRAY_TYPES = {
    'bool': ParameterType.PARAMETER_BOOL_ARRAY,
    'integer': ParameterType.PARAMETER_INTEGER_ARRAY,
    'double': ParameterType.PARAMETER_DOUBLE_ARRAY,
    'string': ParameterType.PARAMETER_STRING_ARRAY,
}


class TimedWait(StatefulAction):
    """Succeeds after `seconds`."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._timer: Timer | None = None

    def on_start(self) -> NodeStatus:
        self._timer = self.context.timers.add(self.get_input('seconds'), lambda: None)
        return self.on_running()

    def on_running(self) -> NodeStatus:
        return RUNNING if self._timer is not None and self._timer.is_pending else SUCCESS

    def on_halted(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class ParamSet(RosService):
    """Sets a parameter of a node."""

    PORTS = (
        input_port('node_name', 'string', doc='the node, without a leading /'),
        input_port('param_name', 'string'),
        input_port('param_value', doc='for an array: a;b;c, a,b,c or a JSON list'),
        input_port('param_type', 'string', doc='bool, int, double, string, or with _array'),
    )

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config, ServiceUse('rcl_interfaces/srv/SetParameters', ''))

    def on_start(self) -> NodeStatus:
        node = self.get_input('node_name')
        self.use = replace(self.use, name=f'/{node.lstrip("/")}/set_parameters')
        return super().on_start()

    def make_request(self) -> Any:
        value = parameter_value(self.get_input('param_type'), self.get_input('param_value'))
        parameter = Parameter(name=self.get_input('param_name'), value=value)
        return SetParameters.Request(parameters=[parameter])

    def on_response(self, response: Any) -> NodeStatus:
        for result in response.results:
            return SUCCESS if result.successful else self._fail(result.reason or 'refused')
        return self._fail(f'{self.use.name} did not say whether it was set')


def parameter_value(kind: str, value: Any) -> ParameterValue:
    """
    Make the value of a parameter from that of a port.

    :raises ConversionError: if it is not of that kind.
    """
    item = kind.removesuffix('_array')
    if item not in _PARAMETER_TYPES:
        raise ConversionError(
            f'[param_type] is {clip(kind)!r}, not one of bool, int, double, string'
        )
    number, name, parse = _PARAMETER_TYPES[item]
    if item == kind:
        found = parse(value if isinstance(value, str) else json.dumps(value))
        return ParameterValue(type=number, **{f'{name}_value': found})
    items = [
        parse(each.strip() if isinstance(each, str) else json.dumps(each))
        for each in _items(value)
    ]
    return ParameterValue(type=_ARRAY_TYPES[name], **{f'{name}_array_value': items})


def _items(value: Any) -> list[Any]:
    if isinstance(value, str) and value.lstrip().startswith('['):
        try:
            value = read_json(value)
        except JsonError as error:
            raise ConversionError(f'{clip(value)!r}: {error}') from error
    if isinstance(value, (list, tuple)):
        return list(value)
    return [part for part in str(value).replace(';', ',').split(',') if part.strip()]


class CheckBatteryLevel(Condition):
    """Succeeds if the battery is charged well enough."""

    PORTS = (
        input_port('min_level', 'double', doc='per cent'),
        input_port('battery_topic', 'string', 'battery_state'),
    )

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._topic = tree_ros(config.context).topic(
            'sensor_msgs/msg/BatteryState', self.find_input('battery_topic', 'battery_state')
        )

    def on_tick(self) -> NodeStatus:
        message = self._topic.message
        if message is None:
            return fail(self, 'no state of the battery came yet')
        try:
            level = 100.0 * measured_charge(message.percentage)
        except NoCharge as error:
            return fail(self, f'the charge of the battery is not known: {error}')
        least = self.get_input('min_level')
        if level >= least:
            self.feedback_message = ''
            return SUCCESS
        return fail(self, f'the battery has {level:.0f} %, less than {least:g} %')


class PlatformCommand(RemoteCommand):
    """Runs the command of the configuration that stands behind a node of the palette."""

    def command_name(self) -> str:
        return _COMMANDS[self.type_id][0]

    def parameters(self) -> dict[str, Any]:
        names = _COMMANDS[self.type_id][1]
        return {names.get(name, name): value for name, value in super().parameters().items()}


def _wait(config: NodeConfig) -> TreeNode:
    if 'seconds' in config.inputs:
        return TimedWait(config)
    return Nav2Action(config, use=ACTIONS['Wait'])


def _dock(config: NodeConfig) -> TreeNode:
    if config.inputs.get('dock_method', '').startswith('undock'):
        return Nav2Action(config, use=ACTIONS['UndockRobot'])
    use = ACTIONS['DockRobot']
    if 'dock_name' in config.inputs:
        use = replace(use, goal={**use.goal, 'dock_name': 'dock_id'})
    return Nav2Action(config, use=use)


def register(registry: NodeRegistry, commands: KnownCommands | None) -> None:
    """Make the palette known; `commands` are those of the configuration, if that is known."""
    registry.extend('Wait', (input_port('seconds', 'double', doc='s, without a server'),), _wait)
    registry.extend('DockRobot', _DOCK_PORTS, _dock)
    registry.register(ParamSet)
    registry.register(CheckBatteryLevel)
    for type_id, (command, _) in _COMMANDS.items():
        registry.add(
            Manifest(
                type_id,
                NodeKind.ACTION,
                {},
                PlatformCommand,
                accepts_any_port=True,
                description=f'Runs the command {command} of the configuration.',
                check=partial(check_command, command=command, known=commands),
            )
        )
