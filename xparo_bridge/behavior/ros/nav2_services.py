# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Nav2's nodes that call a service, and those that do more than that with its answer."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from ..errors import PortError
from ..leaves import LeafNode, StatefulAction
from ..node import FAILURE, SUCCESS
from ..status import NodeKind, NodeStatus
from .nav2_interfaces import RECOVERIES
from .nav2_poses import mark_waypoint, path_of, pose_of, poses_of, SKIPPED_WAYPOINT
from .service_leaf import RosService


def count_recovery(leaf: StatefulAction) -> None:
    """Count in the entry that Nav2 reports the number of recoveries from."""
    leaf.blackboard.set('number_recoveries', leaf.blackboard.get('number_recoveries', 0) + 1)


class Nav2Service(RosService):
    """A node of Nav2 that calls a service."""

    def make_request(self) -> Any:
        if self.type_id in RECOVERIES:
            count_recovery(self)
        return super().make_request()


class ValidatePath(Nav2Service):
    """Asks the planner whether a path is free, and where it is not."""

    def on_response(self, response: Any) -> NodeStatus:
        indices = [] if response.is_valid else list(response.invalid_pose_indices)
        if 'collision_poses' in self.config.outputs:
            poses = path_of(self, 'path').poses
            self.set_output(
                'collision_poses',
                [poses[index] for index in indices if 0 <= index < len(poses)],
            )
        if not getattr(response, 'success', True):
            return self._fail('the path could not be validated')
        return SUCCESS if response.is_valid else self._fail(f'{len(indices)} poses are not free')


class CheckPoseOccupancy(Nav2Service):
    """Succeeds if a pose is occupied on the global costmap."""

    def make_request(self) -> Any:
        request = super().make_request()
        pose = pose_of(self, 'pose')
        if pose is None:
            raise PortError('the port [pose] has no value')
        request.poses = [pose]
        return request

    def on_response(self, response: Any) -> NodeStatus:
        if not response.success or not response.costs:
            return self._fail('the costs are not known')
        return FAILURE if is_free(self, response.costs[0]) else SUCCESS


class RemoveInCollisionGoals(Nav2Service):
    """Leaves the goals out that are occupied on the global costmap."""

    def on_start(self) -> NodeStatus:
        self._goals = poses_of(self, 'input_goals')
        if not self._goals:
            self.set_output('output_goals', [])
            return SUCCESS
        return super().on_start()

    def make_request(self) -> Any:
        request = super().make_request()
        request.poses = list(self._goals)
        return request

    def on_response(self, response: Any) -> NodeStatus:
        if not response.success:
            self.set_output('output_goals', self._goals)
            return self._fail('the costs of the goals are not known')
        statuses = deepcopy(self.find_input('input_waypoint_statuses'))
        free = []
        for goal, cost in zip(self._goals, response.costs, strict=False):
            if is_free(self, cost):
                free.append(goal)
            elif statuses is not None and not mark_waypoint(statuses, goal, SKIPPED_WAYPOINT):
                return self._fail('a goal is in none of the waypoint statuses')
        self.set_output('output_goals', free)
        if statuses is not None:
            self.set_output('output_waypoint_statuses', statuses)
        return SUCCESS


def is_free(leaf: LeafNode, cost: float) -> bool:
    """Whether a cost of a costmap is none of an obstacle; 255 stands for unknown."""
    if cost == 255 and not leaf.find_input('consider_unknown_as_obstacle', False):
        return True
    return bool(cost < leaf.find_input('cost_threshold', 254.0))


class IsPathValid(RosService):
    """Asks the planner; RUNNING for the moment until the answer."""

    KIND = NodeKind.CONDITION


# Classes of the nodes that do more than call their service.
SERVICE_NODES: dict[str, type[RosService]] = {
    cls.__name__: cls
    for cls in (CheckPoseOccupancy, IsPathValid, RemoveInCollisionGoals, ValidatePath)
}
