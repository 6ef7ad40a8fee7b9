# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Follow one run of a tree, from its acceptance to its result."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
import time
from typing import Any
import uuid

from ..errors import clip, Problem, TickError, TreeErrors
from ..node import IDLE, RUNNING, TreeNode
from ..sliced_call import SlicedCall
from ..status import NodeStatus
from ..tree import Tree
from .bridge_nodes import jsonable
from .tree_executor import close_executor, make_executor, TreeExecutor
from .tree_ros import TreeRos

# How long a tree is ticked at a time, s, and up to which size its tick needs no interruption: 50
# leaves that each send an order to a server take about as long.
TICK_TIME = 0.01
_SMALL_NODES = 50
_SMALL_SCRIPTS = 2000  # characters


class RunState(StrEnum):
    """Where a run is in its life."""

    CHECKING = 'checking'
    WAITING = 'waiting'
    RUNNING = 'running'
    STOPPING = 'stopping'
    SUCCEEDED = 'succeeded'
    FAILED = 'failed'
    HALTED = 'halted'
    ERROR = 'error'
    REJECTED = 'rejected'

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return self in _ENDS


_ENDS = frozenset(
    (
        RunState.SUCCEEDED,
        RunState.FAILED,
        RunState.HALTED,
        RunState.ERROR,
        RunState.REJECTED,
    )
)


