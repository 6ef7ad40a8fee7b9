# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
List the nodes of Nav2's trees; here are those that run without ROS.

`register` makes the node types of all releases known with their ports, so that Nav2's trees load
and are checked. Those that need no ROS run at once; the others wait for a factory::

    nav2.register(registry)
    registry.bind('FollowPath', make_follow_path)
"""

from __future__ import annotations

from ..node import TreeNode
from ..registry import NodeRegistry
from . import conditions, control, decorators
from .releases import manifest_of, manifests, RELEASES
from .robot import RobotStateSource, SERVICE

_RUNNABLE: tuple[type[TreeNode], ...] = (
    conditions.AreErrorCodesPresent,
    conditions.DistanceTraveled,
    conditions.GlobalUpdatedGoal,
    conditions.GoalUpdated,
    conditions.InitialPoseReceived,
    conditions.PathExpiringTimer,
    conditions.TimeExpired,
    conditions.WouldAControllerRecoveryHelp,
    conditions.IsWithinPathTrackingBounds,
    conditions.WouldAPlannerRecoveryHelp,
    conditions.WouldARouteRecoveryHelp,
    conditions.WouldASmootherRecoveryHelp,
    control.NonblockingSequence,
    control.PersistentSequence,
    control.PipelineSequence,
    control.RecoveryNode,
    control.RoundRobin,
    decorators.DistanceController,
    decorators.GoalUpdatedController,
    decorators.GoalUpdater,
    decorators.PathLongerOnApproach,
    decorators.RateController,
    decorators.SingleTrigger,
    decorators.SpeedController,
)


def register(registry: NodeRegistry) -> None:
    """Make Nav2's node types known to a registry."""
    for manifest in manifests():
        registry.add(manifest)
    for node_class in _RUNNABLE:
        registry.bind(node_class.__name__, node_class)


__all__ = ['RELEASES', 'RobotStateSource', 'SERVICE', 'manifest_of', 'register']
