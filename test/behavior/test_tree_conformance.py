# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does every case of the reference pass, and would a wrong one fail."""

import copy
import json
from pathlib import Path

import conformance
import pytest

CASES = list(conformance.read_cases(sorted(conformance.CASES.glob('*.jsonl'))))


@pytest.mark.parametrize('case', CASES, ids=lambda case: case['id'])
def test_a_tree_does_what_the_reference_did(case):
    assert conformance.compare(case) == ''


@pytest.mark.parametrize(
    ('change', 'where'),
    [
        (lambda record: record.update(status='FAILURE'), 'status'),
        (lambda record: record['events'].append(['tick', 'nobody', 'S']), 'events'),
        (lambda record: record['transitions'].pop(), 'transitions'),
        (lambda record: record['blackboard']['Main'].update(a=99), 'blackboard'),
    ],
)
def test_the_runner_names_the_first_difference(change, where):
    case = copy.deepcopy(next(case for case in CASES if case['id'] == 'random_0'))
    change(case['expect'][1])
    assert conformance.compare(case).startswith(f'record 1.{where}')


def test_the_runner_takes_a_missing_error_for_a_failure():
    case = copy.deepcopy(next(case for case in CASES if case['id'] == 'random_0'))
    case['expect'] = [{'error': 'load', 'what': 'anything'}]
    assert 'load' in conformance.compare(case)


def test_a_script_case_with_a_wrong_value_fails():
    case = {'id': 's', 'enums': {}, 'steps': [{'script': '1 + 1', 'type': 'double', 'value': 3.0}]}
    assert '1 + 1' in conformance.compare(case)


def test_the_last_line_counts_and_the_exit_code_tells(tmp_path: Path, capsys):
    good = {'id': 'good', 'enums': {}, 'steps': [{'script': '2', 'type': 'int', 'value': 2}]}
    bad = {'id': 'bad', 'enums': {}, 'steps': [{'script': '2', 'type': 'int', 'value': 3}]}
    file = tmp_path / 'cases.jsonl'
    file.write_text(f'{json.dumps(good)}\n{json.dumps(bad)}\n')
    assert conformance.main([str(file)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('bad: ')
    assert lines[-1] == '1 passed, 1 failed'
