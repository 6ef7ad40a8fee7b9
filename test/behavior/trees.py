# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What do the tests of trees share: leaves that do as told, and a way to load a few nodes."""

from __future__ import annotations

from collections import Counter
from typing import Any

from xparo_bridge.behavior import (
    builtin_registry,
    Condition,
    input_port,
    load,
    ManualClock,
    NodeConfig,
    NodeRegistry,
    NodeStatus,
    output_port,
    StatefulAction,
    SyncAction,
    Tree,
)

SUCCESS, FAILURE, RUNNING = NodeStatus.SUCCESS, NodeStatus.FAILURE, NodeStatus.RUNNING
IDLE, SKIPPED = NodeStatus.IDLE, NodeStatus.SKIPPED
LETTERS = {'S': SUCCESS, 'F': FAILURE, 'R': RUNNING, 'K': SKIPPED}


class Act(StatefulAction):
    """Follows the letters of `does`, round and round, and notes every callback in the log."""

    PORTS = (
        input_port('does', 'string', 'S'),
        input_port('in'),
        output_port('out', 'string'),
    )

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self.calls: Counter[str] = Counter()
        self._cursor = 0

    def on_start(self) -> NodeStatus:
        return self._call('start')

    def on_running(self) -> NodeStatus:
        return self._call('running')

    def on_halted(self) -> None:
        self._note('halted')

    def _call(self, callback: str) -> NodeStatus:
        self._note(callback)
        letters = self.get_input('does')
        letter = letters[self._cursor % len(letters)]
        self._cursor += 1
        if letter == 'X':
            raise RuntimeError('told to raise')
        return LETTERS[letter]

    def _note(self, callback: str) -> None:
        self.calls[callback] += 1
        self.context.services['log'].append((callback, self.name))


class Ask(Condition):
    """Follows the letters of `says`."""

    PORTS = (input_port('says', 'string', 'S'),)

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._cursor = 0

    def on_tick(self) -> NodeStatus:
        letters = self.get_input('says')
        self._cursor += 1
        return LETTERS[letters[(self._cursor - 1) % len(letters)]]


class Note(SyncAction):
    """Notes the value of its port in the log."""

    PORTS = (input_port('value'),)

    def on_tick(self) -> NodeStatus:
        self.context.services['log'].append(self.get_input('value'))
        return SUCCESS


def registry_with_leaves() -> NodeRegistry:
    registry = builtin_registry()
    for leaf in (Act, Ask, Note):
        registry.register(leaf)
    return registry


def load_nodes(body: str, **options: Any) -> Tree:
    """Load a document whose main tree is `body`; more trees may follow its </BehaviorTree>."""
    options.setdefault('clock', ManualClock())
    options.setdefault('services', {'log': []})
    registry = options.pop('registry', None) or registry_with_leaves()
    return load(document(body), registry, **options)


def document(body: str) -> str:
    rest = '' if '</BehaviorTree>' in body else '</BehaviorTree>'
    return (
        '<root BTCPP_format="4" main_tree_to_execute="Main">'
        f'<BehaviorTree ID="Main">{body}{rest}</root>'
    )


def log_of(tree: Tree) -> list[Any]:
    log: list[Any] = tree.context.services['log']
    return log
