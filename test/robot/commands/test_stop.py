# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the robot stand after stop, wait after pause, and go on after resume."""

from __future__ import annotations

import time

from fixtures.ros_graph import RosGraph
from fixtures.system import start_failing_server
from geometry_msgs.msg import Twist
from nav2_msgs.action import FollowWaypoints, NavigateToPose
import pytest
from rclpy.action import ActionServer, CancelResponse
from rclpy.task import Future

from xparo_bridge.behavior.errors import TreeErrors
from xparo_bridge.messages import CommandState

GO = {'kind': 'navigate', 'server_timeout': 10.0, 'cancel_timeout': 2.0}
COMMANDS = {
    'go': GO,
    'teleop': {'kind': 'teleop'},
    'dock': {'kind': 'dock'},
    'wait': {'kind': 'action', 'action': 'wait', 'type': 'nav2_msgs/action/Wait'},
    'clean': {
        'kind': 'publish',
        'topic': '/clean',
        'type': 'std_msgs/msg/Empty',
        'motion': True,
        'times': 1000,
        'concurrency': 'queue',
        'subscriber_timeout': None,
    },
    'list': {'kind': 'list_commands'},
    'stop': {'kind': 'stop', 'stop_for': 0.2},
    'pause': {'kind': 'pause'},
    'resume': {'kind': 'resume'},
    'cancel': {'kind': 'cancel'},
}


def test_stop_cancels_everything_and_tells_the_base_to_stand(station):
    with start_failing_server('hang') as server:
        at = station(COMMANDS)
        velocities = at.graph.listen(Twist, '/cmd_vel')
        at.until(lambda: at.graph.node.count_subscribers('/cmd_vel'))
        runs = [at.send('go', goal='home'), at.send('clean'), at.send('clean')]
        at.until(lambda: runs[0].state is CommandState.RUNNING)
        end = at.end(at.send('stop'))
        assert end.state is CommandState.SUCCEEDED
        assert {entry['command_id'] for entry in end.result['ended']} == {r.id for r in runs}
        assert {run.state for run in runs} == {CommandState.CANCELED}
        assert not runs[2].started
        at.until(lambda: 'canceled' in server.lines)
        assert len(velocities) >= 3
        assert all(velocity == Twist() for velocity in velocities)


@pytest.mark.parametrize(
    ('command', 'parameters'),
    [
        ('go', {'goal': 'home'}),
        ('teleop', {'linear': 0.1}),
        ('dock', {}),
        ('wait', {}),
        ('clean', {}),
    ],
)
def test_nothing_moves_the_robot_after_stop_until_resume(station, command, parameters):
    at = station(COMMANDS)
    at.graph.add_node('base').create_subscription(Twist, '/cmd_vel', lambda message: None, 10)
    at.until(lambda: at.base.unheard() is None)
    at.end(at.send('stop'))
    assert at.send(command, **parameters).status.error['code'] == 'stopped'
    assert at.end(at.send('list')).state is CommandState.SUCCEEDED
    assert at.end(at.send('resume')).result['was'] == 'stopped'
    run = at.send(command, **parameters)
    assert run.open
    at.send('cancel')


def test_stop_also_cancels_goals_that_somebody_else_sent(station):
    with start_failing_server('hang') as server, RosGraph('somebody_else') as other:
        goal = other.send_goal(NavigateToPose, 'navigate_to_pose', NavigateToPose.Goal())
        assert goal.accepted
        at = station(COMMANDS)
        client = at.router.kinds['go']._clients['navigate_to_pose']
        at.until(client.server_is_ready)
        at.end(at.send('stop'))
        at.until(lambda: 'canceled' in server.lines)


def test_stop_says_so_if_a_server_does_not_obey(station):
    with start_failing_server('ignore_cancel', '--delay', '60'):
        stop = {'kind': 'stop', 'timeout': 6.0}
        at = station({**COMMANDS, 'go': {**GO, 'cancel_timeout': 0.5}, 'stop': stop})
        run = at.send('go', goal='home')
        at.until(lambda: run.state is CommandState.RUNNING)
        end = at.end(at.send('stop'))
        assert (end.state, end.error['code']) == (CommandState.FAILED, 'not_stopped')
        assert 'navigate_to_pose has 1 goals' in end.error['message']
        assert run.id in [entry['command_id'] for entry in end.error['ended']]


def test_a_stop_before_acceptance_ends_the_goal_on_acceptance(station):
    with start_failing_server('accept_late', '--delay', '1.0') as server:
        at = station(COMMANDS)
        run = at.send('go', goal='home')
        at.until(lambda: 'goal' in server.lines)
        assert at.end(at.send('stop')).state is CommandState.SUCCEEDED
        assert run.state is CommandState.CANCELED
        at.until(lambda: 'canceled' in server.lines)


