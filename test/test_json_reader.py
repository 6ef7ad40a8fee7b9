# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The one reader of JSON: what it refuses and where, what it still reads, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
import json
import threading
import time

from fixtures.cpu import cpu_time, untraced
from hypothesis import given
from hypothesis import strategies as st
import pytest

from xparo_bridge.errors import BadInput
from xparo_bridge.json_reader import (
    json_type,
    JsonError,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_FAULTS,
    MAX_ITEMS,
    read_json,
    read_leniently,
    read_object,
    TooMany,
    Unreadable,
)

NUMBERS = {
    'over 64 bits': str(2**64),
    'under 64 bits': str(-(2**63) - 1),
    'thirty digits': '1' * 30,
    'ten thousand digits': '9' * 10_000,
    'negative': '-' + '9' * 400,
    'exponent': '1e999',
    'negative exponent': '-1e999',
    'digits and a point': '9' * 400 + '.5',
    'NaN': 'NaN',
    'infinity': 'Infinity',
    'negative infinity': '-Infinity',
}


@pytest.mark.parametrize('number', NUMBERS.values(), ids=NUMBERS)
def test_a_number_that_nothing_holds_is_refused_with_its_place(number):
    with pytest.raises(JsonError, match=r'a\.b\[1\]: '):
        read_json(f'{{"a": {{"b": [1, {number}]}}}}')
    value, faults = read_leniently(f'{{"a": {{"b": [1, {number}]}}, "c": 2}}')
    assert isinstance(value['a']['b'][1], Unreadable)
    assert value['c'] == 2
    assert len(faults) == 1


@pytest.mark.parametrize('number', [2**64 - 1, -(2**63), 0, 1e308, 5e-324, -0.0])
def test_numbers_of_64_bits_are_read(number):
    assert read_json(json.dumps(number)) == number


@pytest.mark.parametrize(
    ('text', 'place'),
    [
        (b'{"a": "\xff"}', 'no UTF-8 at byte 7'),
        ('{"a": ["\\ud800"]}', 'a[0]: half a surrogate pair'),
        ('{"a": ["\ud800"]}', 'a[0]: half a surrogate pair'),
        ('{"\\uDFFF": 1}', 'half a surrogate pair'),
        ('{"a": {"k": 1, "k": 2}}', 'a: key "k" stands twice'),
        ('{"k": 1, "k": 1}', 'key "k" stands twice'),
        ('{"a": 1', 'line 1 column 8'),
        ('', 'line 1 column 1'),
        ('{"a": 1} x', 'Extra data'),
        ("{'a': 1}", 'double quotes'),
    ],
)
def test_what_is_no_sound_json_is_refused_with_its_place(text, place):
    with pytest.raises(BadInput) as refused:
        read_json(text)
    assert place in str(refused.value)
    assert isinstance(refused.value, ValueError)


def test_whole_surrogate_pairs_are_read():
    assert read_json('"\\ud83d\\ude00"') == '\U0001f600'


@pytest.mark.parametrize('depth', [MAX_DEPTH + 1, 500, 1000, 5000, 30_000])
@pytest.mark.parametrize(('opener', 'closer'), [('[', ']'), ('{"a":', '}')])
def test_nesting_is_bounded(depth, opener, closer):
    deep = opener * depth + '1' + closer * depth
    with pytest.raises(JsonError, match='nested over 64 levels'):
        read_json(deep)
    value, faults = read_leniently(f'{{"deep": {deep}, "command": "stop"}}')
    assert value['command'] == 'stop'
    assert len(faults) == 1
    assert 'nested over 64 levels' in faults[0]


def test_nesting_up_to_the_bound_is_read_and_brackets_in_texts_do_not_count():
    assert read_json('[' * MAX_DEPTH + ']' * MAX_DEPTH)
    assert read_json(json.dumps('[' * 100_000)) == '[' * 100_000
    assert read_json(json.dumps('{",' * 100_000)) == '{",' * 100_000


@pytest.mark.parametrize('text', ['[' + '0,' * MAX_ITEMS + '0]', '[' * (MAX_ITEMS + 1)])
def test_values_are_bounded_in_number(text):
    with pytest.raises(JsonError, match=f'over {MAX_ITEMS} values'):
        read_json(text)


