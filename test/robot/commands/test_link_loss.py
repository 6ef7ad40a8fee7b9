# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What does the robot do when the platform is gone, and when it is back."""

from __future__ import annotations

import time

from fixtures.system import start_failing_server
import pytest
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from std_srvs.srv import Trigger

from xparo_bridge.configuration import ConfigurationError
from xparo_bridge.messages import CommandState

COMMANDS = {
    'go': {'kind': 'navigate', 'server_timeout': 10.0},
    'pause': {'kind': 'pause'},
    'resume': {'kind': 'resume'},
    'cancel': {'kind': 'cancel'},
    'stop': {'kind': 'stop', 'stop_for': 0.0},
}


def connected(station, **settings):
    at = station(COMMANDS, link_loss={'after': 0.3, **settings})
    at.link_loss.change('platform', connected=True)
    run = at.send('go', goal='table_4')
    at.until(lambda: run.state is CommandState.RUNNING)
    return at, run


def wait(at, seconds):
    end = time.monotonic() + seconds
    at.until(lambda: time.monotonic() > end)


def test_without_an_answer_the_robot_goes_on(station):
    with start_failing_server('hang'):
        at, run = connected(station)
        at.link_loss.change('platform', connected=False)
        wait(at, 0.6)
        assert run.state is CommandState.RUNNING


def test_a_short_loss_is_no_loss_and_one_link_of_two_is_enough(station):
    with start_failing_server('hang'):
        at, run = connected(station, command='cancel')
        at.link_loss.change('other', connected=True)
        at.link_loss.change('platform', connected=False)
        wait(at, 0.6)
        at.link_loss.change('other', connected=False)
        wait(at, 0.1)
        at.link_loss.change('platform', connected=True)
        wait(at, 0.6)
        assert run.state is CommandState.RUNNING


def test_pause_holds_the_robot_and_goes_on_when_the_platform_is_back(station, capfd):
    with start_failing_server('hang') as server:
        at, run = connected(station, command='pause')
        at.link_loss.change('platform', connected=False)
        at.until(lambda: run.paused)
        at.until(lambda: 'canceled' in server.lines)
        at.link_loss.change('platform', connected=True)
        at.until(lambda: server.lines.count('accepted') == 2)
        assert run.open
        assert at.router.motion_lock == ''
        printed = ''

        def has_said():
            nonlocal printed
            printed += ''.join(capfd.readouterr())
            return 'a platform is back: what was paused goes on' in printed

        at.until(has_said)
        assert 'no platform for 0.3 s: pause' in printed


BASE_GOAL = {
    'kind': 'action',
    'action': 'navigate_to_pose',
    'type': 'nav2_msgs/action/NavigateToPose',
    'server_timeout': 10.0,
}


@pytest.mark.parametrize('motion', [{}, {'motion': True}])
def test_a_pause_holds_a_goal_of_any_command_that_drives(station, motion):
    with start_failing_server('hang') as server:
        at = station(
            {**COMMANDS, 'go': {**BASE_GOAL, **motion}},
            link_loss={'after': 0.3, 'command': 'pause'},
        )
        at.link_loss.change('platform', connected=True)
        run = at.send('go')
        at.until(lambda: run.state is CommandState.RUNNING)
        at.link_loss.change('platform', connected=False)
        at.until(lambda: 'canceled' in server.lines)
        at.until(lambda: run.state is CommandState.PAUSED)
        at.link_loss.change('platform', connected=True)
        at.until(lambda: server.lines.count('accepted') == 2)
        assert run.open


SERVICE = {'kind': 'service', 'service': '/drive', 'type': 'std_srvs/srv/Trigger', 'motion': True}


@pytest.mark.parametrize('command', [{**BASE_GOAL, 'repeatable': False}, SERVICE])
def test_what_a_pause_cannot_hold_fails_it_and_is_cancelled_where_the_link_is_lost(
    station, command
):
    with start_failing_server('hang'):
        at = station({**COMMANDS, 'go': command}, link_loss={'after': 0.3, 'command': 'pause'})
        at.graph.node.create_service(
            Trigger, '/drive', _never, callback_group=ReentrantCallbackGroup()
        )
        at.link_loss.change('platform', connected=True)
        run = at.send('go')
        at.until(lambda: command is SERVICE or run.state is CommandState.RUNNING)
        paused = at.end(at.send('pause'))
        assert (paused.state, paused.error['code']) == (CommandState.FAILED, 'not_paused')
        assert 'go cannot be paused' in paused.error['message']
        assert paused.error['not_paused'] == [run.id]
        assert run.open
        at.link_loss.change('platform', connected=False)
        assert at.end(run).state is CommandState.CANCELED
        assert at.router.motion_lock == 'paused'


