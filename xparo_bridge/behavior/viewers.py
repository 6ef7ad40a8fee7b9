# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What nodes have of py_trees, so that its executor, visitors and viewers work with them.

py_trees takes 3 MB, and only its viewers need it. So nodes derive from its classes where
py_trees_ros, which has the viewers, is installed, or where the program has imported py_trees
itself before; all else works the same without. It is imported with the nodes, never later, as that
would hold up the ROS thread.
"""

from __future__ import annotations

from importlib.util import find_spec
import sys
from typing import Any, TYPE_CHECKING

from .status import NodeStatus

WITH_PY_TREES = 'py_trees' in sys.modules or (
    find_spec('py_trees_ros') is not None and find_spec('py_trees') is not None
)

if TYPE_CHECKING or WITH_PY_TREES:
    from py_trees.behaviour import Behaviour
    from py_trees.common import BlackBoxLevel, ParallelPolicy, Status
    from py_trees.composites import Parallel, Selector, Sequence
    from py_trees.decorators import Decorator

    NOT_A_BLACKBOX = BlackBoxLevel.NOT_A_BLACKBOX
    SUCCESS_ON_ALL: Any = ParallelPolicy.SuccessOnAll()
    # py_trees knows neither IDLE nor SKIPPED.
    _STATUS = {
        NodeStatus.IDLE: Status.INVALID,
        NodeStatus.RUNNING: Status.RUNNING,
        NodeStatus.SUCCESS: Status.SUCCESS,
        NodeStatus.FAILURE: Status.FAILURE,
        NodeStatus.SKIPPED: Status.INVALID,
    }

    def status_of(state: NodeStatus) -> Status:
        """Return a node's status as py_trees knows it."""
        return _STATUS[state]

else:

    class Behaviour:
        """What a node has of py_trees without py_trees."""

        def setup(self, **arguments: Any) -> None:
            """Get ready before the first tick."""

        def shutdown(self) -> None:
            """Give back what the node holds."""

    class Parallel(Behaviour):
        """Stands for the class of py_trees."""

    class Selector(Behaviour):
        """Stands for the class of py_trees."""

    class Sequence(Behaviour):
        """Stands for the class of py_trees."""

    class Decorator(Behaviour):
        """Stands for the class of py_trees."""

    NOT_A_BLACKBOX = None
    SUCCESS_ON_ALL = None

    def status_of(state: NodeStatus) -> NodeStatus:
        """Return a node's status: nobody knows another one."""
        return state


__all__ = [
    'Behaviour',
    'Decorator',
    'NOT_A_BLACKBOX',
    'Parallel',
    'Selector',
    'Sequence',
    'status_of',
    'SUCCESS_ON_ALL',
    'WITH_PY_TREES',
]
