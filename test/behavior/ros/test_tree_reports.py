# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is what the platform is told of a tree enough to draw it, and not more."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from xparo_bridge.behavior import builtin_registry, load, Problem
from xparo_bridge.behavior.ros.reports import PERIOD, TreeReports
from xparo_bridge.behavior.ros.tree_run import RunState


class Told:
    """A run of a tree without a robot, and what was told of it."""

    def __init__(self, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(
            'xparo_bridge.behavior.ros.reports.time', SimpleNamespace(monotonic=lambda: self.now)
        )
        self.connected = True
        self.reports: list[tuple[object, str | None]] = []
        self.telling = TreeReports(
            lambda status, link: self.reports.append((status, link)), lambda: self.connected
        )
        self.tree = load(f'<BehaviorTree ID="T">{body}</BehaviorTree>', builtin_registry())
        self.run = SimpleNamespace(
            id='r',
            name='t',
            state=RunState.RUNNING,
            phase='running',
            tree=self.tree,
            problems=[],
            warnings=self.tree.warnings,
            last_failure=None,
            error='',
        )
        self.telling.begin(self.run)

    def tick(self, after: float = PERIOD) -> list[dict[str, object]]:
        """Nodes told of by a tick so long after the one before."""
        self.now += after
        before = len(self.reports)
        self.tree.tick_once()
        self.telling.flush()
        return [node for status, _ in self.reports[before:] for node in status.nodes]


@pytest.fixture
def told(monkeypatch):
    return lambda body: Told(body, monkeypatch)


WAITING = (
    '<ReactiveSequence><AlwaysSuccess name="ask"/>'
    '<Sleep name="wait" msec="60000"/></ReactiveSequence>'
)


def test_the_structure_comes_first_and_again_to_a_link_that_connects(told):
    found = told(WAITING)
    start, to = found.reports[0]
    assert to is None
    assert [(node['uid'], node['parent'], node['name']) for node in start.structure] == [
        (1, None, 'ReactiveSequence'),
        (2, 1, 'ask'),
        (3, 1, 'wait'),
    ]
    found.tick()
    found.telling.introduce('second')
    again, to = found.reports[-1]
    assert (to, again.run_id) == ('second', 'r')
    assert [node['status'] for node in again.structure][2] == 'RUNNING'


def test_a_node_that_does_the_same_at_every_tick_is_told_of_once(told):
    found = told(WAITING)
    assert {node['uid']: node.get('result', node['status']) for node in found.tick()} == {
        1: 'RUNNING',
        2: 'SUCCESS',
        3: 'RUNNING',
    }
    assert found.tick() == found.tick() == []


def test_a_result_within_one_tick_is_told_of_although_it_is_gone(told):
    found = told(
        '<Sequence><Fallback><AlwaysFailure name="no"/><AlwaysSuccess/></Fallback>'
        '<Sleep msec="60000"/></Sequence>'
    )
    nodes = {node['uid']: node for node in found.tick()}
    assert nodes[3] == {'uid': 3, 'status': 'IDLE', 'result': 'FAILURE'}


def test_at_most_ten_reports_go_out_in_a_second(told):
    found = told(
        '<Sequence><Repeat num_cycles="-1"><Sequence><Delay delay_msec="0">'
        '<AlwaysSuccess/></Delay><Sleep msec="1"/></Sequence></Repeat></Sequence>'
    )
    for _ in range(100):
        found.tick(after=0.01)
    assert len(found.reports) <= 12


def test_nothing_of_the_way_is_sent_while_the_link_is_down_but_the_end_is(told):
    found = told(WAITING)
    found.connected = False
    assert found.tick() == []
    found.connected = True
    assert len(found.tick()) == 3
    found.connected = False
    found.run.state, found.run.error = RunState.HALTED, 'halted'
    found.telling.end(found.run)
    end, _ = found.reports[-1]
    assert (end.state, end.errors) == ('halted', [{'message': 'halted'}])


def test_a_refused_tree_is_told_with_lines_to_who_sent_it(told):
    found = told(WAITING)
    found.telling.reject('bad', [Problem('no such node', 3, 'a/b', 'try Spin')], 'platform')
    status, to = found.reports[-1]
    assert (status.tree_name, status.state, to) == ('bad', 'rejected', 'platform')
    assert status.errors == [
        {'message': 'no such node', 'line': 3, 'path': 'a/b', 'hint': 'try Spin'}
    ]
