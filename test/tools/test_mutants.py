# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The tool that changes single lines: which changes it finds, and what it says of them."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys
import time

import psutil
import pytest

from tools.mutants.changes import changes_of, CLEAN_UP, files_of, ROOMS, ROOT, sample, tried
from tools.mutants.nearest import Map, nearest
from tools.mutants.trial import Result, Results, score, Shard

PROGRAM = (sys.executable, '-m', 'tools.mutants')


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
        '@dataclass(frozen=True, slots=True)\nclass A:\n    a: int',
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
    chosen = sample(found, 40, 'x', tmp_path)
    assert len(chosen) == len(set(chosen)) == 40
    assert sum(change.kind == 'clean-up dropped' for change in chosen) >= 10
    assert chosen == sample(found, 40, 'x', tmp_path) != sample(found, 40, 'y', tmp_path)


def test_a_seed_chooses_the_same_after_other_lines_were_rewritten(tmp_path):
    lines = [f'a{number} < b' for number in range(200)]

    def chosen() -> set[str]:
        (tmp_path / 'a.py').write_text('\n'.join(lines))
        return {
            change.line
            for change in sample(changes_of(tmp_path / 'a.py', tmp_path), 40, 'x', tmp_path)
        }

    before = chosen()
    rewritten = min(set(lines) - before)
    lines[lines.index(rewritten)] = 'c()\n\nd()'
    assert len(chosen() & before) >= 38  # The new two may be chosen in place of some.


def test_those_that_were_tried_first_are_found_again():
    there = tried([change for file in files_of([]) for change in changes_of(file)])
    # If not so, the list speaks of code that is gone, and has to be made anew.
    assert len(there) > 200
    assert len(set(there)) == len(there)


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


def test_few_tests_are_near_and_a_file_of_which_none_speaks_has_those_of_its_users():
    for file in ('xparo_bridge/link/__init__.py', 'xparo_bridge/robot/commands/late_cancels.py'):
        *few, room = nearest(file)
        assert few
        assert all(0 < len(step) <= 8 for step in few)
        assert 0 < len(room) < 80


def test_what_only_data_speaks_of_is_tried_by_its_room():
    near = sum(nearest('xparo_bridge/link/protocols/dispatch_writers.py'), [])
    assert 'test/link/protocols/test_vectors.py' in near


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, timeout=110, cwd=ROOT
    )


def test_the_changes_of_a_file_are_tried_kept_and_gone_on_with(tmp_path):
    kept = tmp_path / 'results.jsonl'
    options = ('xparo_bridge/token_bucket.py', '--results', str(kept), '--count')
    done = program(*options, '2')
    assert done.returncode == 0, done.stderr
    assert 'killed by test/test_token_bucket.py::' in done.stdout
    assert 'of 2 changes' in done.stdout
    assert len(Results(kept).read()) == 2
    more = program(*options, '2', '--resume')
    assert 'of 2 changes' in more.stdout
    assert 'killed by' not in more.stdout


TEST = """
import subprocess, sys, time
from xparo_bridge.a import less

def test_quick():
    assert not less(2, 1)

def test_that_leaves_a_process():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(99)"], start_new_session=True)
    assert less(1, 2)

def test_elsewhere():
    pass

def test_that_fails_without_a_change():
    assert less(1, 1)
"""


@pytest.fixture
def shard(tmp_path):
    """A tree of one file and its test."""

    class Small(Shard):
        def _copy(self) -> None:
            for name, text in (
                ('xparo_bridge/__init__.py', ''),
                ('xparo_bridge/a.py', 'def less(a, b):\n    return a < b\n'),
                ('test/test_a.py', TEST),
                (
                    'test/conftest.py',
                    'def pytest_addoption(parser):\n'
                    '    parser.addoption("--whole", action="store_true")\n',
                ),
            ):
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / name).write_text(text)

    found = Small(tmp_path / 'tree', tmp_path / 'map')
    yield found
    found.close()
    assert not found.folder.exists()


def test_the_tests_that_run_a_line_are_known_and_what_they_leave_is_ended(shard):
    shard.know('test/test_a.py')
    (change,) = (
        one
        for one in changes_of(shard.folder / 'xparo_bridge/a.py', shard.folder)
        if one.kind == 'comparison'
    )
    used = shard.map.chosen(change, ['test/test_a.py'])
    names = {name.rpartition('::')[2] for name in used}
    assert names == {'test_quick', 'test_that_leaves_a_process'}
    assert not psutil.Process(shard.pid).children()
    assert Map(shard.folder.parent / 'map', shard.folder).is_of('test/test_a.py', change.file)
    (shard.folder / change.file).write_text('')
    assert not shard.map.is_of('test/test_a.py', change.file)


def test_a_line_that_only_a_program_of_the_test_runs_is_tried_by_the_test(shard, monkeypatch):
    text = """
import subprocess, sys

def test_its_program():
    assert not subprocess.call(
        [sys.executable, "-c", "from xparo_bridge.a import less; assert less(1, 2)"]
    )
"""
    (shard.folder / 'test' / 'test_a.py').write_text(text)
    change = next(
        one
        for one in changes_of(shard.folder / 'xparo_bridge/a.py', shard.folder)
        if one.kind == 'return value'
    )
    monkeypatch.setattr('tools.mutants.trial.AT_ONCE', 0.0)
    monkeypatch.setattr('tools.mutants.trial.nearest', lambda file, far: [['test/test_a.py']])
    monkeypatch.setattr('tools.mutants.trial.named_after', lambda file: ['test/test_a.py'])
    result = shard.attempt(change, far=False)
    assert (result.outcome, result.by) == ('killed', 'test/test_a.py::test_its_program')


@pytest.mark.parametrize(
    'text',
    [
        'import pytest\n@pytest.mark.skip(reason="")\ndef test_one(): pass\n',
        'import pytest\npytest.importorskip("no_such_module")\n',
    ],
)
def test_what_is_skipped_here_runs_no_line_and_ends_nothing(shard, text):
    (shard.folder / 'test' / 'test_b.py').write_text(text)
    shard.know('test/test_b.py')
    assert not any(shard.map.of('test/test_b.py')['lines'].get('xparo_bridge/a.py', {}).values())


def test_a_run_that_takes_too_long_is_ended(shard):
    (shard.folder / 'test' / 'test_b.py').write_text(
        'import time\ndef test_slow():\n    time.sleep(60)\n'
    )
    began = time.monotonic()
    assert shard.run(['test/test_b.py'], None, 3.0)['outcome'] == 'timeout'
    assert time.monotonic() - began < 30.0
    assert not psutil.Process(shard.pid).children()


@pytest.mark.parametrize(
    ('path', 'says'),
    [('xparo_bridge/__init__.py', 'nothing to change'), ('/tmp', 'of this repository')],
)
def test_where_nothing_can_be_changed_is_an_error(path, says):
    done = program(path)
    assert done.returncode in (1, 2)
    assert says in done.stderr
