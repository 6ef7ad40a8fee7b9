# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do runs of scenarios end with the right verdict, code and words, and leave nothing behind."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
import signal

from fixtures.processes import descendants, Process
import psutil
import pytest

from xparo_bridge.scenarios.command_line import repeated
from xparo_bridge.scenarios.verdict import (
    COULD_NOT_START,
    exit_code,
    FAILED,
    NOT_EXECUTED,
    PASSED,
    Verdict,
)

LIMIT = 90.0


@contextlib.contextmanager
def scenario(folder: Path, text: str, *arguments: str):
    file = folder / 'drive.yaml'
    file.write_text(text)
    with Process.module(
        'xparo_bridge',
        'scenario',
        str(file),
        '--report',
        str(folder / 'report'),
        '--real-time-factor',
        '5',
        *arguments,
        name='scenario',
    ) as process:
        yield process


def test_one_that_comes_about_passes_with_its_evidence(tmp_path):
    text = (
        'steps:\n'
        '  - send: {command: start_navigation, goal: {x: 2.0, y: 4.0}}\n'
        '  - expect: {status: succeeded, within: 30 s}\n'
        'then:\n'
        '  - pose: {x: 2.0, y: 4.0, within: 0.3 m}\n'
        '  - min_clearance: 0.1 m\n'
        '  - telemetry: {keys: [pose], every: 3 s}\n'
    )
    with scenario(tmp_path, text, '--seed', '7') as process:
        assert process.wait(LIMIT) == 0
        process.wait_for_line('passed drive')
    verdict = json.loads((tmp_path / 'report' / 'drive' / 'verdict.json').read_text())
    assert (verdict['state'], verdict['seed'], verdict['problems']) == (PASSED, 7, [])
    logs = {path.name for path in (tmp_path / 'report' / 'drive' / 'logs').glob('*.log')}
    assert logs == {'local_platform.log', 'simulated_robot.log', 'bridge_robot.log'}


def test_one_that_does_not_fails_with_the_line_and_a_cause_and_leaves_no_process(tmp_path):
    text = (
        'steps:\n'
        '  - block: {x: 3.0, y: 4.0, radius: 1.2 m}\n'
        '  - block: {x: 3.0, y: 1.5, radius: 1.5 m}\n'
        '  - block: {x: 3.0, y: 6.5, radius: 1.5 m}\n'
        '  - send: {command: start_navigation, goal: kitchen}\n'
        '  - expect: {status: succeeded, within: 15 s}\n'
    )
    with scenario(tmp_path, text) as process:
        process.wait_for_line('FAILED drive: .*drive.yaml:6: expect.*is running after 15 s', LIMIT)
        assert process.wait(LIMIT) == 1
        assert any('"block: {x: 3.0' in line for line in process.lines)
    assert not [
        each
        for each in psutil.process_iter(['cmdline'])
        if str(tmp_path) in ' '.join(each.info['cmdline'] or [])
    ]


def test_a_limit_ends_the_whole_tree_of_processes(tmp_path):
    with scenario(tmp_path, 'steps:\n  - wait: 1000 s\n', '--limit', '2') as process:
        process.wait_for_line('FAILED drive: .*not over after 2 s of real time', LIMIT)
        assert process.wait(LIMIT) == 1
    assert not descendants()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_its_processes_end_with_it(tmp_path, number):
    with scenario(tmp_path, 'steps:\n  - wait: 1000 s\n') as process:
        log = tmp_path / 'report' / 'drive' / 'logs' / 'bridge_robot.log'
        runner = psutil.Process(process.pid)
        while not (log.exists() and 'connected' in log.read_text()):
            process._wait(lambda: None, 0.1)
        children = runner.children(recursive=True)
        assert len(children) >= 3
        process.send_signal(number)
        process.wait(LIMIT)
        _, alive = psutil.wait_procs(children, timeout=15.0)
        assert not alive


def test_a_file_that_is_wrong_could_not_start(tmp_path):
    with scenario(tmp_path, 'steps:\n  - wait: 3\n') as process:
        assert process.wait(LIMIT) == 2
        process.wait_for_line(r'drive.yaml:2: steps\[0\].wait: 3 has no unit; write 3 s')


def test_a_bridge_that_dies_unasked_is_named(tmp_path):
    with scenario(tmp_path, 'steps:\n  - wait: 1000 s\n') as process:
        log = tmp_path / 'report' / 'drive' / 'logs' / 'bridge_robot.log'
        while not (log.exists() and 'connected' in log.read_text()):
            process._wait(lambda: None, 0.1)
        for child in psutil.Process(process.pid).children():
            if 'bridge' in child.cmdline():
                child.kill()
        assert process.wait(LIMIT) in (1, 2)
        process.wait_for_line('drive: .*bridge of robot ended with exit code -9')


@pytest.mark.parametrize(
    ('program', 'code', 'words'),
    [
        ('sh -c "echo no arm here; exit 3"', (1, 2), 'arm ended with exit code 3: no arm here'),
        ('no_such_program', (2,), 'program arm: no_such_program: No such file or directory'),
    ],
)
def test_a_program_of_the_users_that_dies_or_is_not_there_is_named(tmp_path, program, code, words):
    text = f'given: {{programs: {{arm: {program!r}}}}}\nsteps:\n  - wait: 1000 s\n'
    with scenario(tmp_path, text) as process:
        assert process.wait(LIMIT) in code
        process.wait_for_line(words)
    assert not descendants()


def test_what_a_program_of_the_users_started_ends_with_the_run(tmp_path):
    text = (
        'given: {programs: {arm: \'sh -c "sleep 987654 & exec sleep 987654"\'}}\n'
        'steps:\n'
        '  - wait: 1 s\n'
    )
    with scenario(tmp_path, text) as process:
        assert process.wait(LIMIT) == 0
    assert not [
        each
        for each in psutil.process_iter(['cmdline'])
        if '987654' in ' '.join(each.info['cmdline'] or [])
    ]


def verdict(state: int, seed: int = 0) -> Verdict:
    return Verdict('drive', state, seed)


def test_the_worst_verdict_is_the_exit_code():
    for states, code in (
        ([PASSED, PASSED], 0),
        ([PASSED, FAILED, COULD_NOT_START, NOT_EXECUTED], 1),
        ([PASSED, COULD_NOT_START, NOT_EXECUTED], 2),
        ([PASSED, NOT_EXECUTED], 3),
        ([], 3),
    ):
        assert exit_code(map(verdict, states)) == code


def test_repeated_runs_say_how_many_passed_and_which_differed():
    runs = [verdict(PASSED, seed) for seed in range(20)]
    assert repeated(runs) == 'drive: 20 of 20 passed'
    runs[3] = verdict(FAILED, 3)
    assert repeated(runs) == 'drive: 19 of 20 passed; run 4 (seed 3) did not'
    rare = [verdict(FAILED, seed) for seed in range(3)] + [verdict(PASSED, 9)]
    assert repeated(rare) == 'drive: 1 of 4 passed; run 4 (seed 9) passed'
