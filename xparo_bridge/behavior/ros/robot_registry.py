# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Collect the node types of this robot, and what makes their nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import nav2
from ..nodes import builtin_registry
from ..registry import NodeFactory, NodeRegistry
from . import (
    bridge_nodes,
    nav2_actions,
    nav2_conditions,
    nav2_pause,
    nav2_poses,
    nav2_topics,
    platform_nodes,
)
from .configured import add_configured, ConfigProblem
from .fields import is_installed
from .robot_commands import KnownCommands

# What each release of Nav2 brought that the ones before it did not have, the newest first.
_NEW_IN = (
    ('lyrical', 'nav2_msgs/action/FollowObject'),
    ('kilted', 'nav2_msgs/msg/WaypointStatus'),
    ('jazzy', 'nav2_msgs/action/DockRobot'),
    ('humble', 'nav2_msgs/action/NavigateToPose'),
)


def nav2_release() -> str:
    """The release of Nav2 whose interfaces are installed here; '' without any."""
    return next((release for release, name in _NEW_IN if is_installed(name)), '')


def robot_registry(
    bridge: str,
    nodes: Mapping[str, Mapping[str, Any]],
    *,
    commands: KnownCommands | None = None,
    stubs: bool = False,
) -> tuple[NodeRegistry, list[ConfigProblem]]:
    """
    Make the registry of a robot, and say what is wrong with the nodes of its configuration.

    `bridge` is the full name of the bridge's node, and `commands` are those of the configuration.
    With `stubs` nodes of the configuration are known even where their interface is not installed.
    """
    registry = builtin_registry()
    nav2.register(registry)
    factories: dict[str, NodeFactory] = {
        **nav2_actions.factories(),
        **nav2_topics.NODES,
        **nav2_conditions.NODES,
        **nav2_poses.NODES,
        **nav2_pause.NODES,
    }
    for type_id, factory in factories.items():
        registry.bind(type_id, factory)
    bridge_nodes.register(registry, bridge, commands)
    platform_nodes.register(registry, commands)
    problems = add_configured(registry, nodes, stubs=stubs)
    registry.discover()
    return registry, problems
