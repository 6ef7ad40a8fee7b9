# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How fast is the behaviour-tree engine.

    python bench/behavior.py [--output FILE]

Prints a JSON list of {name, value, unit, floor, ratio, goal, met, note}: `floor` is the cost of
the least that could be done, measured in turn with the engine in the same run, and `ratio` the
value by the floor. All values are medians.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import json
from pathlib import Path
import statistics
import sys
import time
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from xparo_bridge.behavior import load, NodeRegistry, NodeStatus, StatefulAction  # noqa: E402
from xparo_bridge.behavior.executor import Executor  # noqa: E402

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


def result(
    name: str, value: float, unit: str, goal: float | None, note: str, floor: float | None = None
) -> dict[str, Any]:
    """Make one entry; with a floor the goal is a ratio, else it is a value."""
    ratio = None if floor is None else value / floor
    met = None if goal is None else (value if ratio is None else ratio) <= goal
    return {
        'name': name,
        'value': round(value, 3),
        'unit': unit,
        'floor': None if floor is None else round(floor, 3),
        'ratio': None if ratio is None else round(ratio, 2),
        'goal': goal,
        'met': met,
        'note': note,
    }


def measure() -> list[dict[str, Any]]:
    registry = NodeRegistry()
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

    floor, through, alone, watched = medians(
        bare.run, executor.tick, tree.tick_once, tick_observed, rounds=300
    )
    hundred = load(document(9, 10), registry)
    waiting = load(document(3, 1, '<Wait/>'), registry)
    tick_hundred, tick_waiting = medians(
        hundred.tick_once, waiting.tick_once, rounds=300, repeat=10
    )
    (loading,) = medians(lambda: load(thousand, registry), rounds=15)
    micro = 1e6
    return [
        result(
            'tick of 1,000 succeeding nodes, executor',
            through * micro,
            'us',
            4.0,
            'through the executor of py_trees; the floor is bare recursion over the same shape',
            floor * micro,
        ),
        result(
            'tick of 1,000 succeeding nodes',
            alone * micro,
            'us',
            4.0,
            'Tree.tick_once',
            floor * micro,
        ),
        result(
            'tick of 1,000 succeeding nodes, observed',
            watched * micro,
            'us',
            None,
            'with every change of a status kept',
            floor * micro,
        ),
        result('tick of a waiting tree', tick_waiting * micro, 'us', 30.0, 'one RUNNING action'),
        result(
            '10 Hz of a tree of 100 nodes',
            tick_hundred * 10 * 100,
            '% of a core',
            1.0,
            'all nodes succeed at every tick',
        ),
        result('load of 1,000 nodes', loading * 1e3, 'ms', 150.0, 'read, check and make'),
    ]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description='Measure the behaviour-tree engine.')
    parser.add_argument('--output', type=Path, help='write the results here as well')
    options = parser.parse_args(arguments)
    text = json.dumps(measure(), indent=2)
    print(text)
    if options.output is not None:
        options.output.write_text(text + '\n', encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
