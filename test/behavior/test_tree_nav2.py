# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do Nav2's nodes load with their ports, and do those that need no ROS do what Nav2 does."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from trees import FAILURE, load_nodes, log_of, registry_with_leaves, SUCCESS

from xparo_bridge.behavior import ManualClock, nav2, TreeErrors
from xparo_bridge.behavior.leaves import StubAction
from xparo_bridge.behavior.nav2.types import PATH, POSE, POSES


@dataclass
class Robot:
    """A robot standing where it is told."""

    place: tuple[float, float] | None = (0.0, 0.0)
    metres_a_second: float = 0.0
    newest_goal: object = None
    listens: bool = False

    def listen(self):
        self.listens = True

    def position(self, global_frame, robot_base_frame):
        return self.place

    def speed(self):
        return self.metres_a_second

    def updated_goal(self, goal):
        return self.newest_goal or goal

    def updated_goals(self, goals):
        return goals


def nav2_registry():
    registry = registry_with_leaves()
    nav2.register(registry)
    return registry


def load_nav2(body, robot=None, **options):
    services = {'log': [], nav2.SERVICE: robot or Robot()}
    return load_nodes(body, registry=nav2_registry(), services=services, **options)


def names(tree, count):
    return [tree.tick_exactly_once().name[0] for _ in range(count)]


def test_all_node_types_of_jazzy_are_known():
    registry = nav2_registry()
    manifests = [registry.find(type_id) for type_id in nav2.manifest_of('jazzy')]
    assert len(manifests) == 65
    kinds = [manifest.kind for manifest in manifests]
    counts = {kind.value: kinds.count(kind) for kind in set(kinds)}
    assert counts == {'Action': 38, 'Condition': 17, 'Control': 3, 'Decorator': 7}


def test_ports_have_their_types_directions_and_defaults():
    ports = nav2_registry().find('Spin').ports
    assert ports['spin_dist'].default == '1.57'
    assert ports['spin_dist'].type.name == 'double'
    assert ports['error_code_id'].direction.value == 'out'
    assert 'server_timeout' in ports


def test_a_navigation_tree_loads_and_can_be_bound_to_leaves():
    body = (
        '<RecoveryNode number_of_retries="6"><PipelineSequence>'
        '<PlannerSelector selected_planner="{planner}" default_planner="GridBased"/>'
        '<RateController hz="1.0"><ComputePathToPose goal="{goal}" path="{path}" '
        'planner_id="{planner}" error_code_id="{code}"/></RateController>'
        '<FollowPath path="{path}"/></PipelineSequence>'
        '<Sequence><WouldAPlannerRecoveryHelp error_code="{code}"/>'
        '<ClearEntireCostmap service_name="global_costmap/clear"/></Sequence></RecoveryNode>'
    )
    registry = nav2_registry()
    with pytest.raises(TreeErrors) as caught:
        load_nodes(body, registry=registry)
    assert {problem.message.split()[0] for problem in caught.value.problems} == {
        'PlannerSelector',
        'ComputePathToPose',
        'FollowPath',
        'ClearEntireCostmap',
    }
    for type_id in ('PlannerSelector', 'ComputePathToPose', 'FollowPath', 'ClearEntireCostmap'):
        registry.bind(type_id, StubAction)
    assert load_nodes(body, registry=registry).tick_once() is SUCCESS


def test_recovery_tries_again_after_repairing():
    tree = load_nav2(
        '<RecoveryNode number_of_retries="2"><Act name="do" does="FFS"/>'
        '<Act name="repair" does="RS"/></RecoveryNode>'
    )
    assert names(tree, 3) == ['R', 'R', 'S']
    assert [name for _, name in log_of(tree)] == ['do', 'repair', 'repair', 'do'] + [
        'repair',
        'repair',
        'do',
    ]


def test_recovery_gives_up_after_its_retries():
    tree = load_nav2(
        '<RecoveryNode number_of_retries="1"><Act name="do" does="F"/><Act/></RecoveryNode>'
    )
    assert tree.tick_once() is FAILURE
    assert [name for _, name in log_of(tree)].count('do') == 2


def test_pipeline_ticks_what_is_done_again():
    tree = load_nav2(
        '<PipelineSequence><Note value="a"/><Act name="b" does="RRS"/></PipelineSequence>'
    )
    assert names(tree, 3) == ['R', 'R', 'S']
    assert log_of(tree).count('a') == 3


def test_round_robin_goes_on_with_the_next_child():
    tree = load_nav2(
        '<KeepRunningUntilFailure><RoundRobin><Act name="a"/><Act name="b"/></RoundRobin>'
        '</KeepRunningUntilFailure>'
    )
    names(tree, 3)
    assert [name for _, name in log_of(tree)] == ['a', 'b', 'a']


