# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Reads, checks and builds trees without keeping the ROS thread from its work.

A document is read and checked in a thread beside it. Nodes that use ROS are then made on the ROS
thread, a few at a time. One order after another, in the order they came; so are the answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
import threading
from typing import Any

from rclpy.node import Node

from ...ros.entities import guard_condition
from ..blackboard import Blackboard
from ..context import TreeContext
from ..document import Limits
from ..errors import Problem, TreeErrors
from ..loader import Plan, Reader
from ..registry import NodeRegistry
from ..timing import TimeSource
from ..tree import Tree
from ..work import Work
from .tree_ros import SERVICE as ROS_SERVICE
from .tree_ros import TreeRos

# How long a document may take to be read and checked, s.
_TIMEOUT = 10.0
# How long nodes are made at a time, s; one node that uses an action takes about 5 ms.
_SLICE = 0.01
# Orders that may wait; each has a document of up to a million characters.
_MAX_ORDERS = 32


@dataclass(eq=False)
class Order:
    """
    A tree to be built from a document, with what its blackboard begins with.

    Exactly one of `on_ready` and `on_refused` is called, on the ROS thread; neither once it is
    no longer `active`.
    """

    name: str
    xml: str = field(repr=False)
    values: Mapping[str, Any]
    ros: TreeRos
    on_ready: Callable[[Tree], None]
    on_refused: Callable[[TreeErrors], None]
    active: bool = True
    plan: Plan | None = None
    errors: TreeErrors | None = None


class TreePreparation:
    """Builds the trees of a robot, beside the ROS thread as far as that can be."""

    def __init__(
        self,
        node: Node,
        registry: NodeRegistry,
        clock: TimeSource,
        services: Mapping[str, Any],
        limits: Limits,
        tree_folder: Path | None,
    ) -> None:
        """`services` are lent to each tree; trees may include files of `tree_folder`."""
        self._registry = registry
        self._clock = clock
        self._services = services
        self._limits = limits
        self._folder = tree_folder
        self._logger = node.get_logger().get_child('trees')
        self._guard = guard_condition(node, self._advance)
        self._orders: deque[Order] = deque()
        self._to_read: SimpleQueue[Order | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, order: Order) -> None:
        """
        Build a tree when those ordered before it are built.

        :raises TreeErrors: if too many wait.
        """
        if sum(other.active for other in self._orders) >= _MAX_ORDERS:
            raise TreeErrors(
                [Problem(f'{_MAX_ORDERS} trees wait to be checked', hint='send it again later')]
            )
        if self._thread is None:
            self._thread = threading.Thread(target=self._read_all, name='trees', daemon=True)
            self._thread.start()
        self._orders.append(order)
        self._to_read.put(order)

    def drop(self, order: Order) -> None:
        """Take an order back."""
        order.active = False

    def close(self) -> None:
        """Take all orders back and end the thread."""
        for order in self._orders:
            order.active = False
        if self._thread is not None:
            self._to_read.put(None)
            self._thread = None

    def forget(self) -> None:
        """End, and keep nothing that was to be built; the executor spins no more."""
        self.close()
        self._orders.clear()

    # In the thread beside

    def _read_all(self) -> None:
        while (order := self._to_read.get()) is not None:
            self._read_one(order)
            del order  # Else it is kept, and the node with it, until the next one comes.

    def _read_one(self, order: Order) -> None:
        try:
            if order.active:
                order.plan = self._read(order)
        except TreeErrors as error:
            order.errors = error
        except Exception as error:
            self._logger.error(f'tree {order.name}: {error!r}')
            order.errors = TreeErrors([Problem(f'the tree cannot be read: {error!r}')])
        if order.plan is None and order.errors is None:
            order.errors = TreeErrors([Problem('the tree is no longer needed')])
        self._guard.trigger()

    def _read(self, order: Order) -> Plan:
        work = Work(_TIMEOUT, gives_way=True, is_active=lambda: order.active)
        reader = Reader(self._registry, self._limits, self._folder, work=work)
        reader.read(order.xml)
        context = TreeContext(
            self._clock, {**self._services, ROS_SERVICE: order.ros}, self._registry.enums
        )
        # A document may leave open which of its trees is the main one; the name says.
        named = order.name in reader.trees and 'main_tree_to_execute' not in order.xml
        return reader.plan(order.name if named else '', Blackboard(), context, order.values)

    # On the ROS thread

    def _advance(self) -> None:
        """Do the next piece of what is read."""
        if not self._orders:
            return
        order = self._orders[0]
        if order.plan is None and order.errors is None:
            return
        if order.active and order.errors is None and order.plan is not None:
            try:
                if not order.plan.make(_SLICE):
                    self._guard.trigger()
                    return
            except TreeErrors as error:
                order.errors, order.plan = error, None
        self._orders.popleft()
        self._guard.trigger()
        self._end(order)

    def _end(self, order: Order) -> None:
        plan, errors = order.plan, order.errors
        if plan is not None and order.active:
            order.on_ready(plan.tree())
            return
        if plan is not None:
            plan.abandon()
        order.ros.close()
        if errors is not None and order.active:
            order.on_refused(errors)
