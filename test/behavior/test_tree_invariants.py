# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does every tree, whatever its shape, keep the promises made to its leaves."""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st
from random_trees import conditions, leaves, trees
from trees import Act, IDLE, load_nodes, log_of, RUNNING

from xparo_bridge.behavior import ManualClock, NodeStatus, TickError

simple = st.sampled_from(('a == 1', 'b == 0', 'c > 1', 'a := 1', 'b := b + 1', 'c := 2'))
# Mostly without conditions, which skip much of a tree. A leaf that has begun to run never says
# SKIPPED: that leaves it RUNNING, in the reference as here.
bodies = trees(leaves('SFRR'), st.one_of(st.just(''), conditions(simple)))
moves_made = st.sampled_from(('tick', 'tick', 'tick', 'halt', 'wait'))
steps = st.lists(moves_made, min_size=3, max_size=12)
VALUES = {'a': 1, 'b': 0, 'c': 2, 's': '2'}


def leaves_of(tree):
    return [node for node in tree.nodes if isinstance(node, Act)]


def play(body, moves):
    """Yield the tree after each move; a tree that raises is halted."""
    clock = ManualClock()
    tree = load_nodes(body, blackboard=VALUES, clock=clock)
    for move in moves:
        if move == 'wait':
            clock.advance(0.03)
            continue
        try:
            tree.halt() if move == 'halt' else tree.tick_once()
        except TickError:
            move = 'halt'
            try:
                tree.halt()
            except TickError:
                pass
        yield move, tree


@settings(max_examples=200, deadline=None)
@given(bodies, steps)
def test_a_halt_reaches_every_running_leaf_once(body, moves):
    clock = ManualClock()
    tree = load_nodes(body, blackboard=VALUES, clock=clock)
    for move in moves:
        running = {leaf.uid for leaf in leaves_of(tree) if leaf.state is RUNNING}
        before = {leaf.uid: leaf.calls['halted'] for leaf in leaves_of(tree)}
        try:
            if move == 'tick':
                tree.tick_once()
                continue
            tree.halt()
        except TickError:
            break
        halted = {
            leaf.uid: leaf.calls['halted'] - before[leaf.uid]
            for leaf in leaves_of(tree)
            if leaf.calls['halted'] > before[leaf.uid]
        }
        assert halted == dict.fromkeys(running, 1)


@settings(max_examples=200, deadline=None)
@given(bodies, steps)
def test_no_leaf_is_called_after_a_halt(body, moves):
    for move, tree in play(body, moves):
        if move == 'halt':
            assert all(node.state is IDLE for node in tree.nodes)
            length = len(log_of(tree))
            try:
                tree.halt()
            except TickError:
                pass
            assert len(log_of(tree)) == length


@settings(max_examples=200, deadline=None)
@given(bodies, steps)
def test_a_leaf_is_started_before_it_runs_and_halted_only_while_it_runs(body, moves):
    clock = ManualClock()
    tree = load_nodes(body, blackboard=VALUES, clock=clock)
    states = defaultdict(lambda: IDLE)

    def check(node, old, new):
        if isinstance(node, Act):
            assert states[node.uid] is old
            assert new is not old
            states[node.uid] = new

    tree.observe(check)
    try:
        for move in moves:
            if move == 'wait':
                clock.advance(0.03)
            elif move == 'halt':
                tree.halt()
            else:
                tree.tick_once()
    except TickError:
        return
    for leaf in leaves_of(tree):
        calls = leaf.calls
        assert calls['halted'] <= calls['start']
        assert calls['running'] == 0 or calls['start'] > 0


@settings(max_examples=200, deadline=None)
@given(bodies, steps)
def test_a_tree_that_is_not_running_has_no_running_node(body, moves):
    for move, tree in play(body, moves):
        if move == 'tick' and tree.status in (NodeStatus.SUCCESS, NodeStatus.FAILURE):
            assert not any(leaf.state is RUNNING for leaf in leaves_of(tree))


@settings(max_examples=200, deadline=None)
@given(bodies, steps)
def test_observed_and_visited_trees_do_the_same(body, moves):
    plain = [(move, tree.status, list(log_of(tree))) for move, tree in play(body, moves)]
    seen = []
    clock = ManualClock()
    tree = load_nodes(body, blackboard=VALUES, clock=clock)
    tree.observe(lambda node, old, new: None)
    tree.record_visits(True)
    for move in moves:
        if move == 'wait':
            clock.advance(0.03)
            continue
        try:
            tree.halt() if move == 'halt' else tree.tick_once()
        except TickError:
            move = 'halt'
            try:
                tree.halt()
            except TickError:
                pass
        seen.append((move, tree.status, list(log_of(tree))))
    assert seen == plain
