# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Report to the platform how a tree runs.

The structure once, then at most ten times a second the nodes whose status changed. A node that
does the same at every tick, such as a condition that holds, is reported once; a node that changed
several times since the last report is reported with the last result it had and its status now.
While no link is up nothing is sent, and what changed meanwhile is sent as one report. Entries of
the blackboard that were written go with them, or once a second alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
import time
from typing import Any

from ...messages import BehaviorStatus
from ..errors import clip, first_problems, Problem
from ..node import FAILURE, IDLE, RUNNING, TreeNode
from ..status import NodeStatus
from .shown_blackboard import ShownBlackboard
from .tree_run import TreeRun

PERIOD = 0.1  # s between reports
ENTRIES_PERIOD = 1.0  # s between reports of a blackboard alone
# Of a tree in which more nodes change the others are in the next report, ms apart.
_MAX_NODES = 1000
_MAX_MESSAGE = 1000  # characters

Send = Callable[[BehaviorStatus, str | None], object]
# Takes names of tree and run, the node, and its status.
Watch = Callable[[str, str, TreeNode, NodeStatus], object]


class TreeReports:
    """Reports one run after the other; on the ROS thread."""

    def __init__(self, send: Send, is_connected: Callable[[], bool] = lambda: True) -> None:
        """`send(status, link)` sends to one link, or to all for None."""
        self._send = send
        self._is_connected = is_connected
        self._run: TreeRun | None = None
        self._stop_observing: Callable[[], None] = lambda: None
        # The nodes that changed since the last report, with the last result they had.
        self._changed: dict[TreeNode, NodeStatus | None] = {}
        self._reported: dict[TreeNode, tuple[NodeStatus, NodeStatus | None, str]] = {}
        # Where each node comes in a report: after its children, however late the report is. By
        # their first changes a parent that was RUNNING would end before the child that failed.
        self._places: dict[TreeNode, int] = {}
        self._entries: ShownBlackboard | None = None
        self._next = 0.0
        self._next_entries = 0.0
        # Who hears of each change of a node's status, and of how each run stands.
        self._watch: Watch | None = None
        self._hear: Callable[[BehaviorStatus], object] = lambda status: None

    def watch(self, watch: Watch, hear: Callable[[BehaviorStatus], object]) -> None:
        """Call `watch` at each change of a node, and `hear` with how each run begins and ends."""
        self._watch, self._hear = watch, hear

    def _report_to(self, status: BehaviorStatus, link: str | None = None) -> None:
        self._hear(status)
        self._send(status, link)

    def begin(self, run: TreeRun) -> None:
        """Report a run that begins, and follow it."""
        self._run = run
        self._changed.clear()
        self._reported.clear()
        self._places = {node: place for place, node in enumerate(run.tree.children_first())}
        self._stop_observing = run.tree.observe(self._on_change)
        self._entries = ShownBlackboard(run.tree)
        self._report_to(
            BehaviorStatus(
                run.name,
                run.phase,
                errors=problem_list(run.warnings),
                run_id=run.id,
                structure=run.tree.describe(),
                blackboard=self._entries.changes(),
            )
        )

    def introduce(self, link: str) -> None:
        """Report the run there is to a link that has just connected."""
        run = self._run
        if run is not None and self._entries is not None:
            self._send(
                BehaviorStatus(
                    run.name,
                    run.phase,
                    run_id=run.id,
                    structure=run.tree.describe(),
                    blackboard=self._entries.everything(),
                ),
                link,
            )

    def report_phase(self, run: TreeRun) -> None:
        """Report that a run is paused or goes on."""
        self._report_to(BehaviorStatus(run.name, run.phase, run_id=run.id))

    def flush(self, *, now: bool = False) -> None:
        """Send what changed, if it is time."""
        run = self._run
        if run is None or self._entries is None:
            return
        moment = time.monotonic()
        if not now and moment < (self._next if self._changed else self._next_entries):
            return
        if not (now or self._is_connected()):
            return
        self._next = moment + PERIOD
        nodes = self._pop_changes(_MAX_NODES)
        entries: dict[str, Any] = {}
        if nodes or now or moment >= self._next_entries:
            self._next_entries = moment + ENTRIES_PERIOD
            entries = self._entries.changes()
        if nodes or entries:
            self._send(
                BehaviorStatus(run.name, run.phase, nodes, run_id=run.id, blackboard=entries), None
            )

    def end(self, run: TreeRun) -> None:
        """Report how a run ended."""
        nodes: list[dict[str, Any]] = []
        entries: dict[str, Any] = {}
        if run is self._run and self._entries is not None:
            self._stop_observing()
            nodes, entries = self._pop_changes(), self._entries.changes()
            self._run = self._entries = None
        errors = problem_list(run.problems)
        if run.error and not errors:
            errors = problem_list([Problem(run.error)])
        self._report_to(
            BehaviorStatus(run.name, run.state.value, nodes, errors, run.id, blackboard=entries)
        )

    def reject(self, name: str, problems: Sequence[Problem], link: str | None) -> None:
        """Report to who sent a tree why it does not run."""
        self._report_to(BehaviorStatus(name, 'rejected', errors=problem_list(problems)), link)

    def _on_change(self, node: TreeNode, old: NodeStatus, new: NodeStatus) -> None:
        # Called for every node at every tick, so it does next to nothing.
        if self._watch is not None and self._run is not None:
            self._watch(self._run.name, self._run.id, node, new)
        if new is FAILURE and self._run is not None:
            before = self._run.last_failure
            if before is None or not node.children:
                self._run.last_failure = node
        if new is not IDLE and new is not RUNNING:
            self._changed[node] = new
        elif node not in self._changed:
            self._changed[node] = None

    def _pop_changes(self, most: int | None = None) -> list[dict[str, Any]]:
        nodes = []
        for node in sorted(islice(self._changed, most), key=self._places.__getitem__):
            result = self._changed.pop(node)
            news = (node.state, result, node.feedback_message)
            if self._reported.get(node) == news:
                continue
            self._reported[node] = news
            entry = {'uid': node.uid, 'status': str(node.state)}
            if result is not None and result is not node.state:
                entry['result'] = str(result)
            if node.feedback_message:
                entry['message'] = clip(node.feedback_message, _MAX_MESSAGE)
            nodes.append(entry)
        return nodes


def problem_list(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """The first problems as JSON has them, without what is empty."""
    found = []
    for problem in first_problems(problems):
        entry: dict[str, Any] = {'message': problem.message}
        for key in ('line', 'path', 'hint', 'file'):
            if getattr(problem, key):
                entry[key] = getattr(problem, key)
        if problem.is_warning:
            entry['warning'] = True
        found.append(entry)
    return found
