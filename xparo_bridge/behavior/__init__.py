# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The behaviour-tree engine: what a tree's author saw on BehaviorTree.CPP 4.10, in Python.

It knows nothing of ROS and can be used on its own::

    registry = builtin_registry()
    registry.register(MyAction)
    tree = load(xml, registry)
    while tree.tick_once() is NodeStatus.RUNNING:
        ...
"""

from .blackboard import Blackboard
from .branches import ControlNode, DecoratorNode
from .context import TreeContext
from .document import Limits
from .errors import (
    BehaviorError,
    BlackboardError,
    ConversionError,
    NodeError,
    PortError,
    Problem,
    ScriptError,
    TickError,
    TreeErrors,
)
from .leaves import Condition, LeafNode, StatefulAction, SyncAction
from .loader import load
from .manifest import Manifest, NodeConfig
from .node import TreeNode
from .nodes import builtin_registry
from .ports import add_type, Direction, inout_port, input_port, output_port, Port, PortType
from .registry import NodeRegistry
from .status import NodeKind, NodeStatus
from .timing import ManualClock, MonotonicClock, TimeSource
from .tree import Tree

__all__ = [
    'BehaviorError',
    'Blackboard',
    'BlackboardError',
    'Condition',
    'ControlNode',
    'ConversionError',
    'DecoratorNode',
    'Direction',
    'LeafNode',
    'Limits',
    'Manifest',
    'ManualClock',
    'MonotonicClock',
    'NodeConfig',
    'NodeError',
    'NodeKind',
    'NodeRegistry',
    'NodeStatus',
    'Port',
    'PortError',
    'PortType',
    'Problem',
    'ScriptError',
    'StatefulAction',
    'SyncAction',
    'TickError',
    'TimeSource',
    'Tree',
    'TreeContext',
    'TreeErrors',
    'TreeNode',
    'add_type',
    'builtin_registry',
    'inout_port',
    'input_port',
    'load',
    'output_port',
]
