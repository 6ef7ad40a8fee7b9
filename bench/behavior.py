# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How fast is the behaviour-tree engine.

The floor is the least that could be done for the same, measured in turn with the engine. All
values are medians. Run: `python bench/behavior.py`.
"""

from __future__ import annotations

from collections.abc import Callable
import statistics
import time
from typing import Any

import py_trees  # noqa: F401  Before the nodes, which then are ticked by its executor.
from rows import Row, row, show

from xparo_bridge.behavior import builtin_registry, load, NodeStatus, StatefulAction
from xparo_bridge.behavior.executor import Executor

GROUPS, LEAVES = 37, 26  # With the groups and the root: 1,000 nodes.


class Wait(StatefulAction):
    """Is RUNNING until it is halted."""

    def on_start(self) -> NodeStatus:
        return NodeStatus.RUNNING

    def on_running(self) -> NodeStatus:
        return NodeStatus.RUNNING


class Bare:
    """A node reduced to a list of children, for the floor."""

    def __init__(self, children: list[Bare]) -> None:
        self.children = children

    def run(self) -> bool:
        for child in self.children:
            if not child.run():
                return False
        return True


def document(groups: int, leaves: int, leaf: str = '<AlwaysSuccess/>') -> str:
    group = '<Sequence>' + leaf * leaves + '</Sequence>'
    return (
        '<root BTCPP_format="4"><BehaviorTree ID="Main"><Sequence>'
        + group * groups
        + '</Sequence></BehaviorTree></root>'
    )


def medians(*actions: Callable[[], object], rounds: int, repeat: int = 1) -> list[float]:
    """Return the median seconds of one call of each action; the actions take turns."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for action, taken in zip(actions, times, strict=True):
            start = time.perf_counter()
            for _ in range(repeat):
                action()
            taken.append((time.perf_counter() - start) / repeat)
    return [statistics.median(taken) for taken in times]


def run() -> list[Row]:
    """Measure all in one process."""
    registry = builtin_registry()
    registry.register(Wait)
    thousand = document(GROUPS, LEAVES)
    executor = Executor(load(thousand, registry))
    tree = load(thousand, registry)
    observed = load(thousand, registry)
    log: list[Any] = []
    observed.observe(lambda node, old, new: log.append((node, old, new)))
    bare = Bare([Bare([Bare([]) for _ in range(LEAVES)]) for _ in range(GROUPS)])

    def tick_observed() -> None:
        log.clear()
        observed.tick_once()

    floor, through, alone, watched = (
        seconds * 1e6
        for seconds in medians(bare.run, executor.tick, tree.tick_once, tick_observed, rounds=300)
    )
    hundred = load(document(9, 10), registry)
    waiting = load(document(3, 1, '<Wait/>'), registry)
    tick_hundred, tick_waiting = medians(
        hundred.tick_once, waiting.tick_once, rounds=300, repeat=10
    )
    (loading,) = medians(lambda: load(thousand, registry), rounds=15)
    return [
        row(
            'tick of 1,000 succeeding nodes, executor',
            through,
            'us',
            floor=floor,
            goal=4.0,
            goal_is_ratio=True,
            note='by the executor of py_trees; the floor is bare recursion over the same shape',
        ),
        row(
            'tick of 1,000 succeeding nodes',
            alone,
            'us',
            floor=floor,
            goal=4.0,
            goal_is_ratio=True,
            note='Tree.tick_once',
        ),
        row(
            'tick of 1,000 succeeding nodes, observed',
            watched,
            'us',
            floor=floor,
            note='with every change of a status kept',
        ),
        row(
            'tick of a waiting tree',
            tick_waiting * 1e6,
            'us',
            goal=30.0,
            note='one RUNNING action',
        ),
        row(
            '10 Hz of a tree of 100 nodes',
            tick_hundred * 10 * 100,
            '% of a core',
            goal=1.0,
            note='all nodes succeed at every tick',
        ),
        row('load of 1,000 nodes', loading * 1e3, 'ms', goal=150.0, note='read, check and make'),
    ]


if __name__ == '__main__':
    show(run())
