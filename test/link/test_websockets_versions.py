# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The link and the local platform work with the oldest release of websockets promised."""

import ast
import os
from pathlib import Path
import subprocess
import sys

from fixtures.processes import python_path
import pytest
import websockets

OLDEST = '10.4'
ROOT = Path(__file__).parents[2]
NAME = 'websockets'


def imported(path: Path) -> set[str]:
    """Names of the modules that a file imports, those of the names in them too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text('utf-8'))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {f'{node.module}', *(f'{node.module}.{each.name}' for each in node.names)}
    return found


def opens_sockets(path: Path) -> bool:
    """Whether a test meets the library: by itself, or by a fixture."""
    names = imported(path)
    fixtures = [ROOT / 'test' / Path(*name.split('.')).with_suffix('.py') for name in names]
    return any(name.split('.')[0] == NAME for name in names) or any(
        opens_sockets(fixture)
        for fixture in fixtures
        if fixture.parent.name == 'fixtures' and fixture.exists()
    )


SOCKETS = sorted(filter(opens_sockets, Path(__file__).parent.rglob('test_*.py')))
# Of the local platform, which serves by the same library.
SERVES = [ROOT / 'test' / 'local' / f'test_{name}.py' for name in ('local_platform', 'terminal')]
TRY = """
import websockets
assert websockets.__version__ == '10.4'
def attempt(statement, file):
    try:
        exec(statement, {})
    except ImportError as error:
        print(f'{file}: {statement}: {error}')
"""


def oldest() -> Path:
    """Where the oldest release is."""
    folder = Path(sys.prefix) / 'compat' / f'websockets-{OLDEST}'
    if websockets.__version__ == OLDEST:
        pytest.skip('this is the run with the oldest release')
    if not folder.exists():
        pytest.skip(f'websockets {OLDEST} is not installed at {folder}')
    return folder


def test_what_opens_a_socket_is_found():
    names = {path.name for path in SOCKETS}
    assert {'test_connection.py', 'test_tls.py', 'test_floods.py', Path(__file__).name} <= names
    assert 'test_backoff.py' not in names


@pytest.mark.timeout(320)
@pytest.mark.sampled(3)
@pytest.mark.parametrize('path', [*SOCKETS, *SERVES], ids=lambda path: path.name)
def test_what_opens_or_serves_a_socket_passes_with_the_oldest_release(path):
    folder = oldest()
    # What the loader of the ROS wheels noted must not be lost with the path.
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', str(path), __file__],
        env={**os.environ, 'PYTHONPATH': python_path(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f'websockets {OLDEST}' in done.stdout


def test_all_that_is_imported_of_it_has_been_there_since_the_oldest_release():
    """Ubuntu 24.04 has that release: one module that wants a newer one ends the whole suite."""
    folder = oldest()
    found = set()
    for path in [*ROOT.glob('test/**/*.py'), *ROOT.glob('xparo_bridge/**/*.py')]:
        tree = ast.parse(path.read_text('utf-8'))
        guarded = {
            part for node in ast.walk(tree) if isinstance(node, ast.Try) for part in ast.walk(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node not in guarded and not node.level:
                names = [f'from {node.module} import {each.name}' for each in node.names]
            elif isinstance(node, ast.Import) and node not in guarded:
                names = [f'import {each.name}' for each in node.names]
            else:
                continue
            found |= {(name, path.name) for name in names if name.split()[1].startswith(NAME)}
    assert len(found) > 5
    lines = [f'attempt({statement!r}, {file!r})' for statement, file in sorted(found)]
    program = '\n'.join([TRY, *lines])
    done = subprocess.run(
        [sys.executable, '-c', program],
        env={**os.environ, 'PYTHONPATH': python_path(folder)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, ''), done.stdout + done.stderr


def test_the_release_in_use_is_shown(record_property, capsys):
    record_property('websockets', websockets.__version__)
    with capsys.disabled():
        print(f'[websockets {websockets.__version__}]', end='')
