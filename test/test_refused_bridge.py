# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A bridge whose configuration is refused lets go what it had opened to find that out."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time

from fixtures.ros_graph import RosGraph
import psutil
import pytest

from xparo_bridge.bridge import Bridge
from xparo_bridge.configuration import ConfigurationError, load
from xparo_bridge.own_node import declare_parameters

LINK = {'name': 'platform', 'protocol': 'xparo', 'url': 'ws://127.0.0.1:9/ws'}
# Faults that are found early, in the middle and late, each with a guard of the base before it.
FAULTS = {
    'a link': {'links': [{**LINK, 'protocol': 'nonsense'}]},
    'telemetry': {'telemetry': {'topics': [{'topic': '/a', 'type': 'no/msg/Such'}]}},
    'a command': {'commands': {'fly': {'kind': 'fly'}}},
    'trees': {'trees': {'nodes': {'Grip': {'action': 'no/action/Such', 'name': 'grip'}}}},
    'the command of a lost link': {'link_loss': {'command': 'nix'}},
}


def opened() -> set[str]:
    """Return what files, guards and threads this process has."""
    found = {f'thread {each.name}' for each in threading.enumerate()}
    for file in os.listdir('/proc/self/fd'):
        with contextlib.suppress(OSError):  # The one of the listing itself.
            found.add(os.readlink(f'/proc/self/fd/{file}'))
    for child in psutil.Process().children():
        if child.status() != psutil.STATUS_ZOMBIE and 'xparo_bridge.guard' in child.cmdline():
            found.add(f'guard {child.pid}')
    return found


def added(before: set[str]) -> set[str]:
    return opened() - before


@pytest.mark.parametrize('fault', FAULTS)
def test_nothing_is_left_open(tmp_path, fault):
    file = tmp_path / 'robot.yaml'
    content = {
        'state_dir': str(tmp_path / 'state'),
        'links': [LINK],
        **FAULTS[fault],
    }
    content['commands'] = {'drive': {'kind': 'teleop'}, **content.get('commands', {})}
    file.write_text(json.dumps(content))
    with RosGraph('xparo_bridge') as graph:
        declare_parameters(graph.node)
        before = opened()
        with pytest.raises(ConfigurationError):
            Bridge(graph.node, load([file]))
        deadline = time.monotonic() + 10.0
        while (left := added(before)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert left == set()