class TreeRun:
    """
    A tree that runs, has run, or is about to; while it is CHECKING its nodes are not made.

    `status` is the root's last one, IDLE if the tree was halted; `error` says in words why it did
    not succeed; `moves` whether it may move the base, which is so until it has been checked.
    `on_progress` and `on_end` are called on the ROS thread.
    """

    def __init__(
        self,
        name: str,
        ros: TreeRos,
        *,
        on_progress: Callable[[TreeRun], None] | None = None,
        on_end: Callable[[TreeRun], None] | None = None,
    ) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.name = name
        self.ros = ros
        self.moves = True
        self.state = RunState.CHECKING
        self.status = IDLE
        self.error = ''
        self.halting = ''  # Why it is to be halted, if it is.
        self.paused = False
        self.keeps_moving = False  # Whether a goal goes on while it is paused.
        self.command_id = ''  # The command that began it, if one did.
        self.preempted_by = ''  # The command that took its place.
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.on_progress = on_progress or (lambda run: None)
        self.on_end = on_end or (lambda run: None)
        self.made_at = time.monotonic()
        self.executor: TreeExecutor | None = None
        # The leaf that failed last in the newest tick; a node with children if no leaf did.
        self.last_failure: TreeNode | None = None
        self._tree: Tree | None = None
        self._slices: SlicedCall | None = None
        self._outcome = RunState.HALTED

    @property
    def tree(self) -> Tree:
        """The tree, once it has been checked."""
        assert self._tree is not None
        return self._tree

    def check_passed(self, tree: Tree) -> None:
        """Take the tree that was built; it waits for its turn."""
        self._tree = tree
        self.name = self.name or tree.tree_id
        self.moves = any(node.moves for node in tree.nodes)
        self.warnings = tree.warnings
        self.made_at = time.monotonic()
        self.state = RunState.WAITING

    def reject(self, errors: TreeErrors) -> None:
        """End before the first tick, because the document is not a tree of this robot."""
        self.problems, self.warnings = errors.problems, errors.warnings
        self.error = str(errors)
        self.state = RunState.REJECTED
        self.on_end(self)

    def begin(self) -> None:
        """Make ready for the first tick."""
        tree = self.tree
        self.executor = make_executor(tree, self.ros)
        tree.tick_budget = TICK_TIME
        if tree.size.nodes > _SMALL_NODES or tree.size.scripts > _SMALL_SCRIPTS:
            self._slices = SlicedCall(f'tree {self.name}'[:15])
            tree.interrupt_with(self._slices.checkpoint)
        self.state = RunState.RUNNING

    @property
    def in_tick(self) -> bool:
        """Whether a tick has begun and is to go on."""
        return self._slices is not None and self._slices.is_open

    def tick(self) -> None:
        """Tick once, or go on with a tick, and take a result or an error for the end."""
        assert self.executor is not None
        if not self.in_tick:
            # The tick that was asked for is this one.
            self.tree.context.pop_wake_up()
            self.last_failure = None
        try:
            if self._slices is None:
                self.executor.tick()
            elif not self._slices.run(self.executor.tick, TICK_TIME):
                return
        except TickError as error:
            self._fail(error)
            return
        except Exception as error:  # Of a viewer; it ends the tree, not the bridge.
            root = self.tree.root
            self._fail(TickError(root.path, root.type_id, repr(error)))
            return
        self.status = self.tree.status
        if self.status is not RUNNING:
            succeeded = self.status is NodeStatus.SUCCESS
            self._outcome = RunState.SUCCEEDED if succeeded else RunState.FAILED
            if not succeeded:
                self.error = self._why_failed()
            self.state = RunState.STOPPING
            self.ros.cancel()

    def halt(self, why: str) -> None:
        """Begin to end; over when everything the tree began has ended."""
        if self.state is RunState.RUNNING:
            self.status = IDLE
            self.error = why
            self._end_tick()
            try:
                self.tree.halt()
            except TickError as error:
                self._fail(error)
            self.ros.cancel()
            self.state = RunState.STOPPING
        elif self.state in (RunState.CHECKING, RunState.WAITING):
            self.status = IDLE
            self.error = why
            self.finish()

    def pause(self) -> None:
        """Let time stand still for it, and take its goals from their servers, until `resume`."""
        self.paused = True
        self.tree.context.clock.pause()
        self.keeps_moving = not self.ros.pause()

    def resume(self) -> None:
        """Go on where it was paused."""
        self.paused = False
        self.tree.context.clock.resume()
        self.ros.resume()

    @property
    def phase(self) -> str:
        """Its state in a word, for those who watch it."""
        paused = self.paused and self.state is RunState.RUNNING
        return 'paused' if paused else self.state.value

    def finish(self) -> None:
        """Leave the graph; the run is over. Whoever called reports it, and calls `on_end`."""
        if self._slices is not None:
            self._slices.close()
        if self.executor is not None:
            close_executor(self.executor, self.ros)
        else:
            for node in self._tree.nodes if self._tree is not None else ():
                node.shutdown()
            self.ros.close()
        self.state = self._outcome

    @property
    def active_nodes(self) -> list[str]:
        """Paths of the nodes that are RUNNING."""
        if self._tree is None:
            return []
        return [node.path for node in self._tree.nodes if node.state is RUNNING]

    def blackboard(self) -> dict[str, Any]:
        """The entries of the root's blackboard as JSON has them."""
        if self._tree is None:
            return {}
        return {key: jsonable(value) for key, value in self._tree.blackboard.snapshot().items()}

    def _end_tick(self) -> None:
        if self._slices is not None:
            self._slices.abort()

    def _why_failed(self) -> str:
        """Say which node failed, and why if it said so: the last leaf that did."""
        failed = self.last_failure
        if failed is None:
            return ''
        reason = f': {failed.feedback_message}' if failed.feedback_message else ''
        return clip(f'{failed.path} [{failed.type_id}] failed{reason}', 1000)

    def _fail(self, error: TickError) -> None:
        node = next((node for node in self.tree.nodes if node.path == error.path), None)
        line = node.config.line if node is not None else 0
        self.problems.append(Problem(f'{error.type_id}: {error.reason}', line, error.path))
        self.error = str(error)
        self.status = NodeStatus.FAILURE
        self._outcome = RunState.ERROR
        if self.state is RunState.RUNNING:
            self.state = RunState.STOPPING
            self._end_tick()
            try:
                self.tree.halt()
            except TickError:
                pass  # What raised once may again; all other nodes are halted.
            self.ros.cancel()
