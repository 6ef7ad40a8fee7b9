# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a run of a tree seen as it was at each moment, of its reports."""

from __future__ import annotations

from typing import Any

from xparo_bridge.console.tree_runs import TreeRun, TreeRuns

STRUCTURE = [
    {'uid': 1, 'parent': None, 'name': 'all', 'kind': 'Control', 'status': 'IDLE'},
    {'uid': 2, 'parent': 1, 'name': 'go', 'kind': 'Action', 'status': 'IDLE'},
]
START = {'structure': STRUCTURE}


def run_of(*said: dict[str, Any]) -> TreeRun:
    runs = TreeRuns()
    for moment, data in enumerate(said):
        runs.on_status(
            {'tree_name': 't', 'run_id': 'r', 'state': 'running', **data}, float(moment)
        )
    assert runs.newest is not None
    return runs.newest


def node(status: str, **more: str) -> dict[str, Any]:
    return {'nodes': [{'uid': 2, 'status': status, **more}]}


def test_what_a_node_came_to_stays_to_be_seen_when_it_rests_again():
    run = run_of(START, node('RUNNING'), node('SUCCESS'), node('IDLE'))
    assert [run.at(count)[2] for count in range(1, 5)] == ['IDLE', 'RUNNING', 'SUCCESS', 'SUCCESS']
    assert run_of(START, node('IDLE', result='FAILURE')).at()[2] == 'FAILURE'


def test_what_was_halted_came_to_nothing():
    assert run_of(START, node('RUNNING'), node('IDLE')).at()[2] == 'IDLE'


def test_a_structure_that_comes_again_forgets_no_result():
    assert run_of(START, node('SUCCESS'), START).at()[2] == 'SUCCESS'


def test_the_blackboard_is_as_it_was_at_each_moment():
    run = run_of(
        {**START, 'blackboard': {'table': 4}},
        {'blackboard': {'table': 5, 'who': 'ann'}},
        {'blackboard': {'table': None}},
    )
    assert [run.blackboard(count) for count in range(4)] == [
        {},
        {'table': 4},
        {'table': 5, 'who': 'ann'},
        {'who': 'ann'},
    ]
    assert run.blackboard() == {'who': 'ann'}
