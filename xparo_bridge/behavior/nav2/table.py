# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Which node types does Nav2 have: the 65 of Jazzy's `nav2_tree_nodes.xml`, with their ports.

One line a node type: its kind, then its ports as `name:type=default`, outputs with a leading '>'.
`@action` and `@service` stand for the ports that all clients of one share.
"""

from __future__ import annotations

from ..manifest import Manifest
from ..ports import input_port, output_port, Port, PortType, type_named
from ..status import NodeKind
from .types import DURATION, MILLISECONDS, PATH, POSE, POSES, ROUTE

_TYPES: dict[str, PortType] = {
    'pose': POSE,
    'poses': POSES,
    'path': PATH,
    'ms': MILLISECONDS,
    'route': ROUTE,
    'duration': DURATION,
    'ints': type_named('std::vector<int>'),
}
_SHARED = {
    '@action': ('server_name:string', 'server_timeout:ms'),
    '@service': ('service_name:string', 'server_timeout:ms'),
}
NODES = {
    # Actions
    'AssistedTeleop': (
        'Action @action is_recovery:bool=false time_allowance:double=10.0 >error_code_id:uint16'
    ),
    'BackUp': (
        'Action @action backup_dist:double=0.15 backup_speed:double=0.025 '
        'time_allowance:double=10.0 >error_code_id:uint16'
    ),
    'CancelAssistedTeleop': 'Action @action',
    'CancelBackUp': 'Action @action',
    'CancelComputeAndTrackRoute': 'Action @action',
    'CancelControl': 'Action @action',
    'CancelDriveOnHeading': 'Action @action',
    'CancelSpin': 'Action @action',
    'CancelWait': 'Action @action',
    'ClearCostmapAroundPose': 'Action @service pose:pose reset_distance:double=1.0',
    'ClearCostmapAroundRobot': 'Action @service reset_distance:double=1.0',
    'ClearCostmapExceptRegion': 'Action @service reset_distance:double=1.0',
    'ClearEntireCostmap': 'Action @service',
    'ComputeAndTrackRoute': (
        'Action @action start:pose goal:pose start_id:unsigned goal_id:unsigned '
        'use_start:bool=false use_poses:bool=false >execution_duration:duration '
        '>last_node_id:uint16 >next_node_id:uint16 >current_edge_id:uint16 >route:route '
        '>path:path >rerouted:bool >error_code_id:uint16'
    ),
    'ComputePathThroughPoses': (
        'Action @action start:pose goals:poses planner_id:string >path:path >error_code_id:uint16'
    ),
    'ComputePathToPose': (
        'Action @action start:pose use_start:bool goal:pose planner_id:string >path:path '
        '>error_code_id:uint16'
    ),
    'ComputeRoute': (
        'Action @action start:pose goal:pose start_id:unsigned goal_id:unsigned '
        'use_start:bool=false use_poses:bool=false >route:route >path:path '
        '>planning_time:duration >error_code_id:uint16'
    ),
    'ConcatenatePaths': 'Action input_path1:path input_path2:path >output_path:path',
    'ControllerSelector': (
        'Action topic_name:string=controller_selector default_controller:string '
        '>selected_controller:string'
    ),
    'DockRobot': (
        'Action @action use_dock_id:bool=true dock_id:string dock_pose:pose '
        'dock_type:string max_staging_time:float=1000.0 '
        'navigate_to_staging_pose:bool=true >success:bool >num_retries:uint16 '
        '>error_code_id:uint16'
    ),
    'DriveOnHeading': (
        'Action @action dist_to_travel:double=0.15 speed:double=0.025 '
        'time_allowance:double=10.0 >error_code_id:uint16'
    ),
    'FollowPath': (
        'Action @action path:path controller_id:string goal_checker_id:string '
        'progress_checker_id:string >error_code_id:uint16'
    ),
    'GetCurrentPose': 'Action robot_base_frame:string global_frame:string >current_pose:pose',
    'GetPoseFromPath': 'Action path:path index:int=0 >pose:pose',
    'GoalCheckerSelector': (
        'Action topic_name:string=goal_checker_selector default_goal_checker:string '
        '>selected_goal_checker:string'
    ),
    'NavigateThroughPoses': (
        'Action @action goals:poses behavior_tree:string >error_code_id:uint16'
    ),
    'NavigateToPose': 'Action @action goal:pose behavior_tree:string >error_code_id:uint16',
    'PlannerSelector': (
        'Action topic_name:string=planner_selector default_planner:string >selected_planner:string'
    ),
    'ProgressCheckerSelector': (
        'Action topic_name:string=progress_checker_selector '
        'default_progress_checker:string >selected_progress_checker:string'
    ),
    'ReinitializeGlobalLocalization': 'Action @service',
    'RemovePassedGoals': (
        'Action radius:double=0.5 global_frame:string robot_base_frame:string '
        'input_goals:poses >output_goals:poses'
    ),
    'SmoothPath': (
        'Action @action unsmoothed_path:path max_smoothing_duration:double=3.0 '
        'check_for_collisions:bool=false smoother_id:string >smoothed_path:path '
        '>smoothing_duration:double >was_completed:bool >error_code_id:uint16'
    ),
    'SmootherSelector': (
        'Action topic_name:string=smoother_selector default_smoother:string '
        '>selected_smoother:string'
    ),
    'Spin': (
        'Action @action spin_dist:double=1.57 time_allowance:double=10.0 '
        'is_recovery:bool=true >error_code_id:uint16'
    ),
    'TruncatePath': 'Action input_path:path distance:double=1.0 >output_path:path',
    'TruncatePathLocal': (
        'Action input_path:path distance_forward:double=8.0 distance_backward:double=4.0 '
        'robot_frame:string=base_link transform_tolerance:double=0.2 pose:pose '
        'angular_distance_weight:double=0.0 max_robot_pose_search_dist:double=inf '
        '>output_path:path'
    ),
    'UndockRobot': (
        'Action @action dock_type:string max_undocking_time:float=30.0 >success:bool '
        '>error_code_id:uint16'
    ),
    'Wait': 'Action @action wait_duration:double=1.0',
    # Conditions
    'AreErrorCodesPresent': 'Condition error_code:uint16 error_codes_to_check:ints',
    'ArePosesNear': (
        'Condition ref_pose:pose target_pose:pose global_frame:string tolerance:double=0.5'
    ),
    'DistanceTraveled': (
        'Condition distance:double=1.0 global_frame:string robot_base_frame:string'
    ),
    'GlobalUpdatedGoal': 'Condition goal:pose goals:poses',
    'GoalReached': 'Condition goal:pose global_frame:string robot_base_frame:string',
    'GoalUpdated': 'Condition goal:pose goals:poses',
    'InitialPoseReceived': 'Condition initial_pose_received:bool',
    'IsBatteryCharging': 'Condition battery_topic:string=/battery_status',
    'IsBatteryLow': (
        'Condition min_battery:double battery_topic:string=/battery_status is_voltage:bool=false'
    ),
    'IsPathValid': 'Condition path:path server_timeout:ms',
    'IsStuck': 'Condition',
    'PathExpiringTimer': 'Condition seconds:double=1.0 path:path',
    'TimeExpired': 'Condition seconds:double=1.0',
    'TransformAvailable': 'Condition child:string parent:string',
    'WouldAControllerRecoveryHelp': 'Condition error_code:uint16 error_codes_to_check:ints',
    'WouldAPlannerRecoveryHelp': 'Condition error_code:uint16 error_codes_to_check:ints',
    'WouldASmootherRecoveryHelp': 'Condition error_code:uint16 error_codes_to_check:ints',
    # Controls
    'PipelineSequence': 'Control',
    'RecoveryNode': 'Control number_of_retries:int=1',
    'RoundRobin': 'Control',
    # Decorators
    'DistanceController': (
        'Decorator distance:double=1.0 global_frame:string robot_base_frame:string'
    ),
    'GoalUpdatedController': 'Decorator goal:pose goals:poses',
    'GoalUpdater': 'Decorator input_goal:pose >output_goal:pose',
    'PathLongerOnApproach': 'Decorator path:path prox_len:double=3.0 length_factor:double=2.0',
    'RateController': 'Decorator hz:double=10.0',
    'SingleTrigger': 'Decorator',
    'SpeedController': (
        'Decorator min_rate:double=0.1 max_rate:double=1.0 min_speed:double=0.0 '
        'max_speed:double=0.5 goal:pose goals:poses'
    ),
}


def manifests() -> list[Manifest]:
    """The node types of Nav2, none of which can run yet."""
    found = []
    for type_id, line in NODES.items():
        kind, *words = line.split()
        expanded = [port for word in words for port in _SHARED.get(word, (word,))]
        ports = {port.name: port for port in map(_port, expanded)}
        found.append(Manifest(type_id, NodeKind(kind), ports))
    return found


def _port(word: str) -> Port:
    is_output = word.startswith('>')
    name, _, rest = word.lstrip('>').partition(':')
    type_name, _, default = rest.partition('=')
    port_type = _TYPES.get(type_name) or type_named(type_name)
    return (output_port if is_output else input_port)(name, port_type, default)
