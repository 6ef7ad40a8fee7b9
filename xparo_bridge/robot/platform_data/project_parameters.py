# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Sets ROS parameters to what a platform changed, for the keys that `project.parameters` names.

A value is checked against the type that the parameter has before the node is asked to take it, and
read back afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import math
from typing import Any

from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameterTypes
from rclpy.node import Node

from ...errors import BadInput
from ...ros import entities
from ...ros.action_requests import ask
from ...ros.parameter_setting import NotSet, RemoteParameters
from ...ros.walls import when_done

_RETRY_PERIOD = 1.0  # s between looks for a node whose parameter is to be set
_RETRIES = 30
_LONGEST = 10_000  # items of a list, so that nothing else on the ROS thread waits for it
_INT64 = 2**63


class ValueMisfit(BadInput):
    """A value that a parameter of this type cannot have."""


class ProjectParameters:
    """What is to be set where; on the ROS thread."""

    def __init__(self, node: Node, parameters: Mapping[str, Mapping[str, str]]) -> None:
        """Take `project.parameters`: the node and the parameter for each key."""
        self._node = node
        self._parameters = parameters
        self._expected: dict[str, tuple[Any, int]] = {}  # by key: value, looks left
        self._clients: dict[str, tuple[Any, RemoteParameters]] = {}
        self._timer = entities.timer(node, _RETRY_PERIOD, self._look)
        self._timer.cancel()

    def change(self, values: Mapping[str, Any]) -> None:
        """Set the parameters of the keys that have one; the newest value of a key counts."""
        for key in values.keys() & self._parameters.keys():
            self._expected[key] = (values[key], _RETRIES)
        self._look()

    def _look(self) -> None:
        """Set the expected values on the nodes that are there; look for the others again."""
        for key, (value, looks) in list(self._expected.items()):
            target = self._parameters[key]
            types, setter = self._clients_of(target['node'])
            self._expected[key] = (value, looks - 1)
            if types.service_is_ready() and setter.ready:
                del self._expected[key]
                self._ask_type(key, target, value)
            elif not looks:
                del self._expected[key]
                self._warn(f'{key}: no node {target["node"]} to set it on')
        if not self._expected:
            self._timer.cancel()
        elif self._timer.is_canceled():
            self._timer.reset()

    def _clients_of(self, node: str) -> tuple[Any, RemoteParameters]:
        if node not in self._clients:
            self._clients[node] = (
                entities.client(self._node, GetParameterTypes, f'{node}/get_parameter_types'),
                RemoteParameters(self._node, node),
            )
        return self._clients[node]

    def _ask_type(self, key: str, target: Mapping[str, str], value: Any) -> None:
        types, _ = self._clients_of(target['node'])
        answer = ask(types, GetParameterTypes.Request(names=[target['parameter']]))
        when_done(answer, lambda asked: self._set(key, target, value, asked.result()))

    def _set(self, key: str, target: Mapping[str, str], value: Any, answer: Any) -> None:
        where = f'{key}: parameter {target["parameter"]} of {target["node"]}'
        # One that is not declared has no type, and some nodes answer with none at all.
        kind = answer.types[0] if len(answer.types) == 1 else ParameterType.PARAMETER_NOT_SET
        try:
            parameter = Parameter(name=target['parameter'], value=parameter_value(value, kind))
        except ValueMisfit as error:
            self._warn(f'{where}: {error}')
            return
        _, setter = self._clients_of(target['node'])

        def report(problem: NotSet | None) -> None:
            if problem is not None:
                self._warn(f'{key}: {problem.code}: {problem.text}')

        setter.set(parameter, report)

    def _warn(self, problem: str) -> None:
        self._node.get_logger().warning(problem[:300])


def parameter_value(value: Any, kind: int) -> ParameterValue:
    """
    Return a JSON value as a parameter of a type, a ParameterType.

    Of PARAMETER_NOT_SET the type is that of the value.

    :raises ValueMisfit: where the parameter cannot have it.
    """
    kind = kind or _type_of(value)
    if kind not in _FIELDS:
        raise ValueMisfit(f'no parameter of type {kind} is known')
    field, convert = _FIELDS[kind]
    return ParameterValue(type=kind, **{field: convert(value)})


def _type_of(value: Any) -> int:
    items = value if isinstance(value, list) else [value]
    kinds = {type(item) for item in items}
    if kinds == {int, float}:
        kinds = {float}
    single = {bool: 1, int: 2, float: 3, str: 4}.get(kinds.pop()) if len(kinds) == 1 else None
    if single is None:
        raise ValueMisfit(f'expected a value, or a list of one type, not {_show(value)}')
    return single + 5 if isinstance(value, list) else single


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueMisfit(f'expected true or false, not {_show(value)}')
    return value


def _int(value: Any) -> int:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or not -_INT64 <= value < _INT64:
        raise ValueMisfit(f'expected a whole number of 64 bits, not {_show(value)}')
    return int(value)


def _double(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueMisfit(f'expected a number, not {_show(value)}')
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueMisfit(f'expected a finite number, not {_show(value)}')
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueMisfit(f'expected a string, not {_show(value)}')
    return value


def _byte(value: Any) -> bytes:
    if not 0 <= _int(value) <= 255:
        raise ValueMisfit(f'expected bytes from 0 to 255, not {_show(value)}')
    return bytes([_int(value)])


def _list_of(convert: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def convert_all(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValueMisfit(f'expected a list, not {_show(value)}')
        if len(value) > _LONGEST:
            raise ValueMisfit(f'a list of {len(value)} items, expected at most {_LONGEST}')
        return [convert(item) for item in value]

    return convert_all


def _show(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return 'an object' if isinstance(value, dict) else f'a list of {len(value)} items'
    if isinstance(value, int) and abs(value) >= 10**40:  # Python refuses to write the longest.
        return 'a whole number of over 40 digits'
    return repr(value)[:60]


_FIELDS: dict[int, tuple[str, Callable[[Any], Any]]] = {
    ParameterType.PARAMETER_BOOL: ('bool_value', _bool),
    ParameterType.PARAMETER_INTEGER: ('integer_value', _int),
    ParameterType.PARAMETER_DOUBLE: ('double_value', _double),
    ParameterType.PARAMETER_STRING: ('string_value', _text),
    ParameterType.PARAMETER_BYTE_ARRAY: ('byte_array_value', _list_of(_byte)),
    ParameterType.PARAMETER_BOOL_ARRAY: ('bool_array_value', _list_of(_bool)),
    ParameterType.PARAMETER_INTEGER_ARRAY: ('integer_array_value', _list_of(_int)),
    ParameterType.PARAMETER_DOUBLE_ARRAY: ('double_array_value', _list_of(_double)),
    ParameterType.PARAMETER_STRING_ARRAY: ('string_array_value', _list_of(_text)),
}
