# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does `python -m xparo_bridge NAME` start the console script of that name."""

from importlib.metadata import entry_points
import subprocess
import sys

import pytest

SCRIPTS = [
    script
    for script in entry_points(group='console_scripts')
    if script.module.startswith('xparo_bridge.')
]
NAMES = {script.name for script in SCRIPTS}


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', *arguments],
        capture_output=True,
        text=True,
        **options,
    )


def test_help_lists_every_executable():
    result = run('--help')
    assert result.returncode == 0
    assert NAMES and NAMES == set(result.stdout.split('one of: ')[1].split())


def test_without_a_name_the_list_is_an_error():
    result = run()
    assert result.returncode == 1
    assert 'NAME is one of' in result.stderr


def test_a_wrong_name_is_reported_with_the_list():
    result = run('brigde')
    assert result.returncode == 1
    assert "no executable 'brigde'" in result.stderr
    assert 'bridge' in result.stderr.split('one of: ')[1].split()


@pytest.mark.parametrize('script', sorted(NAMES))
def test_a_folder_of_the_packages_name_hides_nothing(script, tmp_path):
    # What git clone makes.
    (tmp_path / 'xparo_bridge' / 'xparo_bridge').mkdir(parents=True)
    result = run(script, '--help', cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, '')