def test_rate_controller_ticks_again_after_its_period():
    clock = ManualClock()
    body = '<PipelineSequence><RateController hz="2"><Act name="a"/></RateController>'
    tree = load_nav2(body + '<Act name="b" does="R"/></PipelineSequence>', clock=clock)
    for _ in range(4):
        tree.tick_once()
        clock.advance(0.3)
    assert [name for _, name in log_of(tree) if name == 'a'] == ['a', 'a']


def test_distance_controller_ticks_again_after_its_way():
    robot = Robot()
    tree = load_nav2(
        '<PipelineSequence><DistanceController distance="1"><Act name="a"/></DistanceController>'
        '<Act name="b" does="R"/></PipelineSequence>',
        robot,
    )
    for x in (0.0, 0.5, 1.5, 2.0):
        robot.place = (x, 0.0)
        tree.tick_once()
    assert [name for _, name in log_of(tree) if name == 'a'] == ['a', 'a']
    robot.place = None
    assert tree.tick_once() is FAILURE


def test_speed_controller_is_slower_for_a_slow_robot():
    clock, robot = ManualClock(), Robot(metres_a_second=0.0)
    tree = load_nav2(
        '<PipelineSequence><SpeedController min_rate="0.1" max_rate="1"><Act name="a"/>'
        '</SpeedController><Act name="b" does="R"/></PipelineSequence>',
        robot,
        clock=clock,
    )
    for _ in range(8):
        tree.tick_once()
        clock.advance(1.0)
    assert [name for _, name in log_of(tree) if name == 'a'] == ['a', 'a']


def test_goal_updated_controller_ticks_when_the_goal_changes():
    tree = load_nav2(
        '<PipelineSequence><GoalUpdatedController><Act name="a"/></GoalUpdatedController>'
        '<Act name="b" does="R"/></PipelineSequence>',
        blackboard={'goal': (1,)},
    )
    tree.tick_once()
    tree.tick_once()
    tree.blackboard.set('goal', (2,))
    tree.tick_once()
    assert [name for _, name in log_of(tree) if name == 'a'] == ['a', 'a']


def test_single_trigger_ticks_its_child_once():
    tree = load_nav2(
        '<ReactiveFallback><SingleTrigger><Act name="a" does="F"/></SingleTrigger>'
        '<Act name="b" does="R"/></ReactiveFallback>'
    )
    assert names(tree, 1) == ['R']


def test_goal_updater_hands_on_the_newest_goal():
    tree = load_nav2(
        '<GoalUpdater input_goal="{goal}" output_goal="{new}"><Note value="{new}"/></GoalUpdater>',
        Robot(newest_goal=(9,)),
        blackboard={'goal': (1,)},
    )
    tree.tick_once()
    assert log_of(tree) == [(9,)]


def path_of(*points):
    poses = [
        SimpleNamespace(pose=SimpleNamespace(position=SimpleNamespace(x=x, y=y)))
        for x, y in points
    ]
    return SimpleNamespace(poses=poses)


def test_a_longer_path_near_the_goal_is_noticed():
    tree = load_nav2(
        '<PipelineSequence><PathLongerOnApproach path="{path}"><Act name="a"/>'
        '</PathLongerOnApproach><Act name="b" does="R"/></PipelineSequence>',
        blackboard={'path': path_of((0, 0), (1, 0))},
    )
    tree.tick_once()
    tree.tick_once()
    assert [name for _, name in log_of(tree) if name == 'a'] == []
    tree.blackboard.set('path', path_of((0, 0), (5, 5), (1, 0)))
    tree.tick_once()
    assert [name for _, name in log_of(tree) if name == 'a'] == ['a']


@pytest.mark.parametrize(('code', 'status'), [(207, SUCCESS), (203, FAILURE)])
def test_a_recovery_helps_for_some_errors_only(code, status):
    tree = load_nav2('<WouldAPlannerRecoveryHelp error_code="{c}"/>', blackboard={'c': code})
    assert tree.tick_once() is status


def test_error_codes_are_compared_with_a_list():
    tree = load_nav2('<AreErrorCodesPresent error_code="{c}" error_codes_to_check="5;7"/>')
    tree.blackboard.set('c', 7)
    assert tree.tick_once() is SUCCESS


def test_time_expires_again_and_again():
    clock = ManualClock()
    condition = load_nav2('<TimeExpired seconds="1"/>', clock=clock).root
    states = []
    for _ in range(4):
        states.append(condition.execute_tick())
        clock.advance(0.6)
    assert states == [FAILURE, FAILURE, SUCCESS, FAILURE]


def test_literals_of_messages_become_their_fields():
    pose = POSE.read('1500000000;map;1;2;0;0;0;0;1')
    assert pose['header'] == {'stamp': {'sec': 1, 'nanosec': 500000000}, 'frame_id': 'map'}
    assert pose['pose']['position'] == {'x': 1.0, 'y': 2.0, 'z': 0.0}
    assert len(POSES.read('0;map;1;2;0;0;0;0;1;0;map;1;2;0;0;0;0;1')) == 2
    assert PATH.read('0;map')['poses'] == []
    assert POSE.read('json:{"header": {}}') == {'header': {}}
    for text in ('1;2', 'json:{', '0;map;1;2;0;0;0;0;w'):
        with pytest.raises(ValueError):
            POSE.read(text)


