# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What every test gets: a ROS domain nobody else is in."""

from __future__ import annotations

from collections.abc import Iterator
import os

from fixtures.domains import own_domain
import pytest

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')


@pytest.fixture(autouse=True)
def ros_domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give each test, and the processes it starts, a ROS_DOMAIN_ID of its own on this machine."""
    with own_domain() as domain:
        monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
        yield domain


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give each test, and the bridges it starts, a folder for what outlives them."""
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path_factory.mktemp('state')))
