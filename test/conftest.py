# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What every test gets: a ROS domain nobody else is in."""

from __future__ import annotations

from collections.abc import Iterator
import gc
import os
from pathlib import Path

from fixtures.domains import DDS, occupied, own_domain

# Before the nodes, so that they are py_trees' own; programs that tests start are without it.
import py_trees  # noqa: F401
import pytest

os.environ.update(DDS)
# For the programs that tests start, as in pyproject.toml for the tests themselves.
os.environ['PYTHONWARNINGS'] = ','.join(
    f"ignore:module '{module}' is deprecated:DeprecationWarning"
    for module in ('sre_parse', 'sre_constants')
)

# Where a warning is an error, so that nothing is left open: a socket, a file, a loop, a process.
# The other rooms have not been gone through yet.
WITHOUT_WARNINGS = (
    'behavior/ros/',
    'guard/',
    'interfaces/',
    'link/',
    'robot/conversation/',
    'robot/links/',
    'robot/platform_data/',
    'robot/telemetry/',
    'ros/',
    'state/',
    'tools/',
)
WARNINGS = (
    'error',
    # lark, which rosidl_parser reads IDL with, imports modules that Python 3.11 calls deprecated.
    'ignore:module .sre_(parse|constants). is deprecated:DeprecationWarning',
    # catkin_pkg, which reads the changelog, calls what docutils calls obsolete.
    'ignore:nodes.Node.traverse.. is obsoleted:DeprecationWarning',
    # rclpy warns from C where a client is gone, and cannot raise there: it would be a SystemError.
    'ignore:failed to send response:RuntimeWarning',
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take warnings for errors in the rooms that have none."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).as_posix().startswith(WITHOUT_WARNINGS):
            item.add_marker(pytest.mark.filterwarnings(*WARNINGS))


@pytest.fixture(autouse=True)
def ros_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep what a bridge remembers of one test from every other, and out of the user's home."""
    monkeypatch.setenv('ROS_HOME', str(tmp_path / 'ros_home'))


@pytest.fixture(autouse=True)
def ros_domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give each test, and the processes it starts, a ROS_DOMAIN_ID of its own on this machine."""
    with own_domain() as domain:
        monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
        yield domain
        if domain in occupied(here=True):
            gc.collect()  # A node in a cycle.
        assert domain not in occupied(here=True), 'the test left a node in the graph'
