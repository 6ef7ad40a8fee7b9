# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The built-in groups, one file each: to add one, add a file, its name here and its settings to
config/schema.json.

A group is a module with `make(node, settings)`, which gives its `Source`.
"""

from __future__ import annotations

from typing import Any

from . import (
    battery,
    diagnostics,
    image,
    navigation,
    nodes,
    occupancy_grid,
    plan,
    pose,
    system,
    velocity,
)

GROUPS: dict[str, Any] = {
    'system': system,
    'battery': battery,
    'pose': pose,
    'velocity': velocity,
    'diagnostics': diagnostics,
    'navigation': navigation,
    'nodes': nodes,
    'map': occupancy_grid,
    'plan': plan,
    'image': image,
}
