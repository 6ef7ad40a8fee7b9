# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How fields are named."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from xparo_bridge.ros.paths import Field, Index, parse_path, Path, PathError, Slice


@pytest.mark.parametrize(
    ('text', 'path'),
    [
        ('.', Path(())),
        ('data', Path((Field('data'),))),
        ('pose.pose.position.x', Path(tuple(map(Field, ('pose', 'pose', 'position', 'x'))))),
        ('ranges[10]', Path((Field('ranges'), Index(10)))),
        ('poses[-1].header', Path((Field('poses'), Index(-1), Field('header')))),
        ('ranges[0:360:10]', Path((Field('ranges'), Slice(0, 360, 10)))),
        ('ranges[ : 5 ]', Path((Field('ranges'), Slice(None, 5, None)))),
        ('status[:].name', Path((Field('status'), Slice(None, None, None), Field('name')))),
        (' min( ranges[::2] ) ', Path((Field('ranges'), Slice(None, None, 2)), 'min')),
        ('count(.)', Path((), 'count')),
    ],
)
def test_what_a_path_means(text, path):
    assert parse_path(text) == path
    assert parse_path(str(path)) == path


@pytest.mark.parametrize(
    'text',
    [
        '',
        ' ',
        'a..b',
        '.a',
        'a.',
        'a[',
        'a]',
        'a[]',
        'a[x]',
        'a[1:2:3:4]',
        'a[1]b',
        'a b',
        'a[::0]',
        'min()',
        'min(a',
        'min a)',
        'median(a)',
        'min(max(a))',
        '__import__("os")',
        'a; b',
        'a[1e3]',
        '1a',
        'a-b',
        'a._b',
        'a[99999999999]',
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(PathError):
        parse_path(text)


def test_an_unknown_function_is_answered_with_the_known_ones():
    with pytest.raises(PathError, match='no function "median"; there are min, max, mean'):
        parse_path('median(ranges)')


@given(st.text())
def test_no_text_does_anything_but_parse_or_fail(text):
    try:
        parse_path(text)
    except PathError:
        pass
