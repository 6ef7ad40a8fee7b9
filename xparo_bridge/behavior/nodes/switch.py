# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Switch2 to Switch6: one of several children, chosen by the value of an entry.

The child of the first case that equals `variable` is ticked, the last child if none does or the
variable has no value. Values equal as text, as integers (also by the name of a constant), or as
real numbers. A child that was RUNNING is halted when another is chosen. The result is that of
the chosen child.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..branches import ControlNode
from ..errors import ConversionError, NodeError
from ..manifest import NodeConfig
from ..node import RUNNING, SKIPPED
from ..ports import input_port, Port, STRING
from ..status import NodeStatus
from ..values import INT32_MAX, INT32_MIN, parse_integer, parse_real


class Switch(ControlNode):
    """Base of the switches, which differ in the number of their cases."""

    CASES = 0

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._running: int | None = None

    def on_tick(self) -> NodeStatus:
        if len(self.children) != self.CASES + 1:
            raise NodeError(f'it needs {self.CASES + 1} children: its cases and a default')
        choice = self._choose()
        if self._running is not None and self._running != choice:
            self.halt_child(self._running)
        status = self.children[choice].execute_tick()
        if status is RUNNING:
            self._running = choice
            return status
        if status is not SKIPPED:
            self.reset_children()
        self._running = None
        return status

    def halt(self) -> None:
        self._running = None
        super().halt()

    def _choose(self) -> int:
        variable = self.find_input('variable')
        if variable is not None:
            for index in range(self.CASES):
                case = self.find_input(f'case_{index + 1}')
                if case is not None and equal(variable, case, self.context.enums):
                    return index
        return self.CASES


def switch_ports(cases: int) -> tuple[Port, ...]:
    names = ('variable', *(f'case_{number + 1}' for number in range(cases)))
    return tuple(input_port(name, STRING) for name in names)


def equal(left: str, right: str, enums: Mapping[str, int]) -> bool:
    """Compare two texts by what they say."""
    if left == right:
        return True

    def read(parse: Callable[[str], float]) -> tuple[float, float] | None:
        try:
            first, second = (
                enums[text] if text in enums else parse(text) for text in (left, right)
            )
        except ConversionError:
            return None
        return first, second

    integers = read(lambda text: parse_integer(text, INT32_MIN, INT32_MAX, whole=True))
    if integers is not None and integers[0] == integers[1]:
        return True
    reals = read(lambda text: parse_real(text, whole=True))
    return reals is not None and abs(reals[0] - reals[1]) <= 2.0**-23


def _switch(cases: int) -> type[Switch]:
    return type(
        f'Switch{cases}',
        (Switch,),
        {
            '__doc__': f'Chooses one of {cases} cases or the default.',
            '__module__': __name__,
            'CASES': cases,
            'PORTS': switch_ports(cases),
        },
    )


# Switch2 to Switch6.
SWITCHES = tuple(map(_switch, range(2, 7)))
