# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does nothing that a tree can be made of take long to read, or much memory, or a long answer."""

from __future__ import annotations

import json
from pathlib import Path
import subprocess
import sys

from fixtures.processes import python_path
import pytest

from xparo_bridge.behavior import (
    Blackboard,
    builtin_registry,
    Limits,
    load,
    ManualClock,
    Problem,
    TreeErrors,
)
from xparo_bridge.behavior.errors import first_problems
from xparo_bridge.behavior.work import Work, WorkStopped

# Of each reading; without the start of the program, and in time of its own.
SECONDS = 1.0
MEGABYTES = 60.0


@pytest.fixture(scope='module')
def readings():
    """How each reading went, by its name; the program is killed where one goes on for ever."""
    program = Path(__file__).with_name('pathological.py')
    process = subprocess.run(
        [sys.executable, program],
        capture_output=True,
        text=True,
        timeout=120.0,
        env={'PYTHONPATH': python_path(Path(__file__).parents[2]), 'PATH': ''},
    )
    assert process.returncode == 0, process.stderr
    lines = [json.loads(line) for line in process.stdout.splitlines()]
    found = {line['name']: line for line in lines if 'name' in line}
    assert len(found) > 40
    return found


def test_every_reading_is_quick(readings):
    assert {name: each['seconds'] for name, each in readings.items()} == {
        name: pytest.approx(0.0, abs=SECONDS) for name in readings
    }


def test_no_reading_takes_much_memory(readings):
    assert {name: each['grew'] for name, each in readings.items()} == {
        name: pytest.approx(0.0, abs=MEGABYTES) for name in readings
    }


def test_no_answer_is_long(readings):
    assert max(each['length'] for each in readings.values()) < 16_000


def refused(xml: str, limits: Limits | None = None, **options) -> str:
    with pytest.raises(TreeErrors) as caught:
        load(xml, builtin_registry(), limits, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ('limits', 'words'),
    [
        (Limits(nodes=20), 'more than 20 nodes with its subtrees in place'),
        (Limits(depth=3), 'more than 3 deep with the subtrees in place'),
        (Limits(scripts=30), 'the scripts of the tree have more than 30 characters'),
        (Limits(paths=200), 'the paths of nodes of the tree have more than 200 characters'),
        (Limits(text=50), 'the attributes of the tree have more than 50 characters'),
    ],
)
def test_limits_count_what_subtrees_multiply(limits, words):
    xml = (
        '<root BTCPP_format="4" main_tree_to_execute="M"><BehaviorTree ID="M"><Sequence>'
        + '<SubTree ID="S"/>' * 5
        + '</Sequence></BehaviorTree><BehaviorTree ID="S"><Sequence><Inverter>'
        '<Script code="a:=1;b:=2"/></Inverter><Sleep msec="1"/></Sequence></BehaviorTree></root>'
    )
    assert words in refused(xml, limits)
    assert load(xml, builtin_registry())


