# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Offers trees to nodes of the robot: the action `~/run_tree` and the service `~/load_tree`."""

from __future__ import annotations

from typing import Any

from rclpy.action import CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from xparo_interfaces.action import RunTree
from xparo_interfaces.srv import LoadTree

from ...json_reader import read_object
from ...json_writer import dumps_any
from ...ros.entities import action_server, service
from ..errors import first_problems, TreeErrors
from ..status import NodeStatus
from .tree_run import TreeRun
from .trees import Trees


class TreeServices:
    """Lets nodes of the robot do with trees what the platform does."""

    def __init__(self, node: Node, trees: Trees) -> None:
        self._trees = trees
        self._runs: dict[bytes, TreeRun] = {}
        # Its own group: a goal that waits for the end of its tree must not keep others waiting.
        self._server = action_server(
            node,
            RunTree,
            '~/run_tree',
            self._execute,
            cancel_callback=self._on_cancel,
            callback_group=ReentrantCallbackGroup(),
        )
        # Its own group as well: a tree is checked beside the thread that answers.
        service(
            node,
            LoadTree,
            '~/load_tree',
            self._on_load,
            callback_group=ReentrantCallbackGroup(),
        )

    async def _execute(self, goal: ServerGoalHandle) -> Any:
        request = goal.request
        ended = Future()

        def report(run: TreeRun) -> None:
            goal.publish_feedback(
                RunTree.Feedback(status=str(run.status), active_nodes=run.active_nodes)
            )

        key = bytes(goal.goal_id.uuid)
        try:
            blackboard = read_object(request.blackboard or '{}')
            if request.xml:
                run = self._trees.run_xml(
                    request.tree_name,
                    request.xml,
                    blackboard,
                    on_progress=report,
                    on_end=ended.set_result,
                )
            else:
                run = self._trees.run(
                    request.tree_name, blackboard, on_progress=report, on_end=ended.set_result
                )
        except (ValueError, KeyError, TreeErrors) as error:
            goal.abort()
            return RunTree.Result(
                status=str(NodeStatus.IDLE),
                blackboard='{}',
                error=str(error.args[0]) if isinstance(error, KeyError) else str(error),
            )
        self._runs[key] = run
        if goal.is_cancel_requested:
            self._trees.halt(run, 'canceled')
        await ended
        del self._runs[key]
        if goal.is_cancel_requested:
            goal.canceled()
        elif run.status is NodeStatus.SUCCESS:
            goal.succeed()
        else:
            goal.abort()
        return RunTree.Result(
            status=str(run.status), error=run.error, blackboard=dumps_any(run.blackboard())
        )

    def _on_cancel(self, goal: ServerGoalHandle) -> CancelResponse:
        run = self._runs.get(bytes(goal.goal_id.uuid))
        if run is not None:
            self._trees.halt(run, 'canceled')
        return CancelResponse.ACCEPT

    async def _on_load(
        self, request: LoadTree.Request, response: LoadTree.Response
    ) -> LoadTree.Response:
        ended: Future = Future()
        try:
            self._trees.load(
                request.tree_name,
                request.xml,
                lambda name, warnings, errors: ended.set_result((warnings, errors)),
            )
        except TreeErrors as error:
            ended.set_result(([], error))
        warnings, errors = await ended
        response.success = errors is None
        if errors is not None:
            warnings = errors.warnings
            response.problems = [str(problem) for problem in first_problems(errors.problems)]
        response.warnings = [str(problem) for problem in first_problems(warnings)]
        return response
