# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is what the platform is told of a tree enough to draw it, and not more."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from xparo_bridge.behavior import builtin_registry, load, NodeStatus, Problem
from xparo_bridge.behavior.ros.reports import ENTRIES_PERIOD, PERIOD, TreeReports
from xparo_bridge.behavior.ros.shown_blackboard import MOST_ENTRIES, shown
from xparo_bridge.behavior.ros.tree_run import RunState


class Reported:
    """A run of a tree without a robot, and what was reported of it."""

    def __init__(self, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(
            'xparo_bridge.behavior.ros.reports.time', SimpleNamespace(monotonic=lambda: self.now)
        )
        self.connected = True
        self.reports: list[tuple[object, str | None]] = []
        self.reporter = TreeReports(
            lambda status, link: self.reports.append((status, link)), lambda: self.connected
        )
        text = f'<BehaviorTree ID="T">{body}</BehaviorTree>'
        if '<BehaviorTree' in body:
            text = f'<root BTCPP_format="4" main_tree_to_execute="T">{body}</root>'
        self.tree = load(text, builtin_registry())
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
        self.reporter.begin(self.run)

    def tick(self, after: float = PERIOD) -> list[dict[str, object]]:
        """Nodes reported by a tick so long after the one before."""
        self.now += after
        before = len(self.reports)
        self.tree.tick_once()
        self.reporter.flush()
        return [node for status, _ in self.reports[before:] for node in status.nodes]


@pytest.fixture
def reported(monkeypatch):
    return lambda body: Reported(body, monkeypatch)


WAITING = (
    '<ReactiveSequence><AlwaysSuccess name="ask"/>'
    '<Sleep name="wait" msec="60000"/></ReactiveSequence>'
)


def test_the_structure_comes_first_and_again_to_a_link_that_connects(reported):
    found = reported(WAITING)
    start, to = found.reports[0]
    assert to is None
    assert [(node['uid'], node['parent'], node['name']) for node in start.structure] == [
        (1, None, 'ReactiveSequence'),
        (2, 1, 'ask'),
        (3, 1, 'wait'),
    ]
    found.tick()
    found.reporter.introduce('second')
    again, to = found.reports[-1]
    assert (to, again.run_id) == ('second', 'r')
    assert [node['status'] for node in again.structure][2] == 'RUNNING'


def test_a_node_that_does_the_same_at_every_tick_is_reported_once(reported):
    found = reported(WAITING)
    assert {node['uid']: node.get('result', node['status']) for node in found.tick()} == {
        1: 'RUNNING',
        2: 'SUCCESS',
        3: 'RUNNING',
    }
    assert found.tick() == found.tick() == []


def test_a_result_within_one_tick_is_reported_although_it_is_gone(reported):
    found = reported(
        '<Sequence><Fallback><AlwaysFailure name="no"/><AlwaysSuccess/></Fallback>'
        '<Sleep msec="60000"/></Sequence>'
    )
    nodes = {node['uid']: node for node in found.tick()}
    assert nodes[3] == {'uid': 3, 'status': 'IDLE', 'result': 'FAILURE'}


def test_a_child_comes_before_its_parent_however_late_the_report_is(reported):
    found = reported(
        '<Fallback><AlwaysFailure/><Delay delay_msec="1">'
        '<Sequence><AlwaysSuccess/><AlwaysSuccess/></Sequence></Delay></Fallback>'
    )
    found.reporter.flush(now=True)
    while found.tree.tick_once() is NodeStatus.RUNNING:
        pass  # None of these ticks is reported.
    found.run.state = RunState.SUCCEEDED
    found.reporter.end(found.run)
    end, _ = found.reports[-1]
    assert [(node['uid'], node.get('result', node['status'])) for node in end.nodes] == [
        (2, 'FAILURE'),
        (5, 'SUCCESS'),
        (6, 'SUCCESS'),
        (4, 'SUCCESS'),
        (3, 'SUCCESS'),
        (1, 'SUCCESS'),
    ]


def test_at_most_ten_reports_go_out_in_a_second(reported):
    found = reported(
        '<Sequence><Repeat num_cycles="-1"><Sequence><Delay delay_msec="0">'
        '<AlwaysSuccess/></Delay><Sleep msec="1"/></Sequence></Repeat></Sequence>'
    )
    for _ in range(100):
        found.tick(after=0.01)
    assert len(found.reports) <= 12


def test_nothing_of_the_way_is_sent_while_the_link_is_down_but_the_end_is(reported):
    found = reported(WAITING)
    found.connected = False
    assert found.tick() == []
    found.connected = True
    assert len(found.tick()) == 3
    found.connected = False
    found.run.state, found.run.error = RunState.HALTED, 'halted'
    found.reporter.end(found.run)
    end, _ = found.reports[-1]
    assert (end.state, end.errors) == ('halted', [{'message': 'halted'}])


def test_a_refused_tree_is_reported_with_lines_to_who_sent_it(reported):
    found = reported(WAITING)
    found.reporter.reject('bad', [Problem('no such node', 3, 'a/b', 'try Spin')], 'platform')
    status, to = found.reports[-1]
    assert (status.tree_name, status.state, to) == ('bad', 'rejected', 'platform')
    assert status.errors == [
        {'message': 'no such node', 'line': 3, 'path': 'a/b', 'hint': 'try Spin'}
    ]


def entries(found: Reported, since: int = 0) -> dict[str, object]:
    """What was reported of the blackboard, all reports together."""
    return {
        key: value
        for status, _ in found.reports[since:]
        for key, value in status.blackboard.items()
    }


def test_entries_of_the_blackboard_are_told_of_when_they_are_written(reported):
    found = reported(
        '<Sequence><Script code="round := 1; who := \'ann\'"/><Sleep msec="60000"/></Sequence>'
    )
    assert entries(found) == {}
    found.tick()
    assert entries(found) == {'round': 1, 'who': 'ann'}
    before = len(found.reports)
    found.tick(ENTRIES_PERIOD)
    assert entries(found, before) == {}  # Nothing was written.
    found.tree.blackboard.set('round', 2)
    found.tick()
    assert entries(found, before) == {}  # No node changed: once a second is enough.
    found.tick(ENTRIES_PERIOD)
    assert entries(found, before) == {'round': 2}
    found.tree.blackboard.unset('who')
    found.tick(ENTRIES_PERIOD)
    assert entries(found, before) == {'round': 2, 'who': None}
    found.reporter.introduce('second')
    assert found.reports[-1][0].blackboard == {'round': 2}
    found.tree.blackboard.set('round', 3)
    found.run.state = RunState.HALTED
    found.reporter.end(found.run)
    assert found.reports[-1][0].blackboard == {'round': 3}


def test_entries_of_a_subtree_are_told_of_with_its_path(reported):
    found = reported(
        '<BehaviorTree ID="T"><Sequence><Script code="table := 4"/>'
        '<SubTree ID="S" name="first" place="{table}"/><Sleep msec="60000"/></Sequence>'
        '</BehaviorTree><BehaviorTree ID="S"><Script code="left := place - 1"/></BehaviorTree>'
    )
    found.tick()
    assert entries(found) == {'table': 4, 'first/left': 3}


def test_of_entries_that_are_written_at_every_tick_one_hears_once_a_second(reported):
    found = reported(WAITING)
    for count in range(100):
        found.tree.blackboard.set('count', count)
        found.tick(after=0.01)
    assert len(found.reports) <= 4


def test_of_a_large_blackboard_the_beginning_is_told(reported):
    found = reported(WAITING)
    for number in range(10 * MOST_ENTRIES):
        found.tree.blackboard.set(f'key_{number}', number)
    found.tick(ENTRIES_PERIOD)
    assert len(entries(found)) == MOST_ENTRIES


class Cloud:
    """Stands for a message, which may be large."""


@pytest.mark.parametrize(
    ('value', 'told_of'),
    [
        (True, True),
        (2.5, 2.5),
        (float('nan'), 'nan'),
        (float('inf'), 'inf'),
        ('x' * 1000, 'x' * 197 + '...'),
        ([1, 'a', [2.0]], [1, 'a', [2.0]]),
        (list(range(5000)), '(list of 5000)'),
        ({'x': 1.0}, {'x': 1.0}),
        ([[[[1]]]], [[['(list of 1)']]]),
        (b'1234', '(bytes of 4)'),
        (Cloud(), '(Cloud)'),
    ],
)
def test_a_value_is_told_of_in_short(value, told_of):
    assert shown(value) == told_of