def test_what_is_paused_waits_and_goes_on_after_resume(station):
    with start_failing_server('hang') as server:
        at = station({**COMMANDS, 'go': {**GO, 'timeout': 20.0}})
        run = at.send('go', goal='home')
        at.until(lambda: run.state is CommandState.RUNNING)
        assert at.end(at.send('pause')).result == {'paused': [run.id], 'not_paused': []}
        at.until(lambda: 'canceled' in server.lines)
        assert run.open
        at.until(lambda: run.state is CommandState.PAUSED)
        left = run.give_up_at - time.monotonic()
        assert at.send('go', goal='table_4').status.error['code'] == 'paused'
        began = time.monotonic()
        at.until(lambda: time.monotonic() > began + 0.5)
        assert run.give_up_at - time.monotonic() == pytest.approx(left, abs=0.25)
        assert at.end(at.send('resume')).result['resumed'] == [run.id]
        at.until(lambda: server.lines.count('accepted') == 2)
        at.until(lambda: run.state is CommandState.RUNNING)
        assert at.states(run) == ['accepted', 'running', 'paused', 'running']


def test_a_pause_leaves_goals_of_others_which_nobody_could_send_again_and_a_stop_does_not(station):
    with start_failing_server('hang') as server, RosGraph('another') as another:
        at = station(COMMANDS)
        assert another.send_goal(
            NavigateToPose, 'navigate_to_pose', NavigateToPose.Goal()
        ).accepted
        end = at.end(at.send('pause'))
        assert end.state is CommandState.SUCCEEDED
        assert end.result == {'paused': [], 'not_paused': []}
        assert 'cancel' not in server.lines
        assert at.end(at.send('stop')).state is CommandState.SUCCEEDED
        at.until(lambda: 'canceled' in server.lines)


def test_what_is_paused_can_be_cancelled_and_stopped(station):
    with start_failing_server('hang') as server:
        at = station(COMMANDS)
        for command in ('cancel', 'stop'):
            run = at.send('go', goal='home')
            at.until(lambda run=run: run.state is CommandState.RUNNING)
            at.end(at.send('pause'))
            assert at.end(at.send(command)).state is CommandState.SUCCEEDED
            assert run.state is CommandState.CANCELED
            at.end(at.send('resume'))
        assert server.lines.count('goal') == 2


def test_a_queued_goal_that_comes_up_in_a_pause_waits_for_its_end(station):
    with start_failing_server('hang') as server:
        at = station({**COMMANDS, 'go': {**GO, 'concurrency': 'queue'}})
        first, second = at.send('go', goal='home'), at.send('go', goal='table_4')
        at.until(lambda: first.state is CommandState.RUNNING)
        at.end(at.send('pause'))
        at.end(at.send('cancel', command_id=first.id))
        assert second.paused
        at.end(at.send('resume'))
        at.until(lambda: server.lines.count('accepted') == 2)


def _way(number):
    """Progress of a round of three goals at its second, in its numberth of five rounds."""
    return {'current_goal': 1, 'goal': '1.5, 2', 'round': number, 'rounds': 5}


def test_a_round_goes_on_where_it_was_paused(station):
    goals = []

    async def execute(handle):
        goals.append(handle.request)
        for waypoint in (0, 1, 2, 0, 1):
            handle.publish_feedback(FollowWaypoints.Feedback(current_waypoint=waypoint))
        await handle.over
        handle.canceled()
        return FollowWaypoints.Result()

    def accepted(handle):
        handle.over = Future()
        handle.execute()

    def cancel(handle):
        goal = next(h for h in server._goal_handles.values() if h.goal_id == handle.goal_id)
        goal.over.set_result(None)
        return CancelResponse.ACCEPT

    at = station(COMMANDS)
    server = ActionServer(
        at.graph.node,
        FollowWaypoints,
        'follow_waypoints',
        execute,
        handle_accepted_callback=accepted,
        cancel_callback=cancel,
    )
    run = at.send('go', goals=['home', {'x': 1.5, 'y': 2}, 'home'], loops=4)
    at.until(lambda: run.status.progress == _way(2))
    at.end(at.send('pause'))
    at.end(at.send('resume'))
    at.until(lambda: len(goals) == 2)
    assert [(goal.goal_index, goal.number_of_loops) for goal in goals] == [(0, 4), (1, 3)]
    at.until(lambda: run.status.progress == _way(3))
    server.destroy()


TREE = '<root BTCPP_format="4"><BehaviorTree ID="Main"><Sleep msec="60000"/></BehaviorTree></root>'


def test_stop_halts_a_tree_that_no_command_began_and_it_stays_so_over_a_restart(station):
    commands = {'stop': COMMANDS['stop']}
    at = station(commands, trees={'resume': 'always'})
    at.trees.run_xml('Main', TREE)
    at.until(lambda: at.trees.current)
    assert at.end(at.send('stop')).state is CommandState.SUCCEEDED
    assert at.trees.idle
    with pytest.raises(TreeErrors, match='stopped'):
        at.trees.run_xml('Main', TREE)
    at.die()
    assert station(commands, trees={'resume': 'always'}).trees.idle
