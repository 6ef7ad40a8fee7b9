# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a bridge that is connected and has nothing to do has loaded."""

import re
import sys

from fixtures.system import start_bridge, start_platform

# For robots that have, or do, something that this one does not.
NOT_AT_REST = [
    'PIL',  # sends pictures
    'cryptography',  # takes signed configurations
    'defusedxml',  # runs a tree
    'em',  # builds messages; rosidl_generator_py brings it and lark along
    'jsonschema',  # a command's schema uses what our own compiler leaves to it
    'lark',
    'py_trees',  # shows trees in viewers
    'ruamel',  # of the desk: writes configurations
    'tarfile',  # is given a bundle
    'xml',
    'xparo_bridge.rollout.folder',  # is given a fleet's folder
    'xparo_bridge.rollout.signing',
    'xparo_bridge.console',  # of the desk
    'xparo_bridge.fleet',
    'xparo_bridge.local',
    'xparo_bridge.scenarios',
]


def test_a_bridge_at_rest_has_loaded_nothing_that_this_robot_does_not_use(tmp_path):
    platform, port = start_platform()
    # The real program, and what it loads as Python itself says.
    program = (sys.executable, '-X', 'importtime', '-m', 'xparo_bridge')
    with platform, start_bridge(tmp_path, port, program=program) as bridge:
        bridge.wait_for_line('platform: connected')
    loaded = {
        found[1]
        for line in bridge.lines
        if (found := re.match(r'import time: +\d+ \| +\d+ \| +(\S+)', line))
    }
    assert {'rclpy', 'websockets', 'xparo_bridge.bridge'} <= loaded
    assert [
        name
        for name in sorted(loaded)
        for part in NOT_AT_REST
        if f'{name}.'.startswith(f'{part}.')
    ] == []