MANY = {
    'numbers': '[' + '0,' * 40_000 + '0]',
    'texts': '[' + '"a",' * 100_000 + '"a"]',
    'members': '{' + ','.join(f'"k{n}":1' for n in range(34_000)) + '}',
    'objects': '[' + '{},' * 40_000 + '{}]',
    'lists of lists': '[' + ','.join(['[' + '1,' * 500 + '1]'] * 80) + ']',
    'levels': '[' * 40_000 + ']' * 40_000,
    'objects as levels': '{"a":' * 40_000 + '1' + '}' * 40_000,
    'levels and numbers': '[' + '0,' * 40_000 + '[' * 500 + ']' * 500 + ']',
    'not a number': '[' + 'NaN,' * 40_000 + '1e999]',
    'digits': '[' + '0,' * 40_000 + '9' * 9_000 + ']',
    'halves of pairs': '[' + '"\\ud800",' * 40_000 + '"\ud800"]',
}


@pytest.mark.parametrize('many', MANY.values(), ids=MANY)
@pytest.mark.parametrize(
    'text',
    [
        '{"data": {"command": "stop", "parameters": %s}}',
        '{"data": {"parameters": %s, "command": "stop", "id": 7}}',
        '{"data": {"command": "stop", "parameters": {"x": [%s]}}, "z": %s}',
        '{"z": %s, "data": {"command": "stop"}}',
    ],
)
def test_of_too_many_values_the_first_levels_are_read(text, many):
    text = text.replace('%s', many)
    with pytest.raises(JsonError):
        read_json(text)
    value, faults = read_leniently(text, max_mended=MAX_BYTES)
    assert value['data']['command'] == 'stop'
    assert value['data'].get('id', 7) == 7
    assert faults[0] == f'over {MAX_ITEMS} values in one JSON text'
    assert len(faults) <= MAX_FAULTS


def test_an_object_with_too_many_members_is_read_on_the_first_levels():
    members = ','.join(f'"k{n}":[{n}]' for n in range(40_000))
    for text in ('{%s,"data":{"command":"stop"}}', '{"data":{%s,"command":"stop"}}'):
        value, _ = read_leniently(text.replace('%s', members), max_mended=MAX_BYTES)
        assert value['data']['command'] == 'stop'
    value, _ = read_leniently('{"names": [%s "stop"]}' % ('"a",' * 40_000))
    assert isinstance(value['names'], TooMany)
    assert value['names'].part[-1] == 'stop'


def test_of_a_huge_text_with_too_many_values_nothing_is_read():
    text = '{"data": {"command": "stop", "parameters": [%s 0]}}' % ('0,' * (1 << 20))
    with pytest.raises(JsonError, match=f'over {MAX_ITEMS} values'):
        read_leniently(text)
    assert read_leniently(text, max_mended=1 << 22)[0]['data']['command'] == 'stop'


def test_bytes_are_bounded():
    with pytest.raises(JsonError, match='expected at most 10'):
        read_json('"0123456789"', max_bytes=10)


@pytest.mark.parametrize('text', ['[]', '1', 'null', '"a"', 'true', '1.5'])
def test_an_object_is_asked_for_by_its_name(text):
    with pytest.raises(JsonError, match='expected a JSON object, not '):
        read_object(text)
    assert json_type(json.loads(text)) in {
        'a list',
        'a whole number',
        'null',
        'a string',
        'a boolean',
        'a number',
    }


