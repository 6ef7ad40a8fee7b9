# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The launch files start what they say, where ROS's launch is installed."""

from pathlib import Path
import signal
import sys

from fixtures.processes import Process
from fixtures.system import PROJECT_ID, SECRET_KEY
import pytest

pytest.importorskip('ros2launch', reason='ros2launch is not installed (it is not on PyPI)')

FILES = sorted(Path(__file__).parents[1].glob('launch/*.launch.py'))
ROS2 = [sys.executable, '-c', 'import sys; from ros2cli.cli import main; sys.exit(main())']


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.name)
def test_a_launch_file_tells_its_arguments(file):
    with Process([*ROS2, 'launch', 'xparo_bridge', file.name, '--show-args']) as launch:
        assert launch.wait() == 0
        launch.wait_for_line('Arguments')


def test_the_demo_starts_and_ends_three_programs():
    with Process([*ROS2, 'launch', 'xparo_bridge', 'demo.launch.py', 'speed:=4.0']) as launch:
        launch.wait_for_line('platform: connected')
        launch.wait_for_line(r'simulated_robot.*ready')
        launch.send_signal(signal.SIGINT)
        launch.wait()
        launch.wait_for_line('bridge.*finished cleanly')
        assert not [line for line in launch.lines if 'process has died' in line]


def test_a_fleet_starts_a_bridge_for_each_robot():
    env = {'XPARO_SECRET_KEY': SECRET_KEY, 'XPARO_PROJECT_ID': PROJECT_ID}
    with Process([*ROS2, 'launch', 'xparo_bridge', 'fleet.launch.py'], env) as launch:
        launch.wait_for_line(r'\[robot_1\.xparo_bridge\]: platform: connecting')
        launch.wait_for_line(r'\[robot_2\.xparo_bridge\]: platform: connecting')
        launch.send_signal(signal.SIGINT)
        launch.wait()
        assert not [line for line in launch.lines if 'process has died' in line]
