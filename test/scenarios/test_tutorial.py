# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the tests that docs/testing.md shows to users run as they stand there, against a robot."""

from __future__ import annotations

import importlib.util
from pathlib import Path
import re
import shutil
import sys

from fixtures.processes import Process, python_path
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / 'docs' / 'testing.md').read_text()
LIMIT = 150.0
# A user's robot: here the simulated one, in real time.
ROBOT = f"""
from launch import LaunchDescription
from launch.actions import ExecuteProcess


def generate_launch_description():
    program = [{sys.executable!r}, '-m', 'xparo_bridge', 'simulated_robot']
    return LaunchDescription([ExecuteProcess(cmd=program, output='screen')])
"""


def block(language: str, words: str) -> str:
    """Return the one code block of the page that has these words."""
    blocks = re.findall(rf'```{language}\n(.*?)```', PAGE, re.DOTALL)
    (found,) = [text for text in blocks if words in text]
    return found


@pytest.mark.timeout(200)
def test_the_pytest_of_the_page_passes(tmp_path):
    (tmp_path / 'deliver.yaml').write_text(block('yaml', 'block:'))
    (tmp_path / 'test_mine.py').write_text(block('python', 'run_scenario'))
    arguments = ['-p', 'no:cacheprovider', '-p', 'no:randomly', '-rA', str(tmp_path)]
    # The package's own plugin is known where it is installed, here by its name.
    plugin = ['-p', 'xparo_bridge.scenarios.pytest_plugin'] if not _installed() else []
    with Process(
        [sys.executable, '-m', 'pytest', '--rootdir', str(tmp_path), *plugin, *arguments]
    ) as process:
        assert process.wait(LIMIT) == 0
        process.wait_for_line('passed deliver')
        process.wait_for_line('PASSED .*test_the_robot_delivers')


# A meadow of 8 m by 5 m with a fence around it.
MEADOW = 'image: meadow.pgm\nresolution: 0.1\norigin: [-1.0, -1.0, 0.0]\nnegate: 0\n'


def _picture(width: int = 80, height: int = 50) -> bytes:
    inside = bytes([0] + [254] * (width - 2) + [0])
    rows = [bytes(width), *[inside] * (height - 2), bytes(width)]
    return f'P5\n{width} {height}\n255\n'.encode() + b''.join(rows)


@pytest.mark.timeout(300)
def test_the_robot_of_ones_own_is_tested_with_its_own_node_and_map(tmp_path):
    for language, name in (
        ('yaml', 'mow.yaml'),
        ('yaml', 'mower_robot.yaml'),
        ('python', 'mower.py'),
    ):
        (tmp_path / name).write_text(block(language, f'# {name}\n'))
    (tmp_path / 'meadow.yaml').write_text(MEADOW + 'occupied_thresh: 0.65\nfree_thresh: 0.25\n')
    (tmp_path / 'meadow.pgm').write_bytes(_picture())
    report = tmp_path / 'report'
    run = ('scenario', str(tmp_path / 'mow.yaml'), '--report', str(report))
    with Process.module(
        'xparo_bridge', *run, '--real-time-factor', '3', name='scenario'
    ) as process:
        assert process.wait(LIMIT) == 0
        process.wait_for_line('passed mow')
    assert (report / 'mow' / 'logs' / 'mower.log').exists()


def _installed() -> bool:
    from importlib.metadata import entry_points

    return any('xparo_bridge' in each.value for each in entry_points(group='pytest11'))


def _missing() -> list[str]:
    missing = [name for name in ('launch', 'launch_testing') if not importlib.util.find_spec(name)]
    return missing + ([] if shutil.which('ros2') else ['ros2 run'])


@pytest.mark.timeout(200)
@pytest.mark.skipif(bool(_missing()), reason=f'NOT EXECUTED: missing: {", ".join(_missing())}')
@pytest.mark.parametrize('goal', ['reached', 'out of reach'])
def test_the_launch_test_of_the_page_says_what_came_of_the_scenario(tmp_path, goal):
    scenario = block('yaml', '# arrive.yaml')
    if goal != 'reached':
        scenario = scenario.replace('within: 60 s', 'within: 1 s')
    (tmp_path / 'arrive.yaml').write_text(scenario)
    (tmp_path / 'test_arrive.py').write_text(block('python', 'launch_testing'))
    (tmp_path / 'my_robot.launch.py').write_text(ROBOT)
    program = 'import sys; from launch_testing.launch_test import main; sys.exit(main())'
    run = f'import os; os.chdir({str(tmp_path)!r}); {program}'
    with Process(
        [sys.executable, '-c', run, 'test_arrive.py'],
        env={'PYTHONPATH': python_path(ROOT), 'ROS_LOG_DIR': str(tmp_path / 'log')},
    ) as process:
        code = process.wait(LIMIT)
        if goal == 'reached':
            process.wait_for_line('passed arrive')
            assert code == 0
        else:
            process.wait_for_line(r'FAILED arrive: .*is running after 1 s')
            assert code == 1
