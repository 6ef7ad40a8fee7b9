# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does an entry keep its type, and is it found where it was remapped to."""

import pytest

from xparo_bridge.behavior import Blackboard, BlackboardError, ConversionError
from xparo_bridge.behavior.ports import BOOL, DOUBLE, INT, INT64, STRING, type_named, UINT
from xparo_bridge.behavior.values import parse_integer, parse_real, to_bool, to_double, to_integer


def test_a_value_written_is_read_back():
    board = Blackboard()
    board.set('a', 5)
    assert board.get('a') == 5
    assert board.get('b') is None
    assert board.get('b', 7) == 7


def test_a_number_may_not_lose_anything():
    board = Blackboard()
    board.set('n', 1, INT)
    board.set('n', 2.0)
    assert board.get('n') == 2
    with pytest.raises(BlackboardError):
        board.set('n', 2.5)
    with pytest.raises(BlackboardError):
        board.set('n', 2**40, INT64)


def test_text_is_converted_to_the_type_of_the_entry():
    board = Blackboard()
    board.set('d', 1.0, DOUBLE)
    board.set('d', '2.5')
    assert board.get('d') == 2.5
    with pytest.raises(ConversionError):
        board.set('d', 'no number')


def test_an_entry_made_with_text_takes_its_type_from_the_next_write():
    board = Blackboard()
    board.set('s', 'text')
    board.set('s', 3)
    assert board.get('s') == 3
    with pytest.raises(BlackboardError):
        board.set('s', [3])


def test_a_declared_entry_refuses_another_declaration():
    board = Blackboard()
    board.declare('a', INT)
    board.declare('a', type_named('any'))
    with pytest.raises(BlackboardError):
        board.declare('a', STRING)


def test_a_remapped_key_is_the_entry_of_the_parent():
    parent = Blackboard()
    child = Blackboard(parent)
    child.remapping['inner'] = 'outer'
    child.set('inner', 4)
    assert parent.snapshot() == {'outer': 4}
    assert child.get('inner') == 4
    assert child.snapshot() == {}


def test_private_keys_are_not_autoremapped():
    parent = Blackboard()
    child = Blackboard(parent)
    child.autoremap = True
    child.set('shared', 1)
    child.set('_private', 2)
    assert parent.snapshot() == {'shared': 1}
    assert child.snapshot() == {'_private': 2}


def test_a_key_with_an_at_sign_is_of_the_root():
    root = Blackboard()
    leaf = Blackboard(Blackboard(root))
    leaf.set('@a', 1)
    assert root.get('a') == leaf.get('@a') == 1
    with pytest.raises(BlackboardError):
        leaf.declare('@@b', INT)


def test_unset_forgets_own_entries_only():
    parent = Blackboard()
    child = Blackboard(parent)
    child.autoremap = True
    parent.set('a', 1)
    child.unset('a')
    assert parent.get('a') == 1
    parent.unset('a')
    assert parent.get('a') is None


def test_every_write_counts():
    board = Blackboard()
    board.set('a', 1)
    board.set('a', 1)
    assert board.entry('a').sequence_id == 2


def test_a_copy_does_not_share_entries():
    board = Blackboard()
    board.set('a', 1)
    twin = board.copy()
    twin.set('a', 2)
    assert (board.get('a'), twin.get('a')) == (1, 2)


@pytest.mark.parametrize(
    ('text', 'value'), [('12', 12), ('-3x', -3), ('007', 7), ('9223372036854775807', 2**63 - 1)]
)
def test_text_is_an_integer_as_far_as_it_goes(text, value):
    assert parse_integer(text) == value


@pytest.mark.parametrize('text', ['', 'x1', ' 1', '+1', '9223372036854775808', '9' * 10_000])
def test_text_that_does_not_begin_with_a_64_bit_integer_is_none(text):
    with pytest.raises(ConversionError):
        parse_integer(text)


@pytest.mark.parametrize(
    ('text', 'value'), [('1.5', 1.5), ('.5', 0.5), ('1e3x', 1e3), ('-0', 0.0)]
)
def test_text_is_a_real_number_as_far_as_it_goes(text, value):
    assert parse_real(text) == value


@pytest.mark.parametrize('text', ['', 'e1', '+1', '1e400', '1e-400', '-'])
def test_text_that_does_not_begin_with_a_double_is_none(text):
    with pytest.raises(ConversionError):
        parse_real(text)


def test_large_integers_are_not_made_doubles():
    assert to_double(2**53 - 1) == 2.0**53 - 1
    with pytest.raises(ConversionError):
        to_double(2**53)
    with pytest.raises(ConversionError):
        to_integer(float('inf'))
    with pytest.raises(ConversionError):
        to_integer(float('nan'))


def test_truth_values_are_zero_one_and_positive_floats():
    assert to_bool(0.5) is True
    assert to_bool(1) is True
    for value in (2, -1, -0.5, 'true', None):
        with pytest.raises(ConversionError):
            to_bool(value)


@pytest.mark.parametrize(
    ('port_type', 'good', 'bad'),
    [(INT, '-5', '99999999999'), (UINT, '5', '-5'), (BOOL, 'True', 'yes'), (DOUBLE, '1', 'one')],
)
def test_a_type_reads_its_literals(port_type, good, bad):
    port_type.read(good)
    with pytest.raises(ConversionError):
        port_type.read(bad)


def test_lists_are_read_from_semicolons_or_json():
    numbers = type_named('std::vector<int>')
    assert numbers.read('1;2;3') == numbers.read('json:[1,2,3]') == [1, 2, 3]
    with pytest.raises(ConversionError):
        numbers.read('json:{')


@pytest.mark.parametrize(
    ('name', 'same'),
    [('str', 'std::string'), ('uint16_t', 'uint16'), ('vector<int>', 'std::vector<int>')],
)
def test_a_type_has_the_names_of_both_languages(name, same):
    assert type_named(name) == type_named(same)
