# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Which actions and services do Nav2's nodes use, and how.

| outcome of the goal | node                                                              |
|---------------------|-------------------------------------------------------------------|
| succeeded           | SUCCESS, error code 0                                             |
| aborted             | FAILURE, the result's error code                                  |
| cancelled by others | SUCCESS, error code 0                                             |
| anything else       | FAILURE                                                           |

Unlike Nav2's own, a node with a required port that has no value fails instead of sending an empty
goal, a halt does not hold up the tree, and a server is given a second at least. A port that the
installed interface has no field for is read by nobody: releases of Nav2 add some.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import partial
import time
from typing import Any

from rclpy.action import ActionClient
from rclpy.task import Future
from unique_identifier_msgs.msg import UUID

from ...ros.action_goal import Ending, Outcome
from ...ros.rclpy_internals import action_name, goal_handle
from ...ros.walls import when_done
from ..errors import PortError
from ..leaves import LeafNode, StatefulAction
from ..manifest import NodeConfig
from ..node import FAILURE, RUNNING, SUCCESS
from ..registry import NodeFactory
from ..status import NodeKind, NodeStatus
from .action_leaf import ActionUse, RosAction
from .fields import FieldError, find_type, is_installed, MessageField
from .nav2_poses import mark_waypoint, path_of, pose_of, poses_of, SKIPPED_WAYPOINT
from .service_leaf import RosService, ServiceUse
from .tree_ros import tree_ros

_ALLOWANCE = {'time_allowance': 'time_allowance'}
_UNCHECKED = {'disable_collision_checks': 'disable_collision_checks', **_ALLOWANCE}
_ROUTE_GOAL = {
    'start': 'start',
    'goal': 'goal',
    'start_id': 'start_id',
    'goal_id': 'goal_id',
    'use_start': 'use_start',
    'use_poses': 'use_poses',
}


def _action(
    name: str, action: str, goal: Mapping[str, str] | None = None, *required: str, **options: Any
) -> ActionUse:
    return ActionUse(
        f'nav2_msgs/action/{name}',
        action,
        goal or {},
        required=frozenset(required),
        repeatable=True,
        **options,
    )


