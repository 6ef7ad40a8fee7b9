# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The one writer of JSON: whatever a robot gives, what it writes can be read again."""

from __future__ import annotations

from enum import Enum
import json
import math
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from xparo_bridge import json_writer
from xparo_bridge.json_reader import read_own, read_written
from xparo_bridge.json_writer import dumps, dumps_any


class Colour(Enum):
    """Something that JSON has no form for."""

    RED = 1


class Unspeakable:
    """Cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError('no text')


def nested(levels: int) -> list:
    value: list = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.fixture(params=['with orjson', 'without orjson'], autouse=True)
def fast(request, monkeypatch):
    """Run each test with and without the faster library, which a robot may lack."""
    if request.param == 'without orjson':
        monkeypatch.setattr(json_writer, 'orjson', None)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=10)
    | st.just('\ud800')
    | st.binary(max_size=5)
    | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(
            st.text(st.characters(), max_size=4) | st.just('\udfff'), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_can_be_read(value):
    text = dumps(value)
    assert read_own(text) == read_own(dumps_any(value)) == read_written(text)


@pytest.mark.parametrize(
    ('value', 'read'),
    [
        (math.nan, None),
        ([1.5, -math.inf], [1.5, None]),
        ({'a': 2**64}, {'a': None}),
        ({'a': [10**400, 2**64 - 1, -(2**63)]}, {'a': [None, 2**64 - 1, -(2**63)]}),
        ('a\ud800b', 'a\ufffdb'),
        ({'\udc00': 1}, {'\ufffd': 1}),
        (b'\x00\xff', 'AP8='),
        (np.array([1.0, np.nan]), [1.0, None]),
        (np.float64(2.5), 2.5),
        (MappingProxyType({'a': 1}), {'a': 1}),
        ({1: 'a', None: 'b', False: 'c'}, {'1': 'a', 'null': 'b', 'false': 'c'}),
        ((1, (2,)), [1, [2]]),
    ],
)
def test_what_json_cannot_hold_is_replaced(value, read):
    assert read_own(dumps(value)) == read


@pytest.mark.parametrize('levels', [10, 199, 255, 900, 100_000])
def test_what_is_nested_too_deeply_is_cut(levels):
    read = read_own(dumps(nested(levels)))
    depth = 0
    while read:
        [read] = read
        depth += 1
    assert depth >= min(levels, json_writer.MAX_DEPTH - 1)


@pytest.mark.parametrize('value', [Colour.RED, {'a': Unspeakable()}, {(1, 2): 3}])
def test_what_has_no_form_is_refused_or_written_as_its_text(value):
    if not isinstance(value, Colour):  # orjson takes enumerations by their values.
        with pytest.raises(TypeError):
            dumps(value)
    read_own(dumps_any(value))


def test_what_holds_itself_is_refused():
    value: list = []
    value += [value, value]
    with pytest.raises(TypeError, match='itself'):
        dumps(value)
    assert 'itself' in json.loads(dumps_any(value))
