# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do trees and commands share the robot: by pause, by stop, and by who has the base."""

from __future__ import annotations

import time

from fixtures.system import start_failing_server
import pytest

from xparo_bridge.messages import CommandState

GO = {'kind': 'navigate', 'server_timeout': 10.0, 'cancel_timeout': 2.0}
COMMANDS = {
    'go': GO,
    'queued': {**GO, 'concurrency': 'queue'},
    'refused': {**GO, 'concurrency': 'reject'},
    'beep': {
        'kind': 'publish',
        'topic': '/beep',
        'type': 'std_msgs/msg/Empty',
        'subscriber_timeout': None,
    },
    'run_tree': {'kind': 'run_tree'},
    'halt_tree': {'kind': 'halt_tree'},
    'delete_tree': {'kind': 'delete_tree'},
    'stop': {'kind': 'stop', 'stop_for': 0.2},
    'pause': {'kind': 'pause'},
    'resume': {'kind': 'resume'},
    'status': {'kind': 'status'},
}


def tree(body: str) -> str:
    return f'<root BTCPP_format="4"><BehaviorTree ID="round">{body}</BehaviorTree></root>'


DRIVE = tree('<NavigateToPose goal="0;map;7;2.6;0;0;0;0;1"/>')
COMMAND = tree('<RemoteCommand command="go" goal="home"/>')
BEEP = tree('<Sequence><RemoteCommand command="beep"/><Sleep msec="60000"/></Sequence>')


@pytest.fixture
def server():
    with start_failing_server('hang') as server:
        yield server


def begun(at, server, xml, times=1):
    """A tree that no command began, its goal accepted so many times."""
    run = at.trees.run_xml('round', xml)
    at.until(lambda: server.lines.count('accepted') == times)
    return run


def assert_one_goal_at_a_time(server):
    reported = [line for line in server.lines if line in ('goal', 'canceled')]
    assert reported == ['goal', 'canceled', 'goal']


@pytest.mark.parametrize('xml', [DRIVE, COMMAND])
def test_a_tree_is_held_by_pause_and_goes_on_after_resume(station, server, xml):
    at = station(COMMANDS)
    run = begun(at, server, xml)
    at.end(at.send('pause'))
    at.until(lambda: 'canceled' in server.lines)
    assert (run.phase, server.lines.count('goal')) == ('paused', 1)
    at.end(at.send('resume'))
    at.until(lambda: server.lines.count('accepted') == 2)
    assert run.phase == 'running'


def test_a_command_that_runs_a_tree_is_paused_with_it(station, server):
    at = station(COMMANDS)
    at.load_tree('round', DRIVE)
    run = at.send('run_tree', tree_name='round')
    at.until(lambda: 'accepted' in server.lines)
    assert at.end(at.send('pause')).result == {'paused': [run.id], 'not_paused': []}
    at.until(lambda: run.state is CommandState.PAUSED)
    assert at.end(at.send('resume')).result['resumed'] == [run.id]
    at.until(lambda: server.lines.count('accepted') == 2)
    assert run.state is CommandState.RUNNING


def test_time_stands_still_for_a_tree_that_is_paused(station):
    at = station(COMMANDS)
    run = at.trees.run_xml('round', tree('<Sleep msec="60000"/>'))
    at.until(lambda: at.trees.current)
    at.end(at.send('pause'))
    paused = run.tree.context.clock.now()
    began = time.monotonic()
    at.until(lambda: time.monotonic() > began + 0.2)
    assert run.tree.context.clock.now() == paused
    at.end(at.send('resume'))
    at.until(lambda: run.tree.context.clock.now() > paused)


def test_a_lost_link_pauses_a_tree_until_it_is_back(station, server):
    at = station(COMMANDS, link_loss={'after': 0.1, 'command': 'pause'})
    at.link_loss.change('platform', connected=True)
    run = begun(at, server, DRIVE)
    at.link_loss.change('platform', connected=False)
    at.until(lambda: run.phase == 'paused')
    at.until(lambda: 'canceled' in server.lines)
    at.link_loss.change('platform', connected=True)
    at.until(lambda: server.lines.count('accepted') == 2)