ACTIONS: dict[str, ActionUse] = {
    'AssistedTeleop': _action('AssistedTeleop', 'assisted_teleop', _ALLOWANCE),
    'BackUp': _action(
        'BackUp', 'backup', {'backup_dist': 'target.x', 'backup_speed': 'speed', **_UNCHECKED}
    ),
    'ComputeAndTrackRoute': _action(
        'ComputeAndTrackRoute',
        'compute_and_track_route',
        _ROUTE_GOAL,
        follows=True,
        result={'execution_duration': 'execution_duration'},
        feedback={
            name: name
            for name in (
                'last_node_id',
                'next_node_id',
                'current_edge_id',
                'route',
                'path',
                'rerouted',
            )
        },
    ),
    'ComputePathThroughPoses': _action(
        'ComputePathThroughPoses',
        'compute_path_through_poses',
        {'start': 'start', 'goals': 'goals', 'planner_id': 'planner_id'},
        'goals',
        result={'path': 'path', 'last_reached_index': 'last_reached_index'},
    ),
    'ComputePathToPose': _action(
        'ComputePathToPose',
        'compute_path_to_pose',
        {
            **{name: name for name in ('start', 'use_start', 'goal', 'planner_id', 'viapoints')},
        },
        'goal',
        result={'path': 'path'},
    ),
    'ComputeRoute': _action(
        'ComputeRoute',
        'compute_route',
        _ROUTE_GOAL,
        result={'route': 'route', 'path': 'path', 'planning_time': 'planning_time'},
    ),
    'DockRobot': _action(
        'DockRobot',
        'dock_robot',
        {
            name: name
            for name in (
                'use_dock_id',
                'dock_id',
                'dock_pose',
                'dock_type',
                'max_staging_time',
                'navigate_to_staging_pose',
            )
        },
        result={'success': 'success', 'num_retries': 'num_retries'},
    ),
    'DriveOnHeading': _action(
        'DriveOnHeading',
        'drive_on_heading',
        {'dist_to_travel': 'target.x', 'speed': 'speed', **_UNCHECKED},
    ),
    'FollowPath': _action(
        'FollowPath',
        'follow_path',
        {
            name: name
            for name in (
                'path',
                'controller_id',
                'goal_checker_id',
                'progress_checker_id',
                'path_handler_id',
            )
        },
        'path',
        feedback={'tracking_feedback': 'tracking_feedback'},
        follows=True,
    ),
    'FollowObject': _action(
        'FollowObject',
        'follow_object',
        {name: name for name in ('pose_topic', 'max_duration', 'tracked_frame')},
        result={'total_elapsed_time': 'total_elapsed_time'},
    ),
    'NavigateThroughPoses': _action(
        'NavigateThroughPoses',
        'navigate_through_poses',
        {'goals': 'poses', 'behavior_tree': 'behavior_tree'},
        'goals',
    ),
    'NavigateToPose': _action(
        'NavigateToPose',
        'navigate_to_pose',
        {'goal': 'pose', 'behavior_tree': 'behavior_tree'},
        'goal',
    ),
    'SmoothPath': _action(
        'SmoothPath',
        'smooth_path',
        {
            'unsmoothed_path': 'path',
            'max_smoothing_duration': 'max_smoothing_duration',
            'check_for_collisions': 'check_for_collisions',
            'smoother_id': 'smoother_id',
        },
        'unsmoothed_path',
        result={
            'smoothed_path': 'path',
            'smoothing_duration': 'smoothing_duration',
            'was_completed': 'was_completed',
        },
    ),
    'Spin': _action('Spin', 'spin', {'spin_dist': 'target_yaw', **_UNCHECKED}),
    'UndockRobot': _action(
        'UndockRobot',
        'undock_robot',
        {'dock_type': 'dock_type', 'max_undocking_time': 'max_undocking_time'},
        result={'success': 'success'},
    ),
    'Wait': _action('Wait', 'wait', {'wait_duration': 'time'}),
}
CANCELS = {
    'CancelAssistedTeleop': 'AssistedTeleop',
    'CancelBackUp': 'BackUp',
    'CancelComputeAndTrackRoute': 'ComputeAndTrackRoute',
    'CancelControl': 'FollowPath',
    'CancelDriveOnHeading': 'DriveOnHeading',
    'CancelFollowObject': 'FollowObject',
    'CancelSpin': 'Spin',
    'CancelWait': 'Wait',
}
_PLUGINS = {'plugins': 'plugins'}
_GET_COSTS = ServiceUse(
    'nav2_msgs/srv/GetCosts',
    '/global_costmap/get_cost_global_costmap',
    {'use_footprint': 'use_footprint'},
    success_if='success',
)
SERVICES: dict[str, ServiceUse] = {
    'CheckPoseOccupancy': _GET_COSTS,
    'RemoveInCollisionGoals': _GET_COSTS,
    'ToggleCollisionMonitor': ServiceUse('nav2_msgs/srv/Toggle', '', {'enable': 'enable'}),
    'ValidatePath': ServiceUse(
        'nav2_msgs/srv/IsPathValid',
        'is_path_valid',
        {
            name: name
            for name in (
                'path',
                'max_cost',
                'consider_unknown_as_obstacle',
                'layer_name',
                'footprint',
                'stop_at_first_collision',
                'max_lookahead_distance',
            )
        },
        required=frozenset(('path',)),
        success_if='is_valid',
    ),
    'ClearCostmapAroundPose': ServiceUse(
        'nav2_msgs/srv/ClearCostmapAroundPose',
        '',
        {'pose': 'pose', 'reset_distance': 'reset_distance', **_PLUGINS},
        required=frozenset(('pose',)),
    ),
    'ClearCostmapAroundRobot': ServiceUse(
        'nav2_msgs/srv/ClearCostmapAroundRobot',
        '',
        {'reset_distance': 'reset_distance', **_PLUGINS},
    ),
    'ClearCostmapExceptRegion': ServiceUse(
        'nav2_msgs/srv/ClearCostmapExceptRegion',
        '',
        {'reset_distance': 'reset_distance', **_PLUGINS},
    ),
    'ClearEntireCostmap': ServiceUse('nav2_msgs/srv/ClearEntireCostmap', '', _PLUGINS),
    'IsPathValid': ServiceUse(
        'nav2_msgs/srv/IsPathValid',
        'is_path_valid',
        {name: name for name in ('path', 'max_cost', 'consider_unknown_as_obstacle')},
        success_if='is_valid',
    ),
    'ReinitializeGlobalLocalization': ServiceUse(
        'std_srvs/srv/Empty', 'reinitialize_global_localization'
    ),
}
_RECOVERIES = frozenset(
    (
        'AssistedTeleop',
        'BackUp',
        'Spin',
        'Wait',
        'ClearCostmapAroundPose',
        'ClearCostmapAroundRobot',
        'ClearCostmapExceptRegion',
        'ClearEntireCostmap',
    )
)
# Those whose path is emptied when it could not be made.
_EMPTIED = ('ComputePathThroughPoses', 'ComputePathToPose', 'ComputeRoute')


