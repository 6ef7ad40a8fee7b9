# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Are numbers of command lines finite, and within what they are for."""

from __future__ import annotations

import ast
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[1]
# Options that have `int` itself: none is compared with anything, or its own program looks at it.
WHOLE = {'--seed', '--since', '--min-free', '--version', '--most-of-a-site'}


def arguments():
    """Each call of add_argument in the package: its first name, and the name of its type."""
    for path in sorted((ROOT / 'xparo_bridge').rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text('utf-8'))):
            if isinstance(node, ast.Call) and getattr(node.func, 'attr', '') == 'add_argument':
                kinds = [word.value for word in node.keywords if word.arg == 'type']
                if kinds and isinstance(kinds[0], ast.Name):
                    yield path.relative_to(ROOT), ast.literal_eval(node.args[0]), kinds[0].id


def test_no_option_takes_any_number():
    found = list(arguments())
    assert ('--linear', 'positive') in {(name, kind) for _, name, kind in found}
    assert [each for each in found if each[2] == 'float'] == []
    assert {name for _, name, kind in found if kind == 'int'} <= WHOLE


@pytest.mark.parametrize('number', ['nan', 'inf', '-1', '0', 'fast'])
@pytest.mark.parametrize(
    ('command', 'option'),
    [
        (('local_platform', 'teleop'), '--linear'),
        (('scenario', '--in', 'robot', 'a.yaml'), '--max-speed'),
        (('demo',), '--speed'),
    ],
)
def test_a_speed_that_is_none_is_refused_in_words(command, option, number):
    result = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', *command, f'{option}={number}'],
        capture_output=True,
        text=True,
        timeout=60.0,
    )
    assert result.returncode == 2
    last = result.stderr.splitlines()[-1]
    assert f'argument {option}: expected a number' in last
    assert last.endswith(f'not {number}')


@pytest.mark.parametrize('number', ['-1', '65536', '8_0', 'http'])
def test_a_port_that_is_none_is_refused_in_words(number):
    result = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', 'local_platform', 'robots', f'--port={number}'],
        capture_output=True,
        text=True,
        timeout=60.0,
    )
    assert result.returncode == 2
    assert f'expected a TCP port, 0 to 65535, not {number}' in result.stderr
