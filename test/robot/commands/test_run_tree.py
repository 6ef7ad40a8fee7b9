# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a tree that cannot be run refused before it is in anybody's way."""

from __future__ import annotations

import pytest

from xparo_bridge.behavior.ros.robot_commands import TREE
from xparo_bridge.messages import CommandState

COMMANDS = {'run_tree': {'kind': 'run_tree'}}
SLEEP = (
    '<root BTCPP_format="4"><BehaviorTree ID="round"><Sleep msec="60000"/></BehaviorTree></root>'
)


def test_one_whose_tree_is_gone_when_its_turn_comes_fails_and_says_so(station):
    at = station({'run_tree': {'kind': 'run_tree', 'concurrency': 'queue'}})
    for name in ('round', 'gone'):
        at.load_tree(name, SLEEP.replace('round', name))
    first, second = (at.send('run_tree', tree_name=name) for name in ('round', 'gone'))
    at.until(lambda: at.trees.current)
    assert not second.started
    at.trees.delete('gone')
    at.router.cancel(first)
    end = at.end(second)
    assert (end.state, end.error['code']) == (CommandState.FAILED, 'unknown_tree')
    assert 'gone' in end.error['message']


@pytest.mark.parametrize(
    ('name', 'source', 'code'),
    [('rond', 'platform', 'unknown_tree'), ('round', TREE, 'within_a_tree')],
)
def test_it_is_rejected_and_the_tree_that_runs_goes_on(station, name, source, code):
    at = station(COMMANDS)
    at.load_tree('round', SLEEP)
    first = at.send('run_tree', tree_name='round')
    at.until(lambda: at.trees.current)
    run = at.send('run_tree', tree_name=name, source=source)
    assert at.states(run) == ['rejected']
    assert run.status.error['code'] == code
    assert run.status.error['message']
    if code == 'unknown_tree':
        assert run.status.error['known'] == at.trees.names
        assert 'round' in run.status.error['message']
    assert first.state is CommandState.RUNNING
    assert at.trees.current.command_id == first.id