# Texts that made readers of this kind take time without bound.
MEGABYTE = 1 << 20
SLOW = {
    'escaped quotes, never closed': '"' + '\\"' * (MEGABYTE // 2),
    'quotes': '"' * MEGABYTE,
    'backslashes': '"' + '\\' * MEGABYTE,
    'commas': ',' * MEGABYTE,
    'openers': '[{' * (MEGABYTE // 2),
    'digits': '9' * MEGABYTE,
    'half pairs': '"' + '\\ud800' * (MEGABYTE // 6) + '"',
    'texts full of commas': json.dumps([',' * 1000] * (MEGABYTE // 1010)),
    'keys that stand twice': '{' + '"a":1,' * (MAX_ITEMS - 10) + '"a":1}',
    'empty objects': '[' + '{},' * (MAX_ITEMS // 2 - 10) + '{}]',
    'long keys': '{"' + 'k' * MEGABYTE + '": NaN}',
    'deep ones in a row': '[' + ('[' * 70 + ']' * 70 + ',') * 400 + '1]',
}


@pytest.mark.parametrize('text', SLOW.values(), ids=SLOW)
@pytest.mark.parametrize('read', [read_json, read_leniently])
def test_reading_takes_linear_time_and_errors_are_short(text, read):
    def try_it():
        try:
            read(text)
        except JsonError as error:
            assert len(str(error)) < 300

    assert cpu_time(try_it, 0.05, tries=5) < 0.1  # 20 to 50 ms, and others share the core's caches


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    )
)
def test_what_json_writes_is_read_as_it_was(value):
    assert read_json(json.dumps(value)) == value
    assert read_leniently(json.dumps(value, ensure_ascii=False).encode()) == (value, [])


DEEP = ('{"' + 'k' * 300 + '":') * 60
COSTLY = {
    'empty lists far down': DEEP + '[' + ','.join(['[]'] * 16_000) + ',1e999]' + '}' * 60,
    'long keys far down': DEEP
    + '{'
    + ','.join(f'"{"k" * 300}{n}":1' for n in range(16_000))
    + ',"x":NaN}'
    + '}' * 60,
    'nothing but faults': '[' + ','.join(['1e999'] * 32_000) + ']',
    'keys twice everywhere': '[' + ','.join(['{"a":1,"a":2}'] * 8_000) + ']',
    'halves of pairs far down': DEEP + '[' + ','.join(['"\\ud800"'] * 30_000) + ']' + '}' * 60,
    'half a pair beside many': '[' + ','.join(['"a"'] * 30_000) + ',"\\ud800"]',
    'parts too deep': '[' + ','.join(['[' * 65 + ']' * 65] * 450) + ']',
    'openers alone': '[' * 16_000 + ']' * 16_000,
    'numbers too long': '[' + ','.join(['9' * 1000] * 1000) + ']',
    'too many numbers': '[' + '1.5,' * 60_000 + '1]',
    'too many members': '{' + ','.join(f'"k{n}":0' for n in range(24_000)) + '}',
    'too many levels': '[' * 130_000 + ']' * 130_000,
    'commas in a string': '["' + ',' * 1_000_000 + '"]',
}


@pytest.mark.parametrize('what', COSTLY)
def test_what_is_wrong_costs_no_more_than_what_is_right(what):
    """No text within the bounds keeps a thread for 50 ms; twice that here, for a busy machine."""
    times = []
    for _ in range(3):
        began = time.thread_time()
        try:
            _, faults = read_leniently(COSTLY[what])
            assert len(faults) <= MAX_FAULTS
        except JsonError as error:
            assert len(str(error)) < 500
        times.append(time.thread_time() - began)
    assert min(times) < 0.1


def test_what_is_right_is_read_beside_any_number_of_faults():
    wrong = ','.join(['1e999', '"\\ud800"', '{"a":1,"a":2}'] * 3_000)
    value, faults = read_leniently(f'{{"wrong":[{wrong}],"command":"stop"}}')
    assert value['command'] == 'stop'
    assert len(faults) == MAX_FAULTS
    assert isinstance(value['wrong'][-3], Unreadable)
    assert value['wrong'][-2] == '\ufffd'
    with pytest.raises(JsonError):
        read_json(f'{{"wrong":[{wrong}]}}')


# As large as a link takes a frame by default, of the parts that cost the most.
FRAMES = {
    part: '{"data":{"command":"stop","parameters":['
    + ','.join([part] * ((1 << 22) // (len(part) + 1)))
    + ']}}'
    for part in ('[]', '1', '{"a":1}', '"x"', '"\\ud800"', '[[]]', '{"a":[1,2]}', 'null')
}


def longest_hold(work: Callable[[], object]) -> float:
    """Return how long work keeps another thread from running, at most, s of its processor time."""
    begin, done, end = (threading.Event() for _ in range(3))

    def run() -> None:
        begin.wait()
        work()
        done.set()
        end.wait()  # The clock of a thread that has ended is another's.

    with untraced():
        worker = threading.Thread(target=run)
        worker.start()
        clock, longest = time.pthread_getcpuclockid(worker.ident), 0.0
        last = time.clock_gettime(clock)
        begin.set()
        ended = False
        while not ended:
            ended = done.wait(0.001)
            now = time.clock_gettime(clock)
            longest, last = max(longest, now - last), now
        end.set()
        worker.join()
    return longest


@pytest.mark.parametrize('max_mended', [0, MAX_BYTES])
@pytest.mark.parametrize('part', FRAMES)
def test_no_frame_keeps_the_interpreter_from_the_thread_that_stops_the_robot(part, max_mended):
    """Each lets another thread run every 50 ms; twice that here, for a busy machine."""

    def read():
        with suppress(JsonError):
            read_leniently(FRAMES[part], max_mended=max_mended)

    assert min(longest_hold(read) for _ in range(3)) < 0.1
