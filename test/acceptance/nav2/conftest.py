# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""One Nav2, one platform and one bridge for all of these tests, in a domain of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
import os

from fixtures.domains import own_domain
from nav2_rig import Rig
import pytest
from running_nav2 import bring_up, missing, version


@pytest.fixture(scope='module')
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Run everything, if Nav2 is on this machine."""
    lacking = missing()
    if lacking:
        pytest.skip(
            f'NOT EXECUTED: this machine lacks {", ".join(lacking)} of Nav2; install them, or '
            'name the prefix that has them in NAV2_PREFIX'
        )
    folder = tmp_path_factory.mktemp('nav2')
    with own_domain() as domain, pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv('ROS_DOMAIN_ID', str(domain))
        patch.setenv('ROS_HOME', str(folder / 'ros_home'))
        print(f'Nav2 {version()}, {os.environ.get("RMW_IMPLEMENTATION", "the default RMW")}')
        yield Rig(folder, domain, stack)


@pytest.fixture(autouse=True)
def ros_domain(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> int:
    """Stay in the domain that Nav2 is in."""
    monkeypatch.setenv('ROS_DOMAIN_ID', str(rig.domain))
    return rig.domain


@pytest.fixture(autouse=True)
def standing(rig: Rig) -> Iterator[None]:
    """Begin with an active Nav2 and end with a robot that stands."""
    rig.nav2.mend()
    bring_up(rig.graph)
    yield
    assert rig.graph.becomes(lambda: not rig.moves(), 30.0), 'the robot still moves'
