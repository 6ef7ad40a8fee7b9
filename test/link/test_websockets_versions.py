# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The link works with the oldest release of websockets it promises, as with the current one."""

import os
from pathlib import Path
import subprocess
import sys

import pytest
import websockets

OLDEST = '10.4'
# What a socket is opened in; the rest of the link does not meet the library.
SOCKETS = [
    Path(__file__).parent / f'test_{name}.py'
    for name in ('connection', 'tls', 'ways_out', 'websockets_versions')
]


def test_the_link_s_tests_pass_with_the_oldest_release():
    folder = Path(sys.prefix) / 'compat' / f'websockets-{OLDEST}'
    if websockets.__version__ == OLDEST:
        pytest.skip('this is the run with the oldest release')
    if not folder.exists():
        pytest.skip(f'websockets {OLDEST} is not installed at {folder}')
    # What the loader of the ROS wheels noted must not be lost with the path.
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get('PYTHONPATH')]))
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', *map(str, SOCKETS)],
        env={**os.environ, 'PYTHONPATH': path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f'websockets {OLDEST}' in done.stdout


def test_the_release_in_use_is_shown(record_property, capsys):
    record_property('websockets', websockets.__version__)
    with capsys.disabled():
        print(f'[websockets {websockets.__version__}]', end='')
