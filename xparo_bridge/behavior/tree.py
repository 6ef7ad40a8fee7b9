# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Tick, halt and watch a loaded tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
import time
from typing import Any

from .blackboard import Blackboard
from .budget import allow_recursion, Size
from .context import TreeContext
from .errors import Problem, TickError
from .node import IDLE, Observer, RUNNING, TreeNode
from .status import NodeStatus

# Rounds of one tick_once; after these the tree asks to be woken again, so that a loop without
# end, such as Repeat of a node that is done at once, returns.
MAX_ROUNDS = 1000


class Tree:
    """A tree ready to be ticked. All its methods but `wake_up` belong to one thread."""

    def __init__(
        self,
        tree_id: str,
        nodes: Sequence[TreeNode],
        blackboards: Mapping[str, Blackboard],
        context: TreeContext,
        warnings: Iterable[Problem] = (),
        size: Size | None = None,
    ) -> None:
        """`size` is what the tree was measured to be, if it was."""
        self.tree_id = tree_id
        self.nodes = list(nodes)
        self.root = self.nodes[0]
        self.root.drive = self.drive
        self.blackboards = dict(blackboards)
        self.context = context
        self.warnings = list(warnings)
        self._observers: list[Observer] = []
        self._visited: list[TreeNode] | None = None
        self._result = IDLE
        # The time of one tick_once, s; after it the tree asks to be woken again as well.
        self.tick_budget = float('inf')
        self.size = size or Size(len(self.nodes), self._depth())
        allow_recursion(self.size.depth)

    # Ticking

    def tick_exactly_once(self) -> NodeStatus:
        """
        Tick the root once and return its status.

        :raises TickError: if a node raised; the tree should then be halted.
        """
        self.context.timers.run_due()
        status = self._result = self.root.execute_tick()
        self.reset_if_done()
        return status

    def tick_once(self) -> NodeStatus:
        """
        Tick the root, and again as long as a node asked for it during the tick.

        :raises TickError: if a node raised; the tree should then be halted.
        """
        status = self._tick_rounds()
        self.reset_if_done()
        return status

    def halt(self) -> None:
        """
        Halt all RUNNING nodes and make the tree IDLE.

        `_onHalted` runs twice for nodes that were RUNNING and once for all others, as in
        BehaviorTree.CPP.

        :raises TickError: the first one, if halting a node raised; all others are halted still.
        """
        first_error: TickError | None = None
        try:
            self.root.halt_node()
            for node in self._in_order():
                node.halt_node()
        except TickError as error:
            first_error = error
            self._halt_rest()
        except Exception as error:
            first_error = TickError(self.root.path, self.root.type_id, repr(error))
            self._halt_rest()
        self.root.reset_status()
        self._result = IDLE
        if first_error is not None:
            raise first_error

    def shutdown(self) -> None:
        """
        Halt the tree for good and let every node give back what it holds.

        :raises TickError: if halting did; the nodes are shut down nevertheless.
        """
        try:
            self.halt()
        finally:
            for node in self.nodes:
                node.shutdown()

    def reset_if_done(self) -> None:
        """
        Make the root IDLE if it has a result, which starts the tree over at the next tick.

        The ticks do this themselves; whoever ticks the root through py_trees does it when all
        handlers and visitors have seen the result.
        """
        if self.root.state not in (IDLE, RUNNING):
            self.root.reset_status()

    def interrupt_with(self, checkpoint: Callable[[], None] | None) -> None:
        """Have `checkpoint` called before each leaf is ticked; None ends that."""
        for node in self.nodes:
            if not node.children:
                node.call_before_ticks(checkpoint)

    @property
    def status(self) -> NodeStatus:
        """The status that the last tick returned; IDLE before the first and after a halt."""
        return self._result

    # Waking up

    def wake_up(self) -> None:
        """Ask for another tick soon; any thread may."""
        self.context.wake_up()

    @property
    def on_wake_up(self) -> Callable[[], None] | None:
        """Called, on any thread, when a node asks for a tick; it should only schedule one."""
        return self.context.on_wake_up

    @on_wake_up.setter
    def on_wake_up(self, callback: Callable[[], None] | None) -> None:
        self.context.on_wake_up = callback

    def next_deadline(self) -> float | None:
        """The time, by the tree's clock, when a waiting node wants to be ticked; or None."""
        return self.context.timers.next_deadline()

    # Watching

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Call an observer at every change of a node's status; the returned call ends that."""
        self._observers.append(observer)
        self._spread()

        def stop() -> None:
            self._observers.remove(observer)
            self._spread()

        return stop

    def record_visits(self, enabled: bool) -> None:
        """Keep, for visitors of py_trees, the list of nodes that a tick reached."""
        if enabled is (self._visited is not None):
            return
        self._visited = [] if enabled else None
        self._spread()

    def describe(self) -> list[dict[str, Any]]:
        """What is needed to draw the tree: a dictionary for each node, by rising uid."""
        return [
            {
                'uid': node.uid,
                'parent': node.parent.uid if node.parent is not None else None,
                'path': node.path,
                'name': node.name,
                'type': node.type_id,
                'kind': node.KIND.value,
                'status': str(node.state),
            }
            for node in self.nodes
        ]

    def children_first(self) -> list[TreeNode]:
        """All nodes in the order in which they end: each after its children."""
        found, waiting = [], [self.root]
        while waiting:
            node = waiting.pop()
            found.append(node)
            waiting.extend(node.children)
        return found[::-1]

    @property
    def blackboard(self) -> Blackboard:
        """The blackboard of the main tree."""
        return self.root.blackboard.root

    def drive(self) -> Iterable[TreeNode]:
        """Tick once for an executor: return the nodes reached, and leave the result to be seen."""
        self.reset_if_done()
        if self._visited is not None:
            self._visited.clear()
        self._tick_rounds()
        return [self.root] if self._visited is None else self._visited

    def _tick_rounds(self) -> NodeStatus:
        context, root = self.context, self.root
        context.tick_end = time.monotonic() + self.tick_budget
        context.timers.run_due()
        status = root.execute_tick()
        rounds = 1
        while status is RUNNING and (context.pop_wake_up() or context.timers.run_due()):
            if rounds == MAX_ROUNDS or context.is_overdue:
                context.wake_up()
                break
            status = root.execute_tick()
            rounds += 1
        self._result = status
        return status

    def _in_order(self) -> Iterable[TreeNode]:
        """All nodes, each before its children."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def _depth(self) -> int:
        """How deep nodes are nested."""
        deepest = 0
        waiting = [(self.root, 1)]
        while waiting:
            node, depth = waiting.pop()
            deepest = max(deepest, depth)
            waiting.extend((child, depth + 1) for child in node.children)
        return deepest

    def _halt_rest(self) -> None:
        """Halt what an error left RUNNING, each node by itself."""
        for node in self._in_order():
            if node.state is RUNNING:
                try:
                    node.halt_node()
                except Exception:  # noqa: S110
                    # The first error is the one to report; the others must not stop the halting.
                    pass
            node.reset_status()

    def _spread(self) -> None:
        """Let all nodes know who watches them."""
        observers = tuple(self._observers)
        observer: Observer | None = None
        if len(observers) == 1:
            observer = observers[0]
        elif observers:

            def observer(node: TreeNode, old: NodeStatus, new: NodeStatus) -> None:
                for each in observers:
                    each(node, old, new)

        for node in self.nodes:
            node.watch(observer, self._visited)
