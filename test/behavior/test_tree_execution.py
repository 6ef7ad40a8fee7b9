# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Can a tree be ticked, halted, woken and watched, alone and by py_trees."""

import py_trees
import pytest
from trees import FAILURE, IDLE, load_nodes, log_of, RUNNING, SUCCESS

from xparo_bridge.behavior import ManualClock, TickError
from xparo_bridge.behavior.executor import Executor
from xparo_bridge.behavior.tree import MAX_ROUNDS


def test_tick_once_goes_on_while_a_node_asks_for_it():
    body = '<Repeat num_cycles="3"><AlwaysSuccess/></Repeat>'
    assert load_nodes(body).tick_once() is SUCCESS
    assert load_nodes(body).tick_exactly_once() is RUNNING


def test_a_loop_without_end_gives_the_thread_back():
    tree = load_nodes('<Repeat num_cycles="-1"><Note value="x"/></Repeat>')
    woken = []
    tree.on_wake_up = lambda: woken.append(True)
    assert tree.tick_once() is RUNNING
    assert len(log_of(tree)) == MAX_ROUNDS
    assert woken


def test_a_leaf_can_wake_the_executor_between_ticks():
    tree = load_nodes('<Act does="R"/>')
    woken = []
    tree.on_wake_up = lambda: woken.append(True)
    tree.tick_once()
    assert woken == []
    tree.root.wake_up()
    assert woken == [True]


def test_an_error_in_a_node_names_it_and_can_be_halted():
    tree = load_nodes('<Parallel><Act name="a" does="R"/><Act name="b" does="X"/></Parallel>')
    with pytest.raises(TickError) as caught:
        tree.tick_once()
    assert caught.value.path == 'b'
    assert 'told to raise' in caught.value.reason
    tree.halt()
    assert log_of(tree)[-1] == ('halted', 'a')
    assert all(node.state is IDLE for node in tree.nodes)


def test_an_error_while_halting_leaves_no_node_running():
    tree = load_nodes(
        '<Parallel><Act name="a" does="R" _onHalted="x = 1"/><Act name="b" does="R"/></Parallel>'
    )
    tree.tick_once()
    with pytest.raises(TickError):
        tree.halt()
    assert sorted(log_of(tree)[2:]) == [('halted', 'a'), ('halted', 'b')]
    assert all(node.state is IDLE for node in tree.nodes)


def test_observers_see_every_change_in_order():
    tree = load_nodes('<Sequence name="s"><Act name="a" does="RS"/></Sequence>')
    one, two = [], []
    stop = tree.observe(lambda node, old, new: one.append((node.path, str(old), str(new))))
    tree.observe(lambda node, old, new: two.append(node.uid))
    tree.tick_once()
    assert one == [('s', 'IDLE', 'RUNNING'), ('a', 'IDLE', 'RUNNING')]
    stop()
    tree.tick_once()
    assert len(one) == 2
    assert len(two) == 6


def test_a_tree_describes_itself_for_drawing():
    tree = load_nodes(
        '<Sequence name="s"><Act name="a" does="R"/><SubTree ID="T"/></Sequence>'
        '</BehaviorTree><BehaviorTree ID="T"><AlwaysSuccess/></BehaviorTree>'
    )
    tree.tick_once()
    rows = tree.describe()
    assert [(row['uid'], row['parent'], row['kind']) for row in rows] == [
        (1, None, 'Control'),
        (2, 1, 'Action'),
        (3, 1, 'SubTree'),
        (4, 3, 'Action'),
    ]
    assert rows[3]['path'] == 'T::3/AlwaysSuccess::4'
    assert [row['status'] for row in rows] == ['RUNNING', 'RUNNING', 'IDLE', 'IDLE']


def test_shutdown_halts_and_lets_go():
    tree = load_nodes('<Act name="a" does="R"/>')
    tree.tick_once()
    tree.shutdown()
    assert log_of(tree) == [('start', 'a'), ('halted', 'a')]


def test_py_trees_ticks_a_tree_as_the_tree_does():
    body = '<Sequence><Act does="RS"/><Repeat num_cycles="2"><Act does="RSF"/></Repeat></Sequence>'
    alone, driven = load_nodes(body), load_nodes(body)
    executor = Executor(driven)
    for _ in range(8):
        status = alone.tick_once()
        executor.tick()
        assert driven.status is status
        assert log_of(alone) == log_of(driven)


def test_handlers_and_visitors_see_the_result_before_it_is_reset():
    tree = load_nodes('<Sequence name="s"><Act name="a"/><Act name="b" does="F"/></Sequence>')
    executor = Executor(tree)
    seen = []
    executor.add_post_tick_handler(lambda each: seen.append(each.root.status))
    executor.tick()
    visitor = py_trees.visitors.SnapshotVisitor()
    executor.add_visitor(visitor)
    executor.tick()
    assert seen == [py_trees.common.Status.FAILURE] * 2
    assert {node.id for node in tree.nodes} == set(visitor.visited)
    assert executor.count == 2
    assert tree.root.state is IDLE


def test_viewers_of_py_trees_draw_a_tree():
    tree = load_nodes(
        '<Fallback name="f"><Parallel name="p"><Act name="a" does="R"/></Parallel></Fallback>'
    )
    tree.tick_once()
    text = py_trees.display.unicode_tree(tree.root, show_status=True)
    assert all(name in text for name in ('f', 'p', 'a'))
    assert py_trees.display.dot_tree(tree.root) is not None
    assert isinstance(tree.root, py_trees.composites.Selector)
    assert tree.root.tip() is tree.nodes[-1]


def test_stopping_the_root_through_py_trees_halts_the_tree():
    tree = load_nodes('<Act name="a" does="R"/>')
    executor = Executor(tree)
    executor.tick()
    executor.root.stop(py_trees.common.Status.INVALID)
    assert log_of(tree)[-1] == ('halted', 'a')
    assert tree.root.state is IDLE


def test_a_stock_executor_starts_a_finished_tree_over():
    tree = load_nodes('<Sequence><Act does="SF"/></Sequence>')
    executor = py_trees.trees.BehaviourTree(tree.root)
    executor.tick()
    assert tree.status is SUCCESS
    executor.tick()
    assert tree.status is FAILURE


@pytest.mark.parametrize('tick', ['tick_exactly_once', 'tick_once'])
def test_a_tick_sees_what_time_has_brought_since_the_one_before(tick):
    clock = ManualClock()
    tree = load_nodes('<Timeout msec="100"><Sleep msec="5000"/></Timeout>', clock=clock)
    assert getattr(tree, tick)() is RUNNING
    clock.advance(0.05)
    assert getattr(tree, tick)() is RUNNING
    clock.advance(0.06)
    assert getattr(tree, tick)() is FAILURE
