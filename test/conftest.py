# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What every test gets: a ROS domain nobody else is in."""

from __future__ import annotations

from collections.abc import Iterator
import gc
import hashlib
import logging
import os
from pathlib import Path
import subprocess
import time

from fixtures.domains import DDS, occupied, own_domain
from fixtures.fork_server import ForkServer

# Before the nodes, so that they are py_trees' own; programs that tests start are without it.
import py_trees  # noqa: F401
import pytest

os.environ.update(DDS)
# For the programs that tests start, as in pyproject.toml for the tests themselves.
os.environ['PYTHONWARNINGS'] = ','.join(
    f"ignore:module '{module}' is deprecated:DeprecationWarning"
    for module in ('sre_parse', 'sre_constants')
)

# Where asyncio debugs its loops, and programs that tests start run in Python's development mode.
# Everywhere it would cost half as much CPU again: 6 s where the two files of `link` take 3.8 s.
# PYTHONMALLOC takes the allocator's hooks out of the mode, which find nothing in Python code.
DEBUGGED = ('fleet/', 'link/test_connection.py', 'link/test_supervision.py', 'local/', 'rollout/')
DEBUGGING = {'PYTHONASYNCIODEBUG': '1', 'PYTHONDEVMODE': '1', 'PYTHONMALLOC': 'default'}


def _change() -> str:
    """Return what names the change that is tested; empty outside of a repository."""
    try:
        return subprocess.check_output(
            ['git', 'rev-parse', 'HEAD'], cwd=Path(__file__).parent, stderr=subprocess.DEVNULL
        ).decode()
    except (OSError, subprocess.CalledProcessError):
        return ''


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--whole`: run each case of the tests that are marked `sampled`."""
    parser.addoption('--whole', action='store_true', help='run all cases of sampled tests')


def pytest_configure(config: pytest.Config) -> None:
    """Keep what colcon says to this pytest from those that tests start: it may name files."""
    if hasattr(config, 'workerinput') or not getattr(config.option, 'numprocesses', None):
        os.environ.pop('PYTEST_ADDOPTS', None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take a sample of dear tests' cases."""
    if config.getoption('whole') or any('::' in name for name in config.args):
        return
    dear: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker('sampled'):
            dear.setdefault(item.nodeid.split('[')[0], []).append(item)
    left_out: set[pytest.Item] = set()
    change = _change() if dear else ''
    for cases in dear.values():
        # Another sample with each change, and the same one in each worker.
        cases.sort(key=lambda case: hashlib.sha256(f'{change} {case.nodeid}'.encode()).digest())
        left_out.update(cases[cases[0].get_closest_marker('sampled').args[0] :])
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def pytest_sessionfinish() -> None:
    """End what programs were forked from."""
    ForkServer.end_all()


@pytest.fixture(autouse=True)
def ros_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep what a bridge remembers of one test from every other, and out of the user's home."""
    monkeypatch.setenv('ROS_HOME', str(tmp_path / 'ros_home'))


@pytest.fixture(autouse=True)
def development_mode(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Debug asyncio, and what a test starts, in rooms where loops and threads are."""
    where = request.node.path.relative_to(Path(__file__).parent).as_posix()
    if where.startswith(DEBUGGED):
        for name, value in DEBUGGING.items():
            monkeypatch.setenv(name, value)


class _LostErrors(logging.Handler):
    """Errors of asyncio's tasks and futures that nobody asked for."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if 'never retrieved' in text:
            self.found.append(text)


LOST = _LostErrors()
logging.getLogger('asyncio').addHandler(LOST)


@pytest.fixture(autouse=True)
def no_error_is_lost() -> Iterator[None]:
    """See that no task ended with an error that nobody looked at."""
    LOST.found.clear()
    yield
    assert not LOST.found, '\n'.join(LOST.found)


@pytest.fixture(autouse=True)
def ros_domain(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[int]:
    """Give each test, and the processes it starts, a ROS_DOMAIN_ID of its own on this machine."""
    with own_domain() as domain:
        monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
        yield domain
        deadline = time.monotonic() + 3.0
        while domain in occupied(here=True) and time.monotonic() < deadline:
            gc.collect()  # A node in a cycle, or one that a thread still ends.
            time.sleep(0.05)
        assert domain not in occupied(here=True), 'the test left a node in the graph'