async def _never(request, response):
    await Future()


def test_a_robot_that_was_stopped_meanwhile_stays_stopped(station):
    with start_failing_server('hang'):
        at, run = connected(station, command='pause')
        at.link_loss.change('platform', connected=False)
        at.until(lambda: run.paused)
        at.end(at.send('stop', source='ros'))
        at.link_loss.change('platform', connected=True)
        assert at.router.motion_lock == 'stopped'


def test_cancel_ends_what_is_under_way(station):
    with start_failing_server('hang'):
        at, run = connected(station, command='cancel')
        at.link_loss.change('platform', connected=False)
        assert at.end(run).state is CommandState.CANCELED
        assert 'link_loss' in at.sources


def test_the_way_home_is_given_up_when_the_platform_is_back(station):
    with start_failing_server('hang') as server:
        at, run = connected(station, command='go', parameters={'goal': 'home'})
        at.link_loss.change('platform', connected=False)
        assert at.end(run).error['code'] == 'preempted'
        (way,) = at.router.open_runs
        assert way.parameters == {'goal': 'home'}
        at.until(lambda: way.state is CommandState.RUNNING)
        at.link_loss.change('platform', connected=True)
        assert at.end(way).state is CommandState.CANCELED
        assert server.lines.count('goal') == 2


def test_what_is_due_when_the_platform_is_back_can_be_configured(station):
    with start_failing_server('hang'):
        at, _ = connected(
            station,
            command='go',
            parameters={'goal': 'home'},
            back={'command': 'go', 'parameters': {'goal': 'table_4'}},
        )
        at.link_loss.change('platform', connected=False)
        at.until(lambda: 'link_loss' in at.sources)
        at.link_loss.change('platform', connected=True)
        at.until(lambda: at.router.open_runs[-1].parameters == {'goal': 'table_4'})


@pytest.mark.parametrize(
    ('settings', 'problem'),
    [
        ({'command': 'hide'}, r'robot\.yaml:\d+: link_loss\.command: there is no command "hide"'),
        ({'command': 'go'}, 'link_loss.command: expected goal, goals, '),
        (
            {'command': 'go', 'parameters': {'goal': 'nowhere'}},
            'link_loss.command: there is no place "nowhere"',
        ),
        (
            {'command': 'go', 'parameters': {'goals': ['home', 'nowhere']}},
            'link_loss.command: there is no place "nowhere"',
        ),
        (
            {'command': 'go', 'parameters': {'goal': 'home'}, 'back': {'command': 'reusme'}},
            'link_loss.back.command: .*did you mean "resume"',
        ),
    ],
)
def test_an_answer_that_cannot_work_is_an_error_at_the_start(station, settings, problem):
    with pytest.raises(ConfigurationError, match=problem):
        station(COMMANDS, link_loss=settings)


def test_an_answer_that_is_refused_is_tried_again_until_it_is_taken(station):
    with start_failing_server('hang'):
        at, run = connected(
            station, command='go', parameters={'goal': 'home'}, back={'command': 'cancel'}
        )
        at.end(at.send('pause'))
        at.link_loss.change('platform', connected=False)
        at.until(lambda: 'link_loss' in at.sources)
        assert [s.state for s in at.reported if s.command == 'go'][-1] is CommandState.REJECTED
        at.end(at.send('resume'))
        at.until(lambda: any(run.source == 'link_loss' for run in at.router.open_runs))
        at.link_loss.change('platform', connected=True)


def test_nothing_is_tried_again_when_the_platform_is_back(station):
    with start_failing_server('hang'):
        at, run = connected(station, command='go', parameters={'goal': 'home'})
        at.end(at.send('stop'))
        at.link_loss.change('platform', connected=False)
        at.until(lambda: 'link_loss' in at.sources)
        at.link_loss.change('platform', connected=True)
        reported = at.sources.count('link_loss')
        at.end(at.send('resume'))
        wait(at, 2.5)
        assert at.sources.count('link_loss') == reported
        assert not at.router.open_runs


def test_a_robot_that_was_paused_before_the_loss_is_still_paused_after_it(station):
    with start_failing_server('hang'):
        at, run = connected(station, command='pause')
        at.end(at.send('pause'))
        at.link_loss.change('platform', connected=False)
        at.until(lambda: 'link_loss' in at.sources)
        at.link_loss.change('platform', connected=True)
        assert at.router.motion_lock == 'paused'
        assert run.paused
