# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The tool that changes single lines: which changes it finds, and what it says of them."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

import pytest

from tools.mutants import changes_of, CLEAN_UP, nearest, Result, ROOMS, ROOT, sample, score

PROGRAM = ROOT / 'tools' / 'mutants.py'


def changes(tmp_path: Path, text: str) -> dict[str, list[tuple[str, str]]]:
    (tmp_path / 'a.py').write_text(text)
    found: dict[str, list[tuple[str, str]]] = {}
    for change in changes_of(tmp_path / 'a.py', tmp_path):
        found.setdefault(change.kind, []).append((change.old, change.new))
    return found


@pytest.mark.parametrize(
    ('text', 'kind', 'old', 'new'),
    [
        ('a < b', 'comparison', 'a < b', '(a <= b)'),
        ('a is None', 'is or in', 'a is None', '(a is not None)'),
        ('a not in b', 'is or in', 'a not in b', '(a in b)'),
        ('a and b or c', 'and, or', 'a and b or c', '((a and b) and (c))'),
        ('if a: b()', 'condition negated', 'a', '(not (a))'),
        ('while a: b()', 'condition negated', 'a', '(not (a))'),
        ('a = not b', 'not removed', 'not b', '(b)'),
        ('a = 7', 'off by one', '7', '(7 + 1)'),
        ('a = True', 'flag', 'True', 'False'),
        ('a = min(b)', 'min, max', 'min', 'max'),
        ('self.hear(a)', 'call dropped', 'self.hear(a)', 'pass'),
        ('self._socket.close()', 'clean-up dropped', 'self._socket.close()', 'pass'),
        ('try: a()\nexcept OSError: b()', 'except dropped', 'OSError', '()'),
        ('def f():\n    return a', 'return value', 'a', 'None'),
        ("'ü'; a < b", 'comparison', 'a < b', '(a <= b)'),
    ],
)
def test_a_change_is_found(tmp_path, text, kind, old, new):
    assert (old, new) in changes(tmp_path, text)[kind]


@pytest.mark.parametrize(
    'text',
    [
        '"""What it does: 1."""',
        'self._logger.info(a)',
        'a = 1024',
        'def f() -> None:\n    return None',
        'if TYPE_CHECKING:\n    import a',
        'def f(a: int | None): ...',
        "a = f'{b} is {c < d}'",
    ],
)
def test_what_nobody_could_notice_is_left_alone(tmp_path, text):
    assert changes(tmp_path, text) == {}


def test_each_change_of_the_critical_rooms_is_one_of_the_text(tmp_path):
    files = [file for patterns in ROOMS.values() for file in ROOT.glob(patterns[0])]
    assert len(files) > 50
    file = ROOT / 'xparo_bridge' / 'link' / 'lanes.py'
    text = file.read_text()
    found = changes_of(file)
    assert len(found) > 50
    for change in found:
        changed = change.apply(text)
        assert changed != text
        assert len(changed) - len(text) == len(change.new) - len(change.old)


def test_rare_kinds_are_as_many_as_others_and_the_sample_is_that_of_its_seed(tmp_path):
    (tmp_path / 'a.py').write_text('\n'.join(['a < b'] * 200 + ['a.close()'] * 20))
    found = changes_of(tmp_path / 'a.py', tmp_path)
    chosen = sample(found, 40, 'x')
    assert len(chosen) == len(set(chosen)) == 40
    assert sum(change.kind == 'clean-up dropped' for change in chosen) >= 10
    assert chosen == sample(found, 40, 'x') != sample(found, 40, 'y')


@pytest.mark.parametrize('name', ['close', 'destroy_node', 'cancel', 'remove_done_callback'])
def test_names_of_clean_ups(name):
    assert CLEAN_UP.fullmatch(name)


def test_the_tests_named_after_a_file_come_first():
    steps = nearest('xparo_bridge/link/lanes.py')
    assert steps[0] == ['test/link/test_lanes.py']
    assert 'test/link/test_connection.py' in sum(steps[1:], [])
    assert not any('end_to_end' in test for step in steps for test in step)
    assert 'test/end_to_end/test_life.py' in nearest('xparo_bridge/link/lanes.py', far=True)[-1]


def test_what_was_not_tried_is_in_no_score(tmp_path):
    (tmp_path / 'a.py').write_text('a < b')
    (change,) = changes_of(tmp_path / 'a.py', tmp_path)
    outcomes = ['killed', 'killed', 'killed', 'survived', 'not tried']
    assert score(Result(change, outcome) for outcome in outcomes) == 75.0


def test_the_changes_of_a_file_are_tried(tmp_path):
    done = subprocess.run(
        [sys.executable, PROGRAM, 'xparo_bridge/token_bucket.py', '--count', '2', '--shards', '1'],
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    assert 'killed by test/test_token_bucket.py::' in done.stdout
    assert 'of 2 changes' in done.stdout


@pytest.mark.parametrize(
    ('path', 'says'),
    [('xparo_bridge/__init__.py', 'nothing to change'), ('/tmp', 'of this repository')],
)
def test_where_nothing_can_be_changed_is_an_error(path, says):
    done = subprocess.run(
        [sys.executable, PROGRAM, path], capture_output=True, text=True, timeout=30, cwd=ROOT
    )
    assert done.returncode in (1, 2)
    assert says in done.stderr
