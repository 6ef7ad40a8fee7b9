# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Has the installed ROS what the bridge uses of it, and is it said what some sources lack."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys
import sysconfig

PROGRAM = Path(__file__).parents[2] / 'tools' / 'used_of_ros.py'


def check(*folders: Path) -> tuple[int, str]:
    result = subprocess.run(
        [sys.executable, PROGRAM, *map(str, folders)], capture_output=True, text=True
    )
    return result.returncode, result.stdout


def test_the_installed_ros_has_all_that_the_bridge_uses_of_it():
    code, text = check(Path(sysconfig.get_paths()['purelib']))
    assert code == 0, text
    assert 'rclpy' not in text


def test_what_is_private_in_rclpy_is_listed():
    code, text = check()
    assert code == 0
    private = next(line for line in text.splitlines() if line.startswith('private'))
    assert '_pending_goal_requests' in private


def test_what_some_sources_lack_is_said(tmp_path):
    package = tmp_path / 'rclpy' / 'rclpy'
    package.mkdir(parents=True)
    (package.parent / 'package.xml').write_text('<package/>')
    (package / '__init__.py').write_text('')
    (package / 'client.py').write_text(
        'class Client:\n  def __init__(self): self._pending_requests = {}\n'
    )
    messages = tmp_path / 'rcl_interfaces' / 'rcl_interfaces' / 'msg'
    messages.mkdir(parents=True)
    (messages / 'Parameter.msg').write_text('string name\n')
    code, text = check(tmp_path, tmp_path / 'rcl_interfaces')
    assert code == 1
    lines = text.splitlines()
    assert 'rclpy has no attribute _action_name' in lines
    assert 'rclpy has no attribute _pending_requests' not in lines
    assert 'rclpy.node is missing' in lines
    assert 'rcl_interfaces.msg has no ParameterValue' in lines
    assert 'rcl_interfaces.msg has no Parameter' not in lines
    assert 'NOT CHECKED: launch' in lines