class Nav2Action(RosAction):
    """A node of Nav2 that sends a goal."""

    def make_goal(self) -> Any:
        if self.type_id in _RECOVERIES and self.find_input('is_recovery', True):
            count_recovery(self)
        goal = super().make_goal()
        if self.type_id == 'Wait' and goal.time.sec < 0:
            # A negative time to wait is taken for a positive one.
            MessageField(type(goal), 'time').write(goal, -self.get_input('wait_duration'))
        elif self.type_id.startswith('ComputePath'):
            # Without use_start, a start that is given counts.
            has_start = self.find_input('start') is not None
            goal.use_start = bool(self.find_input('use_start', has_start)) and has_start
        return goal

    def on_end(self, outcome: Outcome) -> NodeStatus:
        aborted = outcome.ending is Ending.ABORTED
        if aborted or outcome.ending in (Ending.SUCCEEDED, Ending.CANCELED):
            code = getattr(outcome.result, 'error_code', 0) if aborted else 0
            if 'error_code_id' in self.config.outputs:
                self.set_output('error_code_id', code)
            if 'error_msg' in self.config.outputs:
                text = getattr(outcome.result, 'error_msg', '') if aborted else ''
                self.set_output('error_msg', text)
        if outcome.ending is Ending.SUCCEEDED or (
            aborted and self.type_id in ('DockRobot', 'UndockRobot')
        ):
            return super().on_end(outcome)
        self._empty_path()
        if outcome.ending is Ending.CANCELED:
            return SUCCESS
        if aborted and self.type_id == 'AssistedTeleop' and not self.find_input('is_recovery'):
            return SUCCESS
        return FAILURE

    def on_halted(self) -> None:
        super().on_halted()
        self._empty_path()

    def _empty_path(self) -> None:
        if self.type_id in _EMPTIED and 'path' in self.config.outputs:
            self.set_output('path', find_type('nav_msgs/msg/Path')())


class Nav2Service(RosService):
    """A node of Nav2 that calls a service."""

    def make_request(self) -> Any:
        if self.type_id in _RECOVERIES:
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


class CancelGoals(StatefulAction):
    """Cancels every goal of an action server, whoever sent it."""

    def __init__(self, config: NodeConfig, use: ActionUse) -> None:
        super().__init__(config)
        self._use = use
        self._ros = tree_ros(config.context)
        self._type = find_type(use.interface)
        self._client = self._find_client()
        self._answer: Future | None = None
        self._give_up_at = 0.0

    def _find_client(self) -> ActionClient:
        name = self.find_input('server_name') or self._use.name
        return self._ros.action_client(self._type, name)

    def on_start(self) -> NodeStatus:
        self.feedback_message = ''
        self._client = self._find_client()
        self._answer = None
        milliseconds = self.find_input('server_timeout')
        timeout = self._ros.timeouts.server if milliseconds is None else milliseconds / 1000
        self._give_up_at = time.monotonic() + max(timeout, 1.0)
        return self.on_running()

    def on_running(self) -> NodeStatus:
        if self._answer is None:
            if self._client.server_is_ready():
                self._answer = _ask_to_cancel_all(self._client)
                when_done(self._answer, lambda future: self.wake_up())
        elif self._answer.done():
            return SUCCESS
        if time.monotonic() > self._give_up_at:
            self.feedback_message = f'{action_name(self._client)} did not answer'
            return FAILURE
        return RUNNING


def _ask_to_cancel_all(client: ActionClient) -> Future:
    """Ask a server to cancel all its goals (action_msgs/srv/CancelGoal: id and stamp zero)."""
    return goal_handle(client, UUID()).cancel_goal_async()


def count_recovery(leaf: StatefulAction) -> None:
    """Count in the entry that Nav2 reports the number of recoveries from."""
    leaf.blackboard.set('number_recoveries', leaf.blackboard.get('number_recoveries', 0) + 1)


def factories() -> dict[str, NodeFactory]:
    """What makes the nodes of each type whose interface is installed here."""
    uses: list[tuple[str, Any, ActionUse | ServiceUse]] = [
        *((type_id, Nav2Action, use) for type_id, use in ACTIONS.items()),
        *((type_id, CancelGoals, ACTIONS[other]) for type_id, other in CANCELS.items()),
        *(
            (type_id, _SERVICE_NODES.get(type_id, Nav2Service), use)
            for type_id, use in SERVICES.items()
        ),
    ]
    return {
        type_id: partial(cls, use=_of_this_release(use))
        for type_id, cls, use in uses
        if is_installed(use.interface)
    }


_SERVICE_NODES: dict[str, type[RosService]] = {
    cls.__name__: cls
    for cls in (CheckPoseOccupancy, IsPathValid, RemoveInCollisionGoals, ValidatePath)
}


def _of_this_release(use: ActionUse | ServiceUse) -> ActionUse | ServiceUse:
    """Leave out the ports that the installed interface has no field for."""
    cls = find_type(use.interface)
    if isinstance(use, ServiceUse):
        return replace(use, request=_present(cls.Request, use.request))
    return replace(
        use,
        goal=_present(cls.Goal, use.goal),
        result=_present(cls.Result, use.result),
        feedback=_present(cls.Feedback, use.feedback),
    )


def _present(cls: Any, ports: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for port, path in ports.items():
        try:
            MessageField(cls, path)
        except FieldError:
            continue
        found[port] = path
    return found
