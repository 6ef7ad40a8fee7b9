# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the nodes that wait, loop and talk to entries do what their files say."""

from collections import deque

import pytest
from trees import FAILURE, IDLE, load_nodes, log_of, RUNNING, SKIPPED, SUCCESS

from xparo_bridge.behavior import ManualClock, PortError, TickError


def ticks(tree, count: int) -> list[str]:
    return [tree.tick_once().name[0] for _ in range(count)]


def test_sleep_lasts_its_time_and_blocks_nothing():
    clock = ManualClock()
    tree = load_nodes('<Sleep msec="500"/>', clock=clock)
    assert tree.tick_once() is RUNNING
    assert tree.next_deadline() == 0.5
    clock.advance(0.499)
    assert tree.tick_once() is RUNNING
    clock.advance(0.001)
    assert tree.tick_once() is SUCCESS
    assert tree.next_deadline() is None


def test_sleep_begins_anew_after_a_halt():
    clock = ManualClock()
    tree = load_nodes('<Sleep msec="500"/>', clock=clock)
    tree.tick_once()
    tree.halt()
    clock.advance(1.0)
    assert tree.tick_once() is RUNNING


def test_delay_ticks_its_child_after_its_time():
    clock = ManualClock()
    tree = load_nodes('<Delay delay_msec="200"><Act name="a" does="RS"/></Delay>', clock=clock)
    assert tree.tick_once() is RUNNING
    assert log_of(tree) == []
    clock.advance(0.2)
    assert tree.tick_once() is RUNNING
    assert log_of(tree) == [('start', 'a')]
    assert tree.tick_once() is SUCCESS
    assert tree.tick_once() is RUNNING


def test_timeout_halts_its_child_once_and_fails():
    clock = ManualClock()
    tree = load_nodes('<Timeout msec="300"><Act name="a" does="R"/></Timeout>', clock=clock)
    assert tree.tick_once() is RUNNING
    clock.advance(0.3)
    assert tree.tick_once() is FAILURE
    assert log_of(tree) == [('start', 'a'), ('halted', 'a')]


def test_timeout_lets_a_quick_child_finish():
    clock = ManualClock()
    tree = load_nodes('<Timeout msec="300"><Act name="a" does="RS"/></Timeout>', clock=clock)
    tree.tick_once()
    clock.advance(0.2)
    assert tree.tick_once() is SUCCESS
    assert tree.next_deadline() is None


def test_timeout_of_zero_never_comes():
    clock = ManualClock()
    tree = load_nodes('<Timeout msec="0"><Act does="R"/></Timeout>', clock=clock)
    tree.tick_once()
    clock.advance(1e6)
    assert tree.tick_once() is RUNNING


def test_a_timeout_that_is_halted_takes_its_timer_along():
    tree = load_nodes('<Timeout msec="300"><Act does="R"/></Timeout>')
    tree.tick_once()
    tree.halt()
    assert tree.next_deadline() is None


@pytest.mark.parametrize('queue', [[1, 2], (1, 2), '1;2', deque([1, 2])])
def test_a_loop_takes_its_items_from_an_entry(queue):
    tree = load_nodes(
        '<LoopInt queue="{q}" value="{v}"><Note value="{v}"/></LoopInt>', blackboard={'q': queue}
    )
    assert ticks(tree, 3) == ['R', 'R', 'S']
    assert log_of(tree) == [1, 2]


def test_a_loop_empties_a_queue_it_shares():
    queue = deque(['a', 'b'])
    tree = load_nodes(
        '<LoopString queue="{q}" value="{v}"><Note value="{v}"/></LoopString>',
        blackboard={'q': queue},
    )
    ticks(tree, 2)
    assert not queue


def test_a_loop_says_what_to_do_with_an_empty_queue():
    tree = load_nodes('<LoopDouble queue="" if_empty="SKIPPED"><Act/></LoopDouble>')
    assert tree.tick_once() is SKIPPED


def test_a_loop_needs_a_queue_of_its_type():
    tree = load_nodes('<LoopInt queue="{q}"><Act/></LoopInt>', blackboard={'q': 5})
    with pytest.raises(TickError, match='queue'):
        tree.tick_once()


def test_set_blackboard_copies_any_object():
    thing = object()
    tree = load_nodes('<SetBlackboard value="{a}" output_key="b"/>', blackboard={'a': thing})
    assert tree.tick_once() is SUCCESS
    assert tree.blackboard.get('b') is thing


def test_unset_blackboard_forgets_an_entry():
    tree = load_nodes('<UnsetBlackboard key="a"/>', blackboard={'a': 1})
    tree.tick_once()
    assert tree.blackboard.entry('a') is None


def test_an_entry_is_updated_once_for_each_watcher():
    tree = load_nodes('<WaitValueUpdate entry="{a}"><Act/></WaitValueUpdate>', blackboard={'a': 1})
    assert ticks(tree, 2) == ['S', 'R']
    tree.blackboard.set('a', 2)
    assert ticks(tree, 1) == ['S']


@pytest.mark.parametrize('value', ['1', '1.0', 'ONE'])
def test_a_switch_compares_what_values_say(value):
    from trees import registry_with_leaves

    registry = registry_with_leaves()
    registry.add_enum('ONE', 1)
    tree = load_nodes(
        '<Switch2 variable="{v}" case_1="1" case_2="2"><Act name="one"/><Act name="two"/>'
        '<Act name="other"/></Switch2>',
        registry=registry,
        blackboard={'v': value},
    )
    tree.tick_once()
    assert log_of(tree) == [('start', 'one')]


def test_a_literal_is_read_as_the_type_of_its_port_and_kept():
    tree = load_nodes('<Act does="S" in="4"/>')
    node = tree.root
    assert node.get_input('does') == 'S'
    assert node.get_input('in') == '4'
    with pytest.raises(PortError, match='declares no port'):
        node.get_input('nothing')
    assert node.find_input('nothing', 'else') == 'else'


def test_an_output_of_another_type_is_refused():
    node = load_nodes('<Act out="{o}"/>').root
    with pytest.raises(PortError):
        node.set_output('out', [1])
    node.set_output('out', 'text')
    assert node.blackboard.get('o') == 'text'


def test_a_pointer_to_nothing_is_an_error_of_the_port():
    node = load_nodes('<Act in="{nothing}"/>').root
    with pytest.raises(PortError, match='nothing'):
        node.get_input('in')


def test_a_finished_tree_starts_over():
    tree = load_nodes('<Sequence><Act does="SF"/></Sequence>')
    assert ticks(tree, 3) == ['S', 'F', 'S']
    assert tree.root.state is IDLE
