# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
LoopInt, LoopBool, LoopDouble and LoopString: the child for each item of a queue.

`queue` is a literal ('1;2;3') or an entry that holds such a text, a list, or a deque, from which
the items are then taken. Each round writes an item to `value` and ticks the child until it is
done.

- A failed child: FAILURE.
- An item left or the child RUNNING: RUNNING; the next tick takes the next item.
- No item left: what `if_empty` says.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from ..errors import PortError
from ..manifest import NodeConfig
from ..node import FAILURE, IDLE, RUNNING, SUCCESS
from ..ports import (
    BOOL,
    DOUBLE,
    inout_port,
    input_port,
    INT,
    NODE_STATUS,
    output_port,
    pointed_key,
    Port,
    PortType,
    split,
    STRING,
)
from ..status import NodeStatus
from .decorator import Decorator


class _Loop(Decorator):
    ITEM: PortType

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        if 'queue' not in config.inputs:
            raise PortError('the port [queue] is missing')
        text = config.inputs['queue']
        self._literal = self._read(text) if pointed_key(text) is None else None
        self._queue: deque[Any] | None = None
        self._child_runs = False

    def on_tick(self) -> NodeStatus:
        if self._state is IDLE:
            self._child_runs = False
            self._queue = None if self._literal is None else deque(self._literal)
        if not self._child_runs:
            if self._literal is None:
                self._find_queue()
            if not self._queue:
                empty: NodeStatus = self.get_input('if_empty')
                return empty
            item = self._queue.popleft()
            if self.connected_key('value') is not None:
                self.set_output('value', item)
        if self._state is IDLE:
            self.set_status(RUNNING)
        status = self.children[0].execute_tick()
        self._child_runs = status is RUNNING
        if status is SUCCESS or status is FAILURE:
            self.reset_child()
        return FAILURE if status is FAILURE else RUNNING

    def _read(self, text: str) -> list[Any]:
        return [self.ITEM.read(part) for part in split(text)]

    def _find_queue(self) -> None:
        """Take the queue from its entry; one that is not a deque is copied at the first round."""
        entry = self.blackboard.entry(self.connected_key('queue') or '')
        value = None if entry is None else entry.value
        if isinstance(value, deque):
            self._queue = value
        elif self._queue is None:
            if isinstance(value, str):
                self._queue = deque(self._read(value))
            elif isinstance(value, list | tuple):
                self._queue = deque(self.ITEM.convert(item) for item in value)
            else:
                raise PortError('the port [queue] needs a text, a list or a deque')


def loop_ports(item: PortType) -> tuple[Port, ...]:
    return (
        inout_port('queue', doc='the items'),
        input_port('if_empty', NODE_STATUS, 'SUCCESS', 'the status when no item is left'),
        output_port('value', item, doc='the item of this round'),
    )


class LoopInt(_Loop):
    """Ticks its child for each integer of a queue."""

    ITEM = INT
    PORTS = loop_ports(INT)


class LoopBool(_Loop):
    """Ticks its child for each truth value of a queue."""

    ITEM = BOOL
    PORTS = loop_ports(BOOL)


class LoopDouble(_Loop):
    """Ticks its child for each number of a queue."""

    ITEM = DOUBLE
    PORTS = loop_ports(DOUBLE)


class LoopString(_Loop):
    """Ticks its child for each text of a queue."""

    ITEM = STRING
    PORTS = loop_ports(STRING)
