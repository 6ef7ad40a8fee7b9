# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is no answer to a command larger than it may be, and is what was left out named."""

from __future__ import annotations

from importlib.metadata import entry_points
import json
from random import Random
from types import SimpleNamespace

from fixtures.cpu import cpu_time
import pytest

from xparo_bridge.messages import CommandState, MAX_NAME, RemoteCommand
from xparo_bridge.robot.commands.answers import bounded, fitted, MAX_ANSWER, size
from xparo_bridge.robot.commands.run import Rejection, Run

KINDS = {point.name: point for point in entry_points(group='xparo_bridge.commands')}
# Those whose answers are larger by their nature.
LARGER = {'list_commands': 512_000}


def made(random: Random, depth: int = 0):
    """Make a value of JSON of any form, some of them huge."""
    choice = random.randrange(9)
    if choice == 0:
        return random.choice(['a', 'é', '\U0001f600', '"', '\x00']) * random.choice(
            [3, 900, 40_000]
        )
    if choice == 1:
        return [random.choice([0, 1.5, None, 'x' * 50])] * random.choice([0, 3, 2_000, 30_000])
    if choice == 2:
        return random.choice([True, None, -1, 1e300, 10**18])
    if depth > 3:
        return 0
    if choice < 6:
        return [made(random, depth + 1) for _ in range(random.choice([0, 2, 7]))]
    return {
        random.choice(['a', 'k' * 3000, 'é' * 200, f'k{n}']): made(random, depth + 1)
        for n in range(random.choice([1, 4, 60]))
    }


ODD = {
    'many items': lambda: {'items': [{'name': 'x' * 200, 'n': n} for n in range(5_000)]},
    'a text': lambda: {'text': 'x' * 500_000},
    'many members': lambda: {f'k{n}': 'x' * 10 for n in range(50_000)},
    'a long key': lambda: {'k' * 100_000: 1},
    'many numbers': lambda: {'data': [0] * 2_000_000},
    'far down': lambda: {'a': {'b': {'c': ['x' * 100] * 10_000}}},
    'a large item': lambda: {'one': ['x' * 100_000]},
}
LARGE = (*ODD, *range(40))


def large(which):
    """Make one of the answers that most often are too large."""
    if which in ODD:
        return ODD[which]()
    return {f'k{n}': made(Random(f'{which}-{n}')) for n in range(6)}


def _size(value) -> int:
    return len(json.dumps(value, default=str))


@pytest.mark.parametrize('which', LARGE)
def test_an_answer_is_cut_to_its_bound_and_says_what_is_not_there(which):
    values = large(which)
    kept = fitted(values)
    assert _size(kept) <= MAX_ANSWER
    if _size(values) <= MAX_ANSWER:
        assert kept == values
        return
    named = {*kept.get('left_out', ())}
    for key, value in values.items():
        whole = kept.get(key) == value
        cut = f'{key}_in_all' in kept or key in kept
        assert whole or cut or f'{key:.40}' in named or kept.get('left_out_in_all', 0) > len(named)
        if f'{key}_in_all' in kept:
            assert value[: len(kept[key])] == kept[key]
            assert kept[f'{key}_in_all'] == len(value)


@pytest.mark.parametrize('which', LARGE)
def test_an_error_keeps_its_code_and_words_whatever_its_details(which):
    values = large(which)
    kept = bounded({'code': 'no_way', 'message': 'because', **values})
    assert _size(kept) <= MAX_ANSWER
    assert (kept['code'], kept['message']) == ('no_way', 'because')


@pytest.mark.parametrize('which', ODD)
def test_to_cut_an_answer_takes_no_longer_than_to_write_one(which):
    values = large(which)
    assert cpu_time(lambda: fitted(values), 0.05) < 0.05


@pytest.mark.parametrize('value', [[0] * 8_001, {'a': 'é' * 3_000}, 'x' * 16_001, [[[]]] * 4_000])
def test_the_size_is_exact_up_to_the_bound_and_more_beyond(value):
    exact = _size(value)
    assert size(value, 1_000_000) == exact
    assert size(value, exact) == exact
    assert size(value, exact - 1) > exact - 1
    assert size(value, 10) > 10


@pytest.mark.parametrize('report', ['running', 'succeed', 'fail', 'reject', 'canceled'])
@pytest.mark.parametrize('name', KINDS)
def test_no_kind_of_command_reports_more_than_it_may(name, report):
    kind = KINDS[name].load()
    assert kind.largest_answer == LARGER.get(name, MAX_ANSWER)
    large = {'items': [{'name': 'x' * 200, 'n': n} for n in range(5_000)], 'why': 'y' * 900_000}
    run = Run(RemoteCommand(name, {}, '1'), 'platform', kind.__new__(kind), lambda run: None)
    run.notes = ('z' * 400,) * 10
    {
        'running': lambda: run.running(large),
        'succeed': lambda: run.succeed(large),
        'fail': lambda: run.fail('failed', 'w' * 100_000, **large),
        'reject': lambda: run.reject(Rejection('refused', 'w' * 100_000, large)),
        'canceled': lambda: run.canceled('w' * 100_000),
    }[report]()
    reported = run.status
    for content in (reported.progress, reported.result, reported.error):
        assert content is None or _size(content) <= kind.largest_answer


@pytest.mark.parametrize('count', [3, 200])
def test_all_trees_are_listed_page_by_page(station, count):
    at = station({'list_trees': {'kind': 'list_trees'}})
    library = at.trees._runner.library
    names = {*library.names}
    for number in range(count):
        name = f't{number:03}'.ljust(MAX_NAME, 'x')
        library._given.put(name, '<root/>')
        names.add(name)
    listed, after = [], ''
    while True:
        page = at.end(at.send('list_trees', after=after)).result
        assert _size(page) <= MAX_ANSWER
        listed += [tree['tree_name'] for tree in page['trees']]
        if 'trees_in_all' not in page:
            break
        assert len(page['trees']) > 10
        after = listed[-1]
    assert listed == sorted(names)


@pytest.mark.parametrize('command_id', ['1', 'i' * 40_000])
@pytest.mark.parametrize('name', ['list_trees', 'c' * 40_000, 'stop' * 1_000])
def test_names_and_ids_that_come_back_in_each_report_are_short(station, name, command_id):
    at = station({'list_trees': {'kind': 'list_trees'}, 'stop': {'kind': 'stop'}})
    run = at.router.execute(RemoteCommand(name, {}, command_id), 'ros')
    at.until(lambda: not run.open)
    assert all(len(reported.command) <= MAX_NAME for reported in at.reported)
    assert all(len(reported.command_id) <= MAX_NAME for reported in at.reported)
    long = max(len(name), len(command_id)) > MAX_NAME
    assert run.state is (CommandState.REJECTED if long else CommandState.SUCCEEDED)


def test_a_tree_with_a_name_that_is_too_long_is_refused_under_a_short_one(station):
    at = station({'list_trees': {'kind': 'list_trees'}})
    sent = []
    at.trees._reports._send = lambda status, link: sent.append(status)
    update = SimpleNamespace(tree_name='n' * (MAX_NAME + 1), xml='<root/>')
    at.trees.push('platform', update)
    (reported,) = sent
    assert 'more than 256 characters' in reported.errors[0]['message']
    assert update.tree_name not in at.trees.names
