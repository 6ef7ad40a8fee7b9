# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The built-in groups, one file each: to add one, add a file, its name here and its settings to
config/schema.json.

A group is a module with `make(node, settings)`, which gives its `Source`. It is imported where it
is made: the pictures of `image` and `map` alone take 0.2 MB.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from rclpy.node import Node

from ....errors import BadInput
from ..settings import Settings
from ..source import Source

# Each group's module in this folder.
GROUPS: dict[str, str] = {
    'system': 'system',
    'battery': 'battery',
    'pose': 'pose',
    'velocity': 'velocity',
    'diagnostics': 'diagnostics',
    'navigation': 'navigation',
    'nodes': 'nodes',
    'map': 'occupancy_grid',
    'plan': 'plan',
    'image': 'image',
}


def make_group(name: str, node: Node, settings: Settings) -> Source:
    """
    Make the source of a group.

    :raises BadInput: if the schema has the group, but `GROUPS` has not.
    """
    if name not in GROUPS:
        raise BadInput(
            f'telemetry.groups.{name}: config/schema.json has this group, but GROUPS of '
            f'{__name__} does not name its module'
        )
    module: Any = import_module(f'.{GROUPS[name]}', __name__)
    source: Source = module.make(node, settings)
    return source
