# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The one reader of YAML: what it refuses, with the line, and that its time is bounded."""

from __future__ import annotations

import time

import pytest
import yaml

from xparo_bridge.yaml_reader import MAX_BYTES, MAX_DEPTH, read_yaml, YamlError

LAUGHS = 'a0: &a0 [x, x]\n' + ''.join(
    f'a{number}: &a{number} [*a{number - 1}, *a{number - 1}]\n' for number in range(1, 60)
)
REFUSED = {
    'aliases that double': LAUGHS,
    'an alias that holds itself': 'a: &a [*a]',
    'a map that holds itself': '&a {k: *a}',
    'deep lists': '[' * 5_000 + ']' * 5_000,
    'deep maps': ''.join(f'{" " * level}k:\n' for level in range(MAX_DEPTH + 1)),
    'lists one too deep': '[' * (MAX_DEPTH + 1) + ']' * (MAX_DEPTH + 1),
    'never closed': '[' * 100_000,
    'deep lists in one line': '- ' * 100_000,
    'deep maps in one line': '{a: ' * 50_000,
    'deep keys': '? ' * 50_000,
    'an object': 'a: !!python/object/apply:os.system ["true"]',
    'a number over 64 bits': f'a: {2**64}',
    'a number of 5,000 digits': 'a: ' + '9' * 5_000,
    'a negative number': f'a: {-(2**63) - 1}',
    'infinity': 'a: .inf',
    'not a number': 'a: [1, .nan]',
    'a float beyond floats': 'a: 1.0e+999',
    'a tag that lies': 'a: !!int x',
    'no UTF-8': b'a: \xff\xfe\xff',
    'a control character': 'a: \x00',
    'too large': ' ' * (MAX_BYTES + 1),
    'half a pair': 'a: "\ud800"',
}


@pytest.mark.parametrize('loader', [yaml.SafeLoader, getattr(yaml, 'CSafeLoader', None)])
@pytest.mark.parametrize('what', REFUSED)
def test_what_is_not_sound_is_refused_in_time(what, loader):
    if loader is None:
        pytest.skip('this PyYAML has no libyaml')
    began = time.monotonic()
    with pytest.raises(YamlError):
        read_yaml(REFUSED[what], loader)
    assert time.monotonic() - began < 5.0


def test_the_line_is_named():
    with pytest.raises(YamlError) as refused:
        read_yaml('a: 1\nb: [1, 2\nc: 3\n')
    assert refused.value.line == 3
    with pytest.raises(YamlError, match='^line 2: 999'):
        read_yaml('a: 1\nb: 99999999999999999999\n')


def test_plain_values_are_read():
    assert read_yaml('a: &x [1, 2.5, yes, "é", ~]\nb: *x\n') == {
        key: [1, 2.5, True, 'é', None] for key in ('a', 'b')
    }
    assert read_yaml('') is None
    deepest = '[' * MAX_DEPTH + ']' * MAX_DEPTH
    assert read_yaml(deepest) is not None
    assert read_yaml('a: 010', yaml.BaseLoader) == {'a': '010'}
