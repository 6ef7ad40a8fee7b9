# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is what docs/testing.md shows right: its scenario, its steps and checks, its Python."""

from __future__ import annotations

import ast
from pathlib import Path
import re

import pytest

from xparo_bridge.scenarios.checks import CHECKS
from xparo_bridge.scenarios.given import KEYS
from xparo_bridge.scenarios.scenario import load_scenario
from xparo_bridge.scenarios.steps import STEPS
from xparo_bridge.scenarios.steps.expect import KINDS
from xparo_bridge.scenarios.worlds import WORLDS

PAGE = (Path(__file__).parents[2] / 'docs' / 'testing.md').read_text()


def test_its_scenario_is_one(tmp_path):
    file = tmp_path / 'deliver.yaml'
    file.write_text(re.findall(r'```yaml\n(.*?)```', PAGE, re.DOTALL)[0])
    assert len(load_scenario(file).steps) == 5


def test_what_it_says_of_a_fast_robot_can_be_given(tmp_path):
    (given,) = re.findall(r'`(simulation: \{speed: .*?\})`', PAGE)
    assert 'speed:=3.0' in (Path(__file__).parents[2] / 'docs' / 'first-hour.md').read_text()
    file = tmp_path / 's.yaml'
    file.write_text(f'given:\n  {given}\nsteps:\n  - wait: 1 s\n')
    assert load_scenario(file).given.parameters == {'speed': 3.0}


@pytest.mark.parametrize('code', re.findall(r'```python\n(.*?)```', PAGE, re.DOTALL))
def test_its_python_is_python(code):
    ast.parse(code)


def test_it_has_each_key_step_check_expectation_and_world():
    for name in (*STEPS, *CHECKS, *(kind.key for kind in KINDS)):
        assert f'`{name}:' in PAGE, name
    for name in KEYS:
        assert f'| `{name}` |' in PAGE, name
    for name in WORLDS:
        assert f'| `{name}` |' in PAGE


# A row of a table whose first cell begins with a step or a check, with what stands behind it.
ROWS = re.findall(r'^\| `((\w+):? .*?)`', PAGE, re.MULTILINE)
# Of the table of expectations, which have the names of checks too.
EXPECTED = ('status: succeeded', 'telemetry: {battery_percentage: {below: 20}}')


@pytest.mark.parametrize(
    'text', [text for text, name in ROWS if name in STEPS and '…' not in text]
)
def test_each_step_it_shows_can_be_read(tmp_path, text):
    (tmp_path / 'delivery.xml').write_text('<root/>')
    text = text.replace('place: door', 'place: kitchen')
    file = tmp_path / 's.yaml'
    file.write_text(f'given: {{programs: {{mower: sleep 9}}}}\nsteps:\n  - {text}\n')
    load_scenario(file)


@pytest.mark.parametrize(
    'text', [text for text, name in ROWS if name in CHECKS and text not in EXPECTED]
)
def test_each_check_it_shows_can_be_read(tmp_path, text):
    file = tmp_path / 's.yaml'
    file.write_text(f'steps:\n  - wait: 1 s\nthen:\n  - {text}\n')
    load_scenario(file)