def test_nodes_may_be_as_deep_across_trees_as_in_one():
    def chain(depth: int) -> str:
        trees = ''.join(
            f'<BehaviorTree ID="T{n}">{"<Inverter>" * 15}<SubTree ID="T{n + 1}"/>'
            f'{"</Inverter>" * 15}</BehaviorTree>'
            for n in range(depth // 16)
        )
        rest = f'<BehaviorTree ID="T{depth // 16}"><AlwaysSuccess/></BehaviorTree>'
        return f'<root BTCPP_format="4" main_tree_to_execute="T0">{trees}{rest}</root>'

    tree = load(chain(256), builtin_registry(), clock=ManualClock())
    assert str(tree.tick_once()) == 'SUCCESS'
    assert 'more than 256 deep' in refused(chain(272))


@pytest.mark.parametrize(
    'values',
    [{'@@x': 1}, {f'k{n}': n for n in range(100_001)}, {'@a@b': 1}],
    ids=['two signs', 'too many', 'a sign within'],
)
def test_what_a_blackboard_cannot_begin_with_refuses_the_tree(values):
    assert 'the blackboard' in refused(
        '<BehaviorTree><AlwaysSuccess/></BehaviorTree>', None, blackboard=values
    )


def test_a_refused_document_leaves_a_blackboard_as_it_was():
    board = Blackboard()
    board.set('a', 1)
    refused(
        '<BehaviorTree><Sequence><Sleep msec="{b}"/><Fly/></Sequence></BehaviorTree>',
        blackboard=board,
    )
    assert board.snapshot() == {'a': 1}


def test_a_factory_that_makes_no_node_refuses_its_tree():
    from xparo_bridge.behavior import Manifest, NodeKind

    registry = builtin_registry()
    registry.add(Manifest('Nothing', NodeKind.ACTION, factory=lambda config: None))
    with pytest.raises(TreeErrors, match='makes no node'):
        load('<BehaviorTree><Nothing/></BehaviorTree>', registry)


@pytest.mark.parametrize('error', [RecursionError('deep'), MemoryError('full')])
def test_what_runs_out_while_a_tree_is_read_refuses_it(monkeypatch, error):
    def fail(*args):
        raise error

    monkeypatch.setattr('xparo_bridge.behavior.loader.read_document', fail)
    assert 'asks for too much' in refused('<BehaviorTree/>')


def test_reading_ends_when_its_time_is_over_or_nobody_wants_it():
    work = Work(0.0)
    with pytest.raises(WorkStopped, match='within 0 s'):
        for _ in range(100):
            work.step()
    work = Work(is_active=lambda: False)
    with pytest.raises(WorkStopped, match='no longer needed'):
        for _ in range(100):
            work.step()


@pytest.mark.parametrize('text', ['x' * 10_000, '\N{GRINNING FACE}' * 10_000])
def test_the_first_problems_are_reported_and_how_many_more_there_are(text):
    problems = [Problem(f'{n} {text}', n, text, text, text) for n in range(500)]
    reported = first_problems(problems)
    assert len(reported) <= 11
    assert reported[0].message.startswith('0 ')
    assert reported[-1].message == f'and {500 - (len(reported) - 1)} more problems'
    assert len('\n'.join(map(str, reported)).encode()) < 16_000


def test_few_problems_are_reported_as_they_are():
    problems = [Problem(f'problem {n}', n) for n in range(10)]
    assert first_problems(problems) == problems


# Elements: 11; nodes with the subtrees in place: 1 + 5 * 3; nested: 3 within the topmost.
FIVE = (
    '<root BTCPP_format="4" main_tree_to_execute="M"><BehaviorTree ID="M"><Sequence>'
    + '<SubTree ID="S"/>' * 5
    + '</Sequence></BehaviorTree><BehaviorTree ID="S"><Inverter><Script code="a:=1"/></Inverter>'
    '</BehaviorTree></root>'
)


@pytest.mark.parametrize(
    ('limit', 'amount'),
    [
        ('nodes', 16),
        ('depth', 3),
        ('text', 5 * len('S' + 'a:=1')),
        ('scripts', 5 * len('a:=1')),
        ('size', len(FIVE)),
        ('name', len('BehaviorTree')),
    ],
)
def test_a_tree_of_just_as_much_as_the_limit_is_taken_and_no_larger_one(limit, amount):
    assert load(FIVE, builtin_registry(), Limits(**{limit: amount}))
    assert f'more than {amount - 1}' in refused(FIVE, Limits(**{limit: amount - 1}))


def of_bytes(size: int) -> Problem:
    """A problem whose text has so many bytes, with few enough characters to be whole."""
    emoji = size // 4 - 1
    return Problem('\N{GRINNING FACE}' * emoji + 'x' * (size - 4 * emoji))


def test_an_answer_of_just_as_many_bytes_as_fit_is_whole():
    six = [of_bytes(1900) for _ in range(6)]
    left = 12_000 - sum(len(str(problem).encode()) for problem in six)
    assert 0 < left < 2000
    assert first_problems([*six, of_bytes(left)]) == [*six, of_bytes(left)]
    reported = first_problems([*six, of_bytes(left + 1)])
    assert reported == [*six, Problem('and 1 more problems')]


def test_what_may_be_nested_is_read_though_python_allows_less():
    allowed = sys.getrecursionlimit()
    code = 'a := ' + '(1 + ' * 99 + '1' + ')' * 99
    xml = '<Inverter>' * 900 + f'<Script code="{code}"/>' + '</Inverter>' * 900
    try:
        sys.setrecursionlimit(1000)  # As the tests before this one may have raised it.
        xml = f'<BehaviorTree ID="M">{xml}</BehaviorTree>'
        tree = load(xml, builtin_registry(), Limits(depth=900))
        assert str(tree.tick_once()) == 'SUCCESS'
        assert tree.blackboard.get('a') == 100
    finally:
        sys.setrecursionlimit(allowed)
