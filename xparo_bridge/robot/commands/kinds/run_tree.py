# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `run_tree`: run a behaviour tree that the robot knows by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....behavior.errors import TreeErrors
from ....behavior.ros.robot_commands import TREE
from ....behavior.ros.tree_run import TreeRun
from ....behavior.ros.trees import NoSuchTree
from ....messages import ErrorCode
from ....ros.walls import owned_by
from ..kind import Kind, Schema, settings
from ..run import Rejection, Run


class RunTree(Kind[TreeRun]):
    """
    Succeeds if the tree does; a newer tree takes the place of the one that runs.

    Progress has the active nodes, the result the root's blackboard.
    """

    settings_schema = settings(timeout=86400.0, concurrency='preempt', channel='tree', motion=True)

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        return {
            'type': 'object',
            'additionalProperties': False,
            'required': ['tree_name'],
            'properties': {
                'tree_name': {'type': 'string', 'description': 'a tree of list_trees'},
                'blackboard': {'type': 'object', 'description': 'what the blackboard starts with'},
            },
        }

    def prepare(self, run: Run[TreeRun]) -> Rejection | None:
        name, trees = run.parameters['tree_name'], self.robot.trees
        if run.source == TREE:
            return Rejection(
                ErrorCode.WITHIN_A_TREE, 'a tree cannot take its own place; use a SubTree'
            )
        if name not in trees.names:
            return Rejection(
                ErrorCode.UNKNOWN_TREE, trees.unknown(name).args[0], {'known': trees.names}
            )
        return None

    def start(self, run: Run[TreeRun]) -> None:
        name = run.parameters['tree_name']
        try:
            with owned_by(None):  # The trees have walls of their own.
                tree_run = self.robot.trees.run(
                    name,
                    run.parameters.get('blackboard'),
                    on_progress=lambda tree: self.robot.runs.guarded(
                        run, lambda run: self._progress(run, tree)
                    ),
                    on_end=lambda tree: self.robot.runs.guarded(
                        run, lambda run: self._ended(run, tree)
                    ),
                )
        except NoSuchTree as error:
            run.fail(ErrorCode.UNKNOWN_TREE, error.args[0])
            return
        except TreeErrors as error:
            run.fail(ErrorCode.BAD_TREE, str(error))
            return
        tree_run.command_id = run.id
        run.work = tree_run
        run.running()

    def cancel(self, run: Run[TreeRun]) -> None:
        self.robot.trees.halt(run.work, 'canceled')

    def pause(self, run: Run[TreeRun]) -> bool:
        run.paused = True  # The trees hold it, as one that no command began.
        return True

    def resume(self, run: Run[TreeRun]) -> None:
        run.paused = False
        run.running({'active_nodes': run.work.active_nodes})

    def emergency_stop(self) -> None:
        # Also the tree that the platform pushed.
        self.robot.trees.halt()

    def takes_over(self, run: Run[TreeRun], old: Run[Any]) -> bool:
        # The trees see to it themselves that one begins when the other has ended.
        return isinstance(old.kind, RunTree)

    def _progress(self, run: Run[TreeRun], tree: TreeRun) -> None:
        progress = {'active_nodes': tree.active_nodes}
        if tree.paused:
            run.report_paused(progress)
        else:
            run.running(progress)

    def _ended(self, run: Run[TreeRun], tree: TreeRun) -> None:
        if tree.state == 'succeeded':
            run.succeed({'blackboard': tree.blackboard()})
        elif tree.state == 'halted':
            run.preempted_by = run.preempted_by or tree.preempted_by
            # What the tree says then is no more than that it was cancelled, or by what.
            run.canceled('' if run.canceling or run.preempted_by else tree.error)
        else:
            run.fail(ErrorCode.TREE_FAILED, tree.error or f'the tree {tree.name} failed')
