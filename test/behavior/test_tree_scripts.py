# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do scripts mean what they say, fail as they should, and stay within bounds."""

import math
import time

import pytest

from xparo_bridge.behavior import Blackboard, ScriptError
from xparo_bridge.behavior.ports import DOUBLE, INT
from xparo_bridge.behavior.script import compile_script, parse_script


def run(text: str, **entries):
    board = Blackboard()
    for key, value in entries.items():
        board.set(key, value)
    return compile_script(text, board, {'RED': 1})()


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('1 + 2 * 3', 7.0),
        ('7 - 2 - 1', 4.0),
        ('-2 * 3', -6.0),
        ('1 < 2 < 3', 1.0),
        ('3 > 2 > 2', 0.0),
        ("'10' == 10", 1.0),
        ('RED == 1', 1.0),
        ("1 .. 'y'", '1y'),
        ("'a' + 'b'", 'ab'),
        ('0 ? 2 : 1 ? 3 : 4', 3),
        ('0x1F', 31),
        ('a := b := 3; a', 3),
        ('a := 1 b := 2', 2),
    ],
)
def test_an_expression_has_the_value_of_the_reference(text, value):
    assert run(text) == value


def test_division_by_zero_gives_infinity_or_no_number():
    assert run('1 / 0') == math.inf
    assert run('-1 / 0') == -math.inf
    assert math.isnan(run('0 / 0'))


@pytest.mark.parametrize(
    'text',
    ['', ';', 'a :=', '(a', 'a ? 1', '"abc"', 'a % 2', '1.', '//', '1e400', "'open", 'a.b', '3x'],
)
def test_a_malformed_script_does_not_parse(text):
    with pytest.raises(ScriptError):
        parse_script(text)


@pytest.mark.parametrize(
    'text',
    ['x', 'x = 3', '3 := 4', "-'a'", "!'a'", '2 && 1', "a := 1; a = 'b'", 'a := 1; a = 1.5'],
)
def test_a_script_that_cannot_be_carried_out_says_where(text):
    with pytest.raises(ScriptError) as caught:
        run(text)
    assert text in str(caught.value)


def test_an_error_of_syntax_names_the_place():
    with pytest.raises(ScriptError, match='position 8'):
        parse_script('a := 1 ) b')


def test_the_first_assignment_fixes_the_type():
    board = Blackboard()
    compile_script('a := 1', board, {})()
    with pytest.raises(ScriptError):
        compile_script("a := 'text'", board, {})()
    assert board.get('a') == 1


def test_an_entry_of_a_port_keeps_the_type_of_the_port():
    board = Blackboard()
    board.set('n', 1, INT)
    board.set('d', 1.0, DOUBLE)
    compile_script("n := '12'; d := 3", board, {})()
    assert board.snapshot() == {'n': 12, 'd': 3.0}


def test_a_failed_right_side_still_makes_the_entry():
    board = Blackboard()
    with pytest.raises(ScriptError):
        compile_script('a := missing', board, {})()
    assert board.snapshot() == {'a': None}


def test_all_operands_are_evaluated():
    board = Blackboard()
    compile_script('0 && (b := 1) == 1', board, {})()
    assert board.get('b') == 1


def test_a_text_cannot_be_doubled_without_end():
    text = "s := 'aaaaaaaaaa'; " + 's += s; ' * 100
    with pytest.raises(ScriptError, match='grow'):
        run(text)


@pytest.mark.parametrize('text', ['(' * 5000, '-' * 5000 + '1', '1' + '+1' * 5000, '1?' * 5000])
def test_deep_nesting_is_refused_in_time(text):
    start = time.monotonic()
    with pytest.raises(ScriptError):
        run(text)
    assert time.monotonic() - start < 1


def test_a_long_script_of_short_statements_runs():
    assert run('a := 0; ' + 'a += 1; ' * 2000 + 'a') == 2000


def test_huge_literals_are_cheap():
    start = time.monotonic()
    assert run('9' * 100_000) == 0
    with pytest.raises(ScriptError):
        run('1' + '0' * 100_000 + '.0')
    assert time.monotonic() - start < 1