class Deaf(Robot):
    """A robot of which nothing may be asked before it listens."""

    def __getattribute__(self, name):
        if name in ('position', 'speed', 'updated_goal', 'updated_goals'):
            assert object.__getattribute__(self, 'listens'), f'{name} is asked of a deaf robot'
        return object.__getattribute__(self, name)


RUNNABLE = sorted(
    manifest.type_id
    for manifest in nav2_registry().manifests()
    if manifest.factory is not None
    and any(manifest.type_id in nav2.manifest_of(release) for release in nav2.RELEASES)
)


@pytest.mark.parametrize('type_id', RUNNABLE)
def test_a_node_that_asks_the_robot_has_it_listen_when_it_is_made(type_id):
    manifest = nav2_registry().find(type_id)
    least = {'Control': 2, 'Decorator': 1}.get(manifest.kind.value, 0)
    robot = Deaf()
    ports = 'current_child_idx="{i}"' if type_id == 'PersistentSequence' else ''
    tree = load_nodes(
        f'<{type_id} {ports}>' + '<AlwaysSuccess/>' * least + f'</{type_id}>',
        registry=nav2_registry(),
        services={'log': [], 'nav2_robot': robot},
        blackboard={'i': 0},
    )
    for _ in range(3):
        tree.tick_exactly_once()


@pytest.mark.parametrize('body', ['<DistanceController><AlwaysSuccess/></DistanceController>'])
def test_a_failure_for_an_unknown_place_says_so(body):
    robot = Robot()
    robot.place = None
    tree = load_nodes(body, registry=nav2_registry(), services={'log': [], 'nav2_robot': robot})
    root = tree.root
    assert str(tree.tick_exactly_once()) == 'FAILURE'
    assert root.feedback_message == 'it is not known where the robot is'


@pytest.mark.parametrize(
    ('body', 'instead'),
    [
        ('<NavigateToPose goal="table_4"/>', '<RemoteCommand command="start_navigation" goal="ta'),
        (
            '<NavigateThroughPoses goals="table_4;kitchen"/>',
            '{"goals": ["table_4", "kitchen"]}',
        ),
        ('<ComputePathToPose goal="kitchen" path="{p}"/>', 'goal="kitchen"/>'),
        ('<NavigateToPose goal="2.0;1.0"/>', 'stamp;frame;x;y;z;qx;qy;qz;qw, not 2 parts'),
        ('<NavigateToPose goal=";"/>', 'stamp;frame;x;y;z;qx;qy;qz;qw'),
    ],
)
def test_a_place_in_the_port_of_a_pose_is_refused_with_what_drives_to_places(body, instead):
    with pytest.raises(TreeErrors) as refused:
        load_nodes(body, registry=nav2_registry())
    assert instead in str(refused.value)


def test_empty_text_stands_for_a_port_that_is_not_given():
    tree = load_nodes(
        '<RateController hz=""><AlwaysSuccess/></RateController>', registry=nav2_registry()
    )
    assert tree.root.get_input('hz') == 10.0


class AskedRobot(Robot):
    """A robot that notes whether it was asked before it was told to listen."""

    asked = asked_too_early = False

    def _note(self):
        self.asked = True
        self.asked_too_early |= not self.listens

    def position(self, global_frame, robot_base_frame):
        self._note()
        return super().position(global_frame, robot_base_frame)

    def speed(self):
        self._note()
        return super().speed()

    def updated_goal(self, goal):
        self._note()
        return super().updated_goal(goal)

    def updated_goals(self, goals):
        self._note()
        return super().updated_goals(goals)


ASKING = {'DistanceController', 'DistanceTraveled', 'GoalUpdater', 'SpeedController'}


@pytest.mark.parametrize('name', sorted(each.__name__ for each in nav2._RUNNABLE))
def test_a_node_that_asks_where_the_robot_is_has_it_listen_before_the_first_tick(name):
    manifest = nav2_registry().find(name)
    children = {'Control': 2, 'Decorator': 1}.get(manifest.kind.value, 0)
    ports = ' '.join(
        f'{port.name}="{{{port.name}}}"'
        for port in manifest.ports.values()
        if port.direction.value != 'in'
    )
    robot = AskedRobot()
    tree = load_nav2(
        f'<{name} {ports}>{"<AlwaysSuccess/>" * children}</{name}>',
        robot,
        blackboard={'current_child_idx': 0, 'goal': (1,), 'goals': ()},
    )
    listened = robot.listens
    for _ in range(2):
        tree.tick_exactly_once()
    assert not robot.asked_too_early
    assert listened == (name in ASKING)
    assert robot.asked == (name in ASKING) or name == 'SpeedController'
