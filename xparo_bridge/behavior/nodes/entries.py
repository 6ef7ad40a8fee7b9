# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
SetBlackboard and UnsetBlackboard: leaves that write and forget entries.

SetBlackboard writes `value` to the entry named by the text in `output_key`: a literal as text,
or what an entry holds with its type. SUCCESS, or FAILURE if that entry was never written.
UnsetBlackboard forgets the entry `key` of its own blackboard: SUCCESS.
"""

from __future__ import annotations

from ..errors import PortError
from ..leaves import SyncAction
from ..node import FAILURE, SUCCESS
from ..ports import ANY, inout_port, input_port, pointed_key, STRING, type_of
from ..status import NodeStatus


class SetBlackboard(SyncAction):
    """Writes an entry."""

    PORTS = (
        input_port('value', doc='the literal or entry to write'),
        inout_port('output_key', doc='the name of the entry to write to'),
    )

    def on_tick(self) -> NodeStatus:
        key = self.get_input('output_key', STRING)
        value = self.config.inputs.get('value')
        if value is None:
            raise PortError('the port [value] is missing')
        target = self.blackboard.entry(key)
        source_key = pointed_key(value)
        value_type = STRING
        if source_key is not None:
            source = self.blackboard.entry(source_key)
            if source is None:
                raise PortError(f'there is no entry {source_key!r}')
            if target is None:
                target = self.blackboard.declare(key, source.type)
            if source.value is None:
                return FAILURE
            value, value_type = source.value, source.value_type
        if isinstance(value, str) and target is not None and target.type != STRING:
            # An entry open to any type has no way to read text, and loses its value.
            value = None if target.type.parse is None else target.type.read(value)
            value_type = type_of(None) if value is None else target.type
        self.blackboard.set(key, value, ANY, value_type)
        return SUCCESS


class UnsetBlackboard(SyncAction):
    """Forgets an entry."""

    PORTS = (input_port('key', STRING, doc='the name of the entry'),)

    def on_tick(self) -> NodeStatus:
        self.blackboard.unset(self.get_input('key'))
        return SUCCESS
