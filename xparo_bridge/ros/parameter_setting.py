# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Set a parameter of another node, and know whether that had an effect.

A node says that it took a value also where nothing comes of it: one that allows undeclared
parameters makes a new one of a misspelt name, and one may keep another value than it was given. So
the node is asked before whether it has the parameter, and afterwards for its value, where it
serves that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import GetParameters, ListParameters, SetParameters
from rclpy.client import Client
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python
from rclpy.task import Future

from .entities import client
from .walls import when_done

# Characters of what a node says, or of a value, in a message.
_MOST = 300


@dataclass(frozen=True)
class NotSet:
    """Why a parameter does not have the value: a short code, and words."""

    code: str
    text: str


class RemoteParameters:
    """The parameters of another node."""

    def __init__(self, node: Node, name: str) -> None:
        """Take the bridge's node and the name of the other."""
        self.name = name
        self.setter = client(node, SetParameters, f'{name}/set_parameters')
        self.getter = client(node, GetParameters, f'{name}/get_parameters')
        self.lister = client(node, ListParameters, f'{name}/list_parameters')

    @property
    def ready(self) -> bool:
        """Whether the node is there and its parameters can be set."""
        return bool(self.setter.service_is_ready())

    def set(self, parameter: Parameter, on_end: Callable[[NotSet | None], None]) -> Setting:
        """Set a parameter; `on_end` hears why it is not set, or None if it is."""
        return Setting(self, parameter, on_end)


class Setting:
    """One parameter on its way to its value: is it there, take the value, what is it now."""

    def __init__(
        self,
        target: RemoteParameters,
        parameter: Parameter,
        on_end: Callable[[NotSet | None], None],
    ) -> None:
        self._target = target
        self._parameter = parameter
        self._on_end = on_end
        self._asked: tuple[Client, Future] | None = None
        if target.lister.service_is_ready():
            self._ask(target.lister, ListParameters.Request(), self._listed)
        else:
            self._set()

    def cancel(self) -> None:
        """Wait for no answer any more."""
        if self._asked is not None:
            asked, future = self._asked
            asked.remove_pending_request(future)
            self._asked = None

    def _ask(self, asked: Client, request: Any, answered: Callable[[Any], None]) -> None:
        future = asked.call_async(request)
        self._asked = (asked, future)

        def answer(done: Future) -> None:
            if self._asked is not None and self._asked[1] is done:
                self._asked = None
                answered(done.result())

        when_done(future, answer)

    def _listed(self, response: ListParameters.Response) -> None:
        names, expected = list(response.result.names), self._parameter.name
        if names and expected not in names:
            near = get_close_matches(expected, names, n=3, cutoff=0.5)
            hint = f'; did you mean {" or ".join(near)}?' if near else ''
            self._end('unknown_parameter', f'the node has no such parameter{hint}')
        else:
            self._set()

    def _set(self) -> None:
        self._ask(
            self._target.setter,
            SetParameters.Request(parameters=[self._parameter]),
            self._answered,
        )

    def _answered(self, response: SetParameters.Response) -> None:
        results = response.results
        if len(results) != 1:
            self._end('no_answer', _wrong_number(results, 'whether it took the value'))
        elif not results[0].successful:
            self._end('refused', results[0].reason or 'the node refused the value')
        elif self._target.getter.service_is_ready():
            self._ask(
                self._target.getter,
                GetParameters.Request(names=[self._parameter.name]),
                self._read_back,
            )
        else:
            self._on_end(None)

    def _read_back(self, response: GetParameters.Response) -> None:
        values = response.values
        if len(values) != 1:
            self._end(
                'not_confirmed',
                'the node says that it took the value; '
                + _wrong_number(values, 'which value it has now'),
            )
            return
        expected, value = _value(self._parameter.value), _value(values[0])
        if value == expected:
            self._on_end(None)
        elif value is None:
            self._end('no_effect', 'the node says that it took the value, but has none now')
        else:
            self._end(
                'no_effect',
                f'the node says that it took {_show(expected)}, but has {_show(value)} now',
            )

    def _end(self, code: str, text: str) -> None:
        where = f'{self._parameter.name} of {self._target.name}'
        self._on_end(NotSet(code, f'{where}: {text[:_MOST]}'))


def _wrong_number(answers: Sequence[Any], what: str) -> str:
    return f'it did not say {what}: {len(answers)} answers in place of one'


def _value(value: ParameterValue) -> Any:
    python = parameter_value_to_python(value)
    scalar = python is None or isinstance(python, (bool, int, float, str))
    return python if scalar else list(python)


def _show(value: Any) -> str:
    return str(value)[:80]
