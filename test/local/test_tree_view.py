# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a tree that runs drawn as it is, and told of leaf by leaf."""

from __future__ import annotations

from xparo_bridge.local.tree_view import TreeView

STRUCTURE = [
    {
        'uid': 1,
        'parent': None,
        'name': 'Sequence',
        'type': 'Sequence',
        'kind': 'Control',
        'path': 'Sequence::1',
    },
    {'uid': 2, 'parent': 1, 'name': 'go', 'type': 'Spin', 'kind': 'Action', 'path': 'go'},
]


def report(*nodes, **more):
    return {'tree_name': 't', 'run_id': 'r', 'state': 'running', 'nodes': list(nodes), **more}


def test_a_new_run_is_drawn_with_each_node_below_its_parent():
    assert list(TreeView().update(report(structure=STRUCTURE))) == ['Sequence', '    Spin "go"']


def test_leaves_are_reported_when_something_becomes_of_them():
    view = TreeView()
    list(view.update(report(structure=STRUCTURE)))
    assert list(
        view.update(report({'uid': 1, 'status': 'RUNNING'}, {'uid': 2, 'status': 'RUNNING'}))
    ) == ['go: RUNNING']
    assert list(view.update(report({'uid': 2, 'status': 'RUNNING'}))) == []
    assert list(
        view.update(report({'uid': 2, 'status': 'IDLE', 'result': 'FAILURE', 'message': 'stuck'}))
    ) == ['go: FAILURE (stuck)']
    assert list(view.lines()) == ['Sequence: RUNNING', '    Spin "go": FAILURE']


def test_reports_of_another_run_are_left_alone():
    view = TreeView()
    list(view.update(report(structure=STRUCTURE)))
    assert list(view.update({**report({'uid': 9, 'status': 'SUCCESS'}), 'run_id': 'old'})) == []
