# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Are values of command lines refused in words where nothing can be done with them."""

from __future__ import annotations

import ast
from pathlib import Path
import subprocess
import sys

import pytest

from xparo_bridge.argument_types import host
from xparo_bridge.rollout.source import layered

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


def refused(*command: str) -> str:
    """Run a program that refuses its command line; what it says."""
    result = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', *command],
        capture_output=True,
        text=True,
        timeout=60.0,
    )
    assert result.returncode == 2
    return result.stderr


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
    last = refused(*command, f'{option}={number}').splitlines()[-1]
    assert f'argument {option}: expected a number' in last
    assert last.endswith(f'not {number}')


@pytest.mark.parametrize('number', ['-1', '65536', '8_0', 'http'])
def test_a_port_that_is_none_is_refused_in_words(number):
    said = refused('local_platform', 'robots', f'--port={number}')
    assert f'expected a TCP port, 0 to 65535, not {number}' in said


PLATFORM = ('local_platform', 'send', 'dock')


@pytest.mark.parametrize(
    ('command', 'said'),
    [
        (('local_platform', 'send', b'\xff'), 'expected text in UTF-8'),
        ((*PLATFORM, b'--robot=\xff'), 'expected text in UTF-8'),
        ((*PLATFORM, b'--goal=\xff'), 'expected text in UTF-8'),
        ((*PLATFORM, b'--secret-key=\xff'), 'expected text in UTF-8'),
        (('doctor', b'\xff'), 'expected text in UTF-8'),
        (('config', 'check', 'a' * 5000), 'File name too long: aaaaa'),
        (('config', 'test', 'a' * 5000), 'File name too long: aaaaa'),
        (('config', 'explain', 'a.yaml', f'--folder={"a" * 5000}'), 'File name too long: aaaaa'),
        (('config', 'apply', 'a' * 5000), 'File name too long: aaaaa'),
        (('config', 'pull', 'a' * 5000), 'File name too long: aaaaa'),
        (('doctor', '--config', 'a' * 5000), 'no folder aaaaa'),
        (('bridge', '--check', b'\xff'), 'expected text in UTF-8'),
        ((*PLATFORM, '--host='), "expected an address or a host's name, not none"),
        ((*PLATFORM, '--host=..'), "expected an address or a host's name"),
        ((*PLATFORM, '--host=https://['), "expected an address or a host's name"),
        ((*PLATFORM, f'--host={"a" * 5000}'), "expected an address or a host's name"),
        (('console', '--host=a b'), "expected an address or a host's name"),
        (('console', '--platform=a'), 'expected HOST:PORT, not a'),
        (('console', '--platform=http://a:80'), 'expected HOST:PORT'),
        (('console', '--platform=a b:80'), "expected an address or a host's name, not a b"),
        (('console', '--platform=[::1]:99999'), 'expected a TCP port'),
        ((*PLATFORM, '--parameters=5'), 'expected a JSON object, not 5'),
        ((*PLATFORM, '--parameters=null'), 'expected a JSON object, not null'),
        ((*PLATFORM, '--parameters={"a": NaN}'), 'NaN'),
        (('doctor', '--timeout=1e308'), 'expected a number above 0 and up to 1e+09'),
        ((*PLATFORM, '--port=\x1b[31m'), 'not \\x1b[31m'),
        ((*PLATFORM, f'--port={"x" * 100_000}'), 'expected a TCP port'),
    ],
    ids=str,
)
def test_what_nothing_can_be_done_with_is_refused_in_a_sentence(command, said):
    result = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', *command], capture_output=True, timeout=60.0
    )
    printed = (result.stdout + result.stderr).decode()
    assert said in printed.splitlines()[-1]
    assert len(printed) < 8000 and '\x1b' not in printed
    assert result.returncode == 2


def test_no_program_reads_its_command_line_by_another_parser():
    calls = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / 'xparo_bridge').rglob('*.py'))
        for node in ast.walk(ast.parse(path.read_text('utf-8')))
        if isinstance(node, ast.Call) and getattr(node.func, 'attr', '') == 'ArgumentParser'
    ]
    assert calls == []


@pytest.mark.parametrize('name', ['nobody.yaml' * 500, '~nobody-at-all/x.yaml'])
def test_a_file_that_cannot_be_is_not_there(name):
    assert layered([name])[-1] == name


@pytest.mark.parametrize('text', ['127.0.0.1', '::1', 'fe80::1%eth0', 'robot-7.local', 'höhle'])
def test_a_host_is_an_address_or_a_name(text):
    assert host(text) == text


@pytest.mark.skipif(sys.version_info >= (3, 13), reason='Python refuses it by itself')
@pytest.mark.parametrize(
    ('command', 'option'),
    [
        *((PLATFORM, option) for option in ('--port', '--robot', '--parameters', '--timeout')),
        (('local_platform', 'watch'), '--only'),
        (('check_tree', 'a.xml'), '--enum'),
        (('check_tree', 'a.xml'), '--config'),
    ],
)
def test_two_dashes_are_no_value(command, option):
    assert f'argument {option}: expected one argument' in refused(*command, f'{option}=--')
