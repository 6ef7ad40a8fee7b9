# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What is one run of a tree, from its acceptance to its result."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
import time
from typing import Any
import uuid

from ..errors import Problem, TickError
from ..executor import ExecutorMixin
from ..node import IDLE, RUNNING
from ..status import NodeStatus
from ..tree import Tree
from .bridge_nodes import jsonable
from .tree_executor import close_executor, make_executor
from .tree_ros import TreeRos


class RunState(StrEnum):
    """Where a run is in its life."""

    WAITING = 'waiting'
    RUNNING = 'running'
    STOPPING = 'stopping'
    SUCCEEDED = 'succeeded'
    FAILED = 'failed'
    HALTED = 'halted'
    ERROR = 'error'

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return self in (RunState.SUCCEEDED, RunState.FAILED, RunState.HALTED, RunState.ERROR)


class TreeRun:
    """
    A tree that runs, has run, or is about to.

    `status` is the root's last one, IDLE if the tree was halted; `error` says in words why it did
    not end by itself; `moves` whether it may move the base. `on_progress` and `on_end` are called
    on the ROS thread.
    """

    def __init__(
        self,
        name: str,
        tree: Tree,
        ros: TreeRos,
        *,
        on_progress: Callable[[TreeRun], None] | None = None,
        on_end: Callable[[TreeRun], None] | None = None,
    ) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.name = name
        self.tree = tree
        self.ros = ros
        self.moves = any(node.moves for node in tree.nodes)
        self.state = RunState.WAITING
        self.status = IDLE
        self.error = ''
        self.halting = ''  # Why it is to be halted, if it is.
        self.paused = False
        self.keeps_moving = False  # Whether a goal goes on while it is paused.
        self.command_id = ''  # The command that began it, if one did.
        self.preempted_by = ''  # The command that took its place.
        self.problems: list[Problem] = []
        self.on_progress = on_progress or (lambda run: None)
        self.on_end = on_end or (lambda run: None)
        self.made_at = time.monotonic()
        self.executor: ExecutorMixin | None = None
        self._outcome = RunState.HALTED

    def begin(self) -> None:
        """Make ready for the first tick."""
        self.executor = make_executor(self.tree, self.ros)
        self.state = RunState.RUNNING

    def tick(self) -> None:
        """Tick once, and take a result or an error for the end."""
        assert self.executor is not None
        # The tick that was asked for is this one.
        self.tree.context.take_wake_up()
        try:
            self.executor.tick()
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
            self.state = RunState.STOPPING
            self.ros.cancel()

    def halt(self, why: str) -> None:
        """Begin to end; over when everything the tree began has ended."""
        if self.state is RunState.RUNNING:
            self.status = IDLE
            self.error = why
            try:
                self.tree.halt()
            except TickError as error:
                self._fail(error)
            self.ros.cancel()
            self.state = RunState.STOPPING
        elif self.state is RunState.WAITING:
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
        """Leave the graph; the run is over."""
        if self.executor is not None:
            close_executor(self.executor, self.ros)
        else:
            for node in self.tree.nodes:
                node.shutdown()
            self.ros.close()
        self.state = self._outcome
        self.on_end(self)

    @property
    def active_nodes(self) -> list[str]:
        """Paths of the nodes that are RUNNING."""
        return [node.path for node in self.tree.nodes if node.state is RUNNING]

    def blackboard(self) -> dict[str, Any]:
        """The entries of the root's blackboard as JSON has them."""
        return {key: jsonable(value) for key, value in self.tree.blackboard.snapshot().items()}

    def _fail(self, error: TickError) -> None:
        node = next((node for node in self.tree.nodes if node.path == error.path), None)
        line = node.config.line if node is not None else 0
        self.problems.append(Problem(f'{error.type_id}: {error.reason}', line, error.path))
        self.error = str(error)
        self.status = NodeStatus.FAILURE
        self._outcome = RunState.ERROR
        if self.state is RunState.RUNNING:
            self.state = RunState.STOPPING
            try:
                self.tree.halt()
            except TickError:
                pass  # What raised once may again; all other nodes are halted.
            self.ros.cancel()
