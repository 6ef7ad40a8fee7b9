# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does `python -m xparo_bridge NAME` start the console script of that name."""

from importlib.metadata import entry_points
import subprocess
import sys

SCRIPTS = entry_points(group='console_scripts')


def run(*arguments):
    return subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', *arguments], capture_output=True, text=True
    )


def test_help_lists_every_executable():
    result = run('--help')
    assert result.returncode == 0
    names = {script.name for script in SCRIPTS if script.module.startswith('xparo_bridge.')}
    assert names and names == set(result.stdout.split('one of: ')[1].split())


def test_without_a_name_the_list_is_an_error():
    result = run()
    assert result.returncode == 1
    assert 'NAME is one of' in result.stderr


def test_a_wrong_name_is_told_with_the_list():
    result = run('brigde')
    assert result.returncode == 1
    assert "no executable 'brigde'" in result.stderr
    assert 'bridge' in result.stderr.split('one of: ')[1].split()
