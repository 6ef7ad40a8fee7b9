# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What every test gets: a ROS domain nobody else is in."""

from __future__ import annotations

from collections.abc import Iterator
import fcntl
import os
from pathlib import Path
import random
import tempfile

import pytest

# Higher domains would use ports that Linux gives to anybody.
_DOMAINS = range(1, 101)

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')


@pytest.fixture(autouse=True)
def ros_domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give each test, and the processes it starts, a ROS_DOMAIN_ID of its own on this machine."""
    locks = Path(tempfile.gettempdir()) / 'xparo_bridge_test_domains'
    locks.mkdir(exist_ok=True)
    for domain in random.sample(_DOMAINS, len(_DOMAINS)):
        with (locks / str(domain)).open('w') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
            yield domain
            return
    pytest.fail('all ROS domains are in use by other tests')
