# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What every test gets: a ROS domain nobody else is in."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path

from fixtures.domains import own_domain
import pytest

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
# A process that is killed leaves its shared memory behind, and Fast DDS loses messages to whoever
# gets the port of a dead one; tests kill many.
os.environ.setdefault('FASTDDS_BUILTIN_TRANSPORTS', 'UDPv4')

# Where tests start programs that use DDS. A server's first answer is lost if it is sent before the
# server has found the client's reader, which a busy machine delays: seen in about 1 of 500 tests,
# with the server saying that it accepted a goal and the client never hearing it. Such a test is
# run again, and shown as rerun; the bridge itself gives the goal up after its accept_timeout.
_USES_DDS = ('end_to_end', 'robot', 'local', 'behavior/ros')


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests across DDS be run again."""
    root = Path(__file__).parent
    folders = tuple(root / name for name in _USES_DDS)
    for item in items:
        if any(folder in item.path.parents for folder in folders):
            item.add_marker(pytest.mark.flaky(reruns=2))


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
