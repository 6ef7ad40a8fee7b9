# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the trees of all releases of Nav2 load, and is it said where one of them would not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from trees import FAILURE, load_nodes, registry_with_leaves, RUNNING, SUCCESS

from xparo_bridge.behavior import builtin_registry, Limits, load, nav2
from xparo_bridge.behavior.linter import main, missing_of_nav2
from xparo_bridge.behavior.loader import Reader

TREES = sorted((Path(__file__).parent / 'nav2_trees').glob('*/*.xml'))


def registry():
    found = builtin_registry()
    nav2.register(found)
    return found.with_stubs()


def reader_of(text: str) -> Reader:
    reader = Reader(registry(), Limits())
    reader.read(text)
    return reader


def test_the_trees_of_five_releases_are_there():
    assert {path.parent.name for path in TREES} == set(nav2.RELEASES)
    assert len(TREES) > 60


@pytest.mark.parametrize('path', TREES, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_a_tree_that_a_release_ships_loads_and_uses_what_that_release_has(path):
    text = path.read_text()
    assert load(text, registry()).nodes
    assert list(missing_of_nav2(reader_of(text), path.parent.name)) == []


@pytest.mark.parametrize('release', nav2.RELEASES)
def test_every_node_type_of_a_release_is_known_with_all_its_ports(release):
    known = registry()
    for name, ports in nav2.manifest_of(release).items():
        manifest = known.find(name)
        assert manifest is not None
        assert ports <= manifest.ports.keys()


def test_the_releases_have_as_many_node_types_as_their_models():
    assert [len(nav2.manifest_of(release)) for release in nav2.RELEASES] == [51, 65, 70, 81, 81]


def test_what_a_release_lacks_is_said_port_by_port(tmp_path, capsys):
    file = tmp_path / 'tree.xml'
    file.write_text(
        '<root BTCPP_format="4"><BehaviorTree ID="M"><Sequence>\n'
        '<Spin spin_dist="1" error_msg="{e}"/>\n<ValidatePath path="{p}"/>\n'
        '<Spin spin_dist="2" error_msg="{e}"/></Sequence></BehaviorTree></root>'
    )
    assert main([str(file), '--nav2', 'lyrical'], registry()) == 0
    assert main([str(file), '--nav2', 'all'], registry()) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if ': error: ' in line]
    assert [line.partition(': error: ')[2] for line in lines] == [
        'Spin has no port [error_msg] in Nav2 humble',
        'Spin has no port [error_msg] in Nav2 jazzy',
        'Nav2 humble has no node type ValidatePath',
        'Nav2 jazzy has no node type ValidatePath',
        'Nav2 kilted has no node type ValidatePath',
    ]


def load_nav2(body: str, **options):
    found = registry_with_leaves()
    nav2.register(found)
    return load_nodes(body, registry=found, **options)


def ticks(tree, count: int) -> list[str]:
    return [str(tree.tick_exactly_once()) for _ in range(count)]


def test_a_nonblocking_sequence_ticks_all_children_until_all_succeed():
    tree = load_nav2(
        '<NonblockingSequence><Act name="a" does="RSS"/><Act name="b" does="SRS"/>'
        '</NonblockingSequence>'
    )
    # A child that has succeeded is not begun anew.
    assert ticks(tree, 2) == ['RUNNING', 'SUCCESS']


def test_a_nonblocking_sequence_fails_with_the_first_child_that_does():
    tree = load_nav2(
        '<NonblockingSequence><Act name="a" does="R"/><Act name="b" does="F"/>'
        '<Act name="c" does="S"/></NonblockingSequence>'
    )
    assert ticks(tree, 1) == ['FAILURE']
    log = tree.context.services['log']
    assert ('halted', 'a') in log
    assert ('start', 'c') not in log


def test_a_persistent_sequence_goes_on_after_a_halt_where_it_was():
    tree = load_nav2(
        '<PersistentSequence current_child_idx="{at}"><Act name="a" does="S"/>'
        '<Act name="b" does="RS"/><Act name="c" does="S"/></PersistentSequence>',
        blackboard={'at': 0},
    )
    assert ticks(tree, 1) == ['RUNNING']
    assert tree.blackboard.get('at') == 1
    tree.halt()
    assert ticks(tree, 1) == ['SUCCESS']
    starts = [name for what, name in tree.context.services['log'] if what == 'start']
    assert starts == ['a', 'b', 'b', 'c']
    assert tree.blackboard.get('at') == 0


def test_a_persistent_sequence_begins_anew_after_a_failure():
    tree = load_nav2(
        '<PersistentSequence current_child_idx="{at}"><Act does="S"/><Act does="FS"/>'
        '</PersistentSequence>',
        blackboard={'at': 0},
    )
    assert ticks(tree, 1) == ['FAILURE']
    assert tree.blackboard.get('at') == 0


@pytest.mark.parametrize(
    ('port', 'results'),
    [('', ['SUCCESS', 'SUCCESS']), ('wrap_around="false"', ['SUCCESS', 'FAILURE'])],
)
def test_a_round_robin_wraps_around_unless_it_is_told_not_to(port, results):
    tree = load_nav2(f'<RoundRobin {port}><Act does="S"/><Act does="S"/></RoundRobin>')
    # The root is reset between the ticks, not halted: the next child has its turn.
    assert ticks(tree, 2) == results


@pytest.mark.parametrize(
    ('position', 'heading', 'result'),
    [
        (0.4, 0.0, SUCCESS),
        (0.6, 0.0, FAILURE),
        (-0.9, 0.0, SUCCESS),
        (-1.1, 0.0, FAILURE),
        (0.0, 0.3, FAILURE),
    ],
)
def test_tracking_bounds_are_those_of_each_side(position, heading, result):
    feedback = SimpleNamespace(position_tracking_error=position, heading_tracking_error=heading)
    tree = load_nav2(
        '<IsWithinPathTrackingBounds max_error_left="0.5" max_error_right="-1.0" '
        'max_error_heading="0.2" tracking_feedback="{f}"/>',
        blackboard={'f': feedback},
    )
    assert tree.tick_exactly_once() is result


def test_without_tracking_feedback_the_robot_is_within_bounds():
    assert load_nav2('<IsWithinPathTrackingBounds/>').tick_exactly_once() is SUCCESS


@pytest.mark.parametrize(('code', 'result'), [(404, SUCCESS), (405, SUCCESS), (402, FAILURE)])
def test_a_route_recovery_helps_where_the_reason_may_pass(code, result):
    tree = load_nav2(f'<WouldARouteRecoveryHelp error_code="{code}"/>')
    assert tree.tick_exactly_once() is result


def test_a_recovery_without_end_gives_way_when_the_tick_is_overdue():
    tree = load_nav2(
        '<RecoveryNode number_of_retries="1000000000"><AlwaysFailure/><AlwaysSuccess/>'
        '</RecoveryNode>'
    )
    tree.tick_budget = 0.001
    assert tree.tick_once() is RUNNING
    assert tree.context.woken