def test_a_lost_link_runs_a_tree_until_it_is_back(station, server):
    at = station(
        COMMANDS,
        link_loss={'after': 0.1, 'command': 'run_tree', 'parameters': {'tree_name': 'round'}},
    )
    at.load_tree('round', DRIVE)
    at.link_loss.change('platform', connected=True)
    at.link_loss.change('platform', connected=False)
    at.until(lambda: 'accepted' in server.lines)
    at.link_loss.change('platform', connected=True)
    at.until(lambda: at.trees.idle)
    assert at.reported[-1].state is CommandState.CANCELED


def test_what_is_paused_of_a_tree_can_be_halted_and_stopped(station, server):
    at = station(COMMANDS)
    for times, command in enumerate(('halt_tree', 'stop'), 1):
        run = begun(at, server, DRIVE, times)
        at.end(at.send('pause'))
        assert at.end(at.send(command)).state is CommandState.SUCCEEDED
        assert run.state == 'halted'
        at.end(at.send('resume'))
    assert server.lines.count('goal') == 2


def test_no_tree_and_no_command_of_a_tree_moves_the_robot_after_stop(station, server):
    at = station(COMMANDS)
    at.load_tree('round', DRIVE)
    at.end(at.send('stop'))
    assert at.send('run_tree', tree_name='round').status.error['code'] == 'stopped'
    assert at.send('go', goal='home', source='tree').status.error['code'] == 'stopped'
    at.end(at.send('resume'))
    at.send('run_tree', tree_name='round')
    at.until(lambda: 'accepted' in server.lines)


@pytest.mark.parametrize('xml', [DRIVE, COMMAND])
def test_a_command_takes_the_place_of_a_tree_that_moves_the_robot(station, server, xml):
    at = station(COMMANDS)
    at.load_tree('round', xml)
    tree_run = at.send('run_tree', tree_name='round')
    at.until(lambda: 'accepted' in server.lines)
    run = at.send('go', goal='table_4')
    end = at.end(tree_run)
    assert (end.state, end.error['code'], end.error['by']) == (
        CommandState.CANCELED,
        'preempted',
        run.id,
    )
    at.until(lambda: server.lines.count('accepted') == 2)
    assert_one_goal_at_a_time(server)
    assert run.open


def test_a_tree_takes_the_place_of_the_command_that_moves_the_robot(station, server):
    at = station(COMMANDS)
    run = at.send('go', goal='home')
    at.until(lambda: 'accepted' in server.lines)
    at.trees.run_xml('round', DRIVE)
    end = at.end(run)
    assert (end.error['code'], end.error['by']) == ('preempted', 'tree round')
    at.until(lambda: server.lines.count('accepted') == 2)
    assert_one_goal_at_a_time(server)


def test_a_command_waits_for_a_tree_or_is_refused_if_it_is_configured_so(station, server):
    at = station(COMMANDS)
    begun(at, server, DRIVE)
    error = at.send('refused', goal='home').status.error
    assert (error['code'], error['by']) == ('busy', 'tree round')
    run = at.send('queued', goal='home')
    assert run.open
    assert not run.started
    at.send('halt_tree')
    at.until(lambda: server.lines.count('accepted') == 2)
    assert run.started


def test_a_tree_that_cannot_move_the_robot_is_in_nobodys_way(station, server):
    at = station(COMMANDS)
    tree_run = at.trees.run_xml('round', BEEP)
    at.until(lambda: at.trees.current)
    run = at.send('go', goal='home')
    at.until(lambda: 'accepted' in server.lines)
    assert run.open
    assert at.trees.current is tree_run


