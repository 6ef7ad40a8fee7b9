# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
WasEntryUpdated, SkipUnlessUpdated and WaitValueUpdate: has an entry been written since.

Since the last time the node asked; the first time: ever. An entry that does not exist counts as
not written.

- WasEntryUpdated (a leaf): SUCCESS if it was, else FAILURE.
- SkipUnlessUpdated: the child if it was, else SKIPPED.
- WaitValueUpdate: the child if it was, else RUNNING.

A child that is RUNNING is ticked on without asking.
"""

from __future__ import annotations

from ..blackboard import Blackboard
from ..errors import PortError
from ..leaves import SyncAction
from ..manifest import NodeConfig
from ..node import FAILURE, RUNNING, SKIPPED, SUCCESS
from ..ports import ANY, input_port, pointed_key
from ..status import NodeStatus
from .decorator import Decorator

_PORTS = (input_port('entry', ANY, doc='the entry to watch'),)


def _entry_key(config: NodeConfig, port: str) -> str:
    """
    The key that a port names, either as '{key}' or bare.

    :raises PortError: if the port has no value.
    """
    text = config.inputs.get(port, '')
    if not text:
        raise PortError(f'the port [{port}] is missing')
    return pointed_key(text) or text


class _Watch:
    def __init__(self, blackboard: Blackboard, key: str) -> None:
        self._blackboard = blackboard
        self._key = key
        self._seen = 0

    def changed(self) -> bool:
        entry = self._blackboard.entry(self._key)
        if entry is None:
            return False
        seen, self._seen = self._seen, entry.sequence_id
        return seen != self._seen


class WasEntryUpdated(SyncAction):
    """Succeeds if an entry was written since the last time."""

    PORTS = _PORTS

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._watch = _Watch(config.blackboard, _entry_key(config, 'entry'))

    def on_tick(self) -> NodeStatus:
        return SUCCESS if self._watch.changed() else FAILURE


class SkipUnlessUpdated(Decorator):
    """Ticks its child if an entry was written since the last time, else skips it."""

    PORTS = _PORTS
    otherwise = SKIPPED

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._watch = _Watch(config.blackboard, _entry_key(config, 'entry'))
        self._child_runs = False

    def on_tick(self) -> NodeStatus:
        if not self._child_runs and not self._watch.changed():
            return self.otherwise
        status = self.children[0].execute_tick()
        self._child_runs = status is RUNNING
        return status

    def halt(self) -> None:
        self._child_runs = False
        super().halt()


class WaitValueUpdate(SkipUnlessUpdated):
    """Ticks its child once an entry was written since the last time."""

    otherwise = RUNNING