def test_a_tree_that_is_not_known_is_refused_with_those_that_are(station):
    at = station(COMMANDS)
    at.load_tree('round', DRIVE)
    run = at.send('run_tree', tree_name='rond')
    assert at.states(run) == ['rejected']
    assert (run.status.error['code'], run.status.error['known']) == (
        'unknown_tree',
        at.trees.names,
    )
    assert at.states(at.send('halt_tree')) == ['rejected']
    run = at.send('delete_tree', tree_name='rond')
    assert (at.states(run), run.status.error['code']) == (['rejected'], 'unknown_tree')
    assert run.status.error['known'] == at.trees.names


@pytest.mark.parametrize(
    ('command', 'parameters'),
    [('list_trees', {}), ('delete_tree', {'tree_name': 'round'}), ('status', {}), ('stop', {})],
)
def test_what_is_done_at_once_is_accepted_once_and_ends_once(station, command, parameters):
    at = station({**COMMANDS, 'list_trees': {'kind': 'list_trees'}})
    at.load_tree('round', DRIVE)
    run = at.send(command, **parameters)
    at.end(run)
    states = at.states(run)
    assert (states.count('accepted'), states[0], states[-1]) == (1, 'accepted', 'succeeded')
    assert states.count('succeeded') == 1


def test_a_tree_of_the_robots_own_is_not_deleted_and_is_called_so(station):
    at = station(COMMANDS)
    run = at.send('delete_tree', tree_name='delivery_round')
    assert (at.states(run), run.status.error['code']) == (['rejected'], 'own_tree')
    assert 'delivery_round' in at.trees.names


@pytest.mark.parametrize('by_command', [False, True])
def test_a_goal_of_a_tree_is_cancelled_after_the_bridge_died(station, server, by_command):
    at = station(COMMANDS)
    at.load_tree('round', DRIVE)
    run = at.send('run_tree', tree_name='round') if by_command else None
    if run is None:
        at.trees.run('round')
    at.until(lambda: 'accepted' in server.lines)
    at.die()
    at = station(COMMANDS)
    at.until(lambda: 'canceled' in server.lines)
    at.until(lambda: not at.router.recovering)
    reported = [status for status in at.reported if status.state.terminal]
    assert [status.error['code'] for status in reported] == (['interrupted'] if by_command else [])
    at.die()
    later = station(COMMANDS)
    later.until(lambda: not later.router.recovering)


def test_status_knows_of_a_tree_that_no_command_began(station):
    at = station(COMMANDS)
    assert 'tree' not in at.end(at.send('status')).result
    run = at.trees.run_xml('round', tree('<Sleep name="nap" msec="60000"/>'))
    at.until(lambda: at.trees.current)
    reported = at.end(at.send('status')).result['tree']
    assert reported == {
        'tree_name': 'round',
        'run_id': run.id,
        'state': 'running',
        'moves': False,
        'active_nodes': ['nap'],
    }
    at.end(at.send('pause'))
    assert at.end(at.send('status')).result['tree']['state'] == 'paused'


@pytest.mark.parametrize('begun', ['pushed', 'command'])
def test_a_stop_names_the_tree_that_it_halted(station, begun):
    at = station(COMMANDS)
    xml = tree('<Sleep name="nap" msec="60000"/>')
    if begun == 'pushed':
        at.trees.run_xml('round', xml)
    else:
        at.load_tree('round', xml)
        command = at.send('run_tree', tree_name='round')
    at.until(lambda: at.trees.current)
    at.until(lambda: at.trees.current.active_nodes)
    shown = at.end(at.send('status')).result['tree']
    assert shown['tree_name'] == 'round'
    result = at.end(at.send('stop')).result
    assert result['tree'] == shown
    ended = [other['command_id'] for other in result['ended']]
    assert ended == ([] if begun == 'pushed' else [command.id])
    # It does not run any more, so there is none to name.
    assert 'tree' not in at.end(at.send('stop')).result
