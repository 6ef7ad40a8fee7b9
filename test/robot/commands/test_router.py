# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does every command that comes end once, with a reason, and none run that must not."""

from __future__ import annotations

from dataclasses import replace
import time

from fixtures.system import start_failing_server
import pytest
from std_msgs.msg import String

from xparo_bridge.configuration import ConfigurationError
from xparo_bridge.faults import FAULTS
from xparo_bridge.messages import CommandState
from xparo_bridge.robot.commands.kinds.say import Say

GO = {'kind': 'navigate', 'server_timeout': 10.0, 'cancel_timeout': 2.0}
WAIT = {'kind': 'action', 'action': 'wait', 'type': 'nav2_msgs/action/Wait'}
PUBLISH = {
    'kind': 'publish',
    'topic': '/said',
    'type': 'std_msgs/msg/String',
    'message': {'data': '$text'},
    'subscriber_timeout': None,
    'parameters': {'text': {'type': 'string', 'default': 'hello'}},
}


def test_what_is_not_known_is_rejected_with_what_is(station):
    at = station({'go': GO, 'halt': {'kind': 'cancel'}})
    error = at.send('goo').status.error
    assert (error['code'], error['known']) == ('unknown_command', ['go', 'halt'])
    assert 'did you mean "go"' in error['message']
    error = at.send('go', goal='tabel_4').status.error
    assert (error['code'], error['known']) == ('unknown_place', ['home', 'table_4'])
    assert 'did you mean "table_4"' in error['message']
    assert not at.router.open_runs


@pytest.mark.parametrize(
    'parameters',
    [
        {},
        {'goal': 4},
        {'goal': 'home', 'x': 1.0},
        {'x': 1.0},
        {'x': 1.0, 'y': float('nan')},
        {'goal': 'home', 'speed': 2},
        {'goals': []},
        {'goal': {'x': 1}},
        {'turn': 100.0},
    ],
)
def test_bad_parameters_are_rejected_with_the_schema(station, parameters):
    at = station({'go': GO})
    run = at.send('go', **parameters)
    assert run.status.state is CommandState.REJECTED
    assert run.status.error['code'] == 'bad_parameters'
    assert run.status.error['schema']['properties']


def test_a_bad_goal_leaves_the_current_one_alone(station):
    with start_failing_server('hang') as server:
        at = station({'go': GO, 'dock': {'kind': 'dock'}})
        first = at.send('go', goal='home')
        at.until(lambda: first.state is CommandState.RUNNING)
        for bad in (at.send('go', goal='nowhere'), at.send('dock', place='nowhere')):
            assert bad.status.error['code'] == 'unknown_place'
        assert first.open
        assert not first.canceling
        assert 'cancel' not in server.lines


def test_states_come_in_order_and_the_last_one_once(station):
    with start_failing_server('flood', '--delay', '1.0'):
        at = station({'go': GO})
        run = at.send('go', goal='home')
        at.until(lambda: run.state is CommandState.RUNNING)
        began = time.monotonic()
        assert at.end(run).state is CommandState.SUCCEEDED
        assert at.states(run) == ['accepted', 'running', 'succeeded']
        progress = [s for s in at.reported if s.state is CommandState.RUNNING]
        assert len(progress) <= 2 + 5 * (time.monotonic() - began)


def test_each_status_says_when_it_was_and_who_ordered_it(station):
    at = station({'status': {'kind': 'status'}})
    began = time.time()
    end = at.end(at.send('status', source='cloud'))
    for status in at.reported:
        assert status.source == 'cloud'
        assert began - 0.001 <= status.time <= time.time() + 0.001  # In whole ms.
    again = at.router.journal.ended(end.command_id)
    assert (again.source, again.time) == (end.source, end.time)


def test_a_newer_goal_takes_over_and_the_older_one_is_preempted(station):
    with start_failing_server('hang'):
        at = station({'go': GO})
        first = at.send('go', goal='home')
        at.until(lambda: first.state is CommandState.RUNNING)
        second = at.send('go', goal='table_4')
        end = at.end(first)
        assert (end.state, end.error['code'], end.error['by']) == (
            CommandState.CANCELED,
            'preempted',
            second.id,
        )
        at.until(lambda: second.state is CommandState.RUNNING)


def test_a_newer_goal_that_is_rejected_leaves_the_older_one_running(station):
    with (
        start_failing_server('hang'),
        start_failing_server('reject', '--action', 'spin', '--type', 'nav2_msgs/action/Spin'),
    ):
        at = station({'go': GO})
        first = at.send('go', goal='home')
        at.until(lambda: first.state is CommandState.RUNNING)
        second = at.send('go', turn=1.0)  # Another action: it waits for the end of the first.
        assert at.end(second).error['code'] == 'goal_rejected'
        assert first.status.error['code'] == 'preempted'


def test_a_goal_of_another_action_begins_when_the_old_one_has_ended(station):
    with (
        start_failing_server('slow_cancel', '--delay', '0.5'),
        start_failing_server(
            'succeed', '--action', 'spin', '--type', 'nav2_msgs/action/Spin'
        ) as spin,
    ):
        at = station({'go': GO})
        first = at.send('go', goal='home')
        at.until(lambda: first.state is CommandState.RUNNING)
        second = at.send('go', turn=1.0)

        def too_early() -> bool:
            return 'goal' in spin.lines and first.open

        at.until(lambda: too_early() or not first.open)
        assert not first.open
        assert at.end(second).state is CommandState.SUCCEEDED


def test_a_goal_over_its_time_is_cancelled_and_timed_out(station):
    with start_failing_server('hang') as server:
        at = station({'go': {**GO, 'timeout': 3.0}})
        end = at.end(at.send('go', goal='home'))
        assert (end.state, end.error['message']) == (CommandState.TIMED_OUT, 'not done within 3 s')
        server.wait_for_line('cancel')


def test_a_server_that_ignores_the_end_of_a_goals_time_is_reported(station):
    with start_failing_server('ignore_cancel', '--delay', '60'):
        at = station({'go': {**GO, 'timeout': 3.0, 'cancel_timeout': 0.5}})
        end = at.end(at.send('go', goal='home'))
        assert (end.state, end.error['code']) == (CommandState.TIMED_OUT, 'cancel_ignored')


@pytest.mark.parametrize(
    ('selection', 'ended'),
    [({}, {'go', 'wait'}), ({'command': 'go'}, {'go'}), ({'kind': 'action'}, {'wait'})],
)
def test_cancel_ends_all_or_those_of_a_name_or_kind(station, selection, ended):
    with (
        start_failing_server('hang'),
        start_failing_server('hang', '--action', 'wait', '--type', 'nav2_msgs/action/Wait'),
    ):
        at = station({'go': GO, 'wait': WAIT, 'cancel': {'kind': 'cancel'}})
        runs = [at.send('go', goal='home'), at.send('wait')]
        at.until(lambda: all(run.state is CommandState.RUNNING for run in runs))
        result = at.end(at.send('cancel', **selection)).result
        assert {entry['command'] for entry in result['ended']} == ended
        assert {run.command.command for run in runs if not run.open} == ended


def test_an_id_sent_twice_is_answered_and_not_run_twice(station):
    at = station({'publish': PUBLISH})
    said = at.graph.listen(String, '/said')
    at.until(lambda: at.graph.node.count_publishers('/said'))
    first = at.send('publish', 'one')
    at.end(first)
    again = at.send('publish', 'one')
    assert again.status == first.status
    assert at.reported[-1] == replace(first.status, resent=True)
    at.end(at.send('publish', 'two'))
    at.until(lambda: len(said) >= 2)
    assert len(said) == 2


def test_what_ended_is_remembered_over_a_restart_and_bounded(station):
    limits = {'remembered': 3}
    at = station({'publish': PUBLISH}, command_limits=limits)
    for number in range(5):
        at.end(at.send('publish', f'id-{number}'))
    at.die()
    at = station({'publish': PUBLISH}, command_limits=limits)
    said = at.graph.listen(String, '/said')
    at.reported.clear()  # What the first one's death may have kept from the platform.
    for number in (2, 3, 4):
        assert at.send('publish', f'id-{number}').status.state is CommandState.SUCCEEDED
    assert not said
    assert len(at.reported) == 3
    at.end(at.send('publish', 'id-0'))
    assert [s.state for s in at.reported[3:]] == [CommandState.ACCEPTED, CommandState.SUCCEEDED]


@pytest.mark.parametrize(
    ('times', 'rejected'),
    [
        ({'issued_at': -100}, True),
        ({'issued_at': -62}, False),
        ({'issued_at': 3600}, False),
        ({'deadline': -10}, True),
        ({'deadline': -2}, False),
        ({'deadline': 10}, False),
    ],
)
def test_what_comes_too_late_is_expired_but_clocks_may_differ(station, times, rejected):
    at = station({'publish': PUBLISH})
    run = at.send('publish', **{key: time.time() + value for key, value in times.items()})
    if rejected:
        assert run.status.error['code'] == 'expired'
    else:
        assert at.end(run).state is CommandState.SUCCEEDED


@pytest.mark.parametrize('robot_behind', [7200, -7200, 3 * 86400, 0])
@pytest.mark.parametrize(
    ('times', 'rejected'),
    [
        ({'issued_at': -3600}, True),
        ({'issued_at': -62}, False),
        ({'issued_at': -0.5}, False),
        ({'deadline': -3600}, True),
        ({'deadline': 10}, False),
    ],
)
def test_times_are_judged_by_the_platform_s_clock_where_it_is_known(
    station, robot_behind, times, rejected
):
    at = station({'publish': PUBLISH})
    at.clock_offsets['platform'] = robot_behind
    platform_time = time.time() + robot_behind
    run = at.send('publish', **{key: platform_time + value for key, value in times.items()})
    if rejected:
        assert run.status.error['code'] == 'expired'
        assert ("the platform's clock" in run.status.error['message']) == bool(robot_behind)
    else:
        assert at.end(run).state is CommandState.SUCCEEDED


def test_what_waited_past_its_deadline_by_the_platform_s_clock_is_timed_out(station):
    at = station(
        {'publish': {**PUBLISH, 'concurrency': 'queue', 'times': 10, 'rate': 10.0}},
        command_limits={'clock_skew': 0.0},
    )
    at.clock_offsets['platform'] = 7200.0
    first = at.send('publish')
    second = at.send('publish', deadline=time.time() + 7200.0 + 0.2)
    third = at.send('publish', deadline=time.time() + 7200.0 + 60.0)
    assert at.end(first).state is CommandState.SUCCEEDED
    assert at.end(second).state is CommandState.TIMED_OUT
    assert at.end(third).state is CommandState.SUCCEEDED


def test_what_waited_past_its_deadline_is_timed_out(station):
    at = station(
        {'publish': {**PUBLISH, 'concurrency': 'queue', 'times': 10, 'rate': 10.0}},
        command_limits={'clock_skew': 0.0},
    )
    first = at.send('publish')
    second = at.send('publish', deadline=time.time() + 0.2)
    assert at.end(first).state is CommandState.SUCCEEDED
    assert second.status.state is CommandState.TIMED_OUT


def test_too_many_a_second_are_told_when_to_try_again(station):
    at = station(
        {'publish': {**PUBLISH, 'max_rate': 2.0, 'burst': 3}, 'list': {'kind': 'list_commands'}}
    )
    runs = [at.send('publish', f'id-{number}') for number in range(4)]
    at.until(lambda: not at.router.open_runs)
    assert [run.state for run in runs] == [CommandState.SUCCEEDED] * 3 + [CommandState.REJECTED]
    error = runs[3].status.error
    assert error['code'] == 'rate_limited'
    assert 0 < error['retry_after'] <= 0.5
    assert at.end(at.send('list')).state is CommandState.SUCCEEDED
    # Its id was not used up.
    again = time.monotonic() + error['retry_after']
    at.until(lambda: time.monotonic() > again)
    assert at.end(at.send('publish', 'id-3')).state is CommandState.SUCCEEDED


def test_all_commands_together_are_limited_but_stop_and_cancel_are_not(station):
    at = station(
        {
            'publish': PUBLISH,
            'cancel': {'kind': 'cancel'},
            'stop': {'kind': 'stop', 'stop_for': 0.0},
        },
        command_limits={'max_rate': 0.1, 'burst': 1},
    )
    at.end(at.send('publish'))
    assert at.send('publish').status.error['code'] == 'rate_limited'
    assert at.end(at.send('cancel')).state is CommandState.SUCCEEDED
    assert at.end(at.send('stop')).state is CommandState.SUCCEEDED


SLOW = {**PUBLISH, 'times': 5, 'rate': 10.0}


def test_preempt_ends_the_one_before(station):
    at = station({'publish': {**SLOW, 'concurrency': 'preempt'}})
    first, second = at.send('publish'), at.send('publish')
    assert first.status.error['code'] == 'preempted'
    assert at.end(second).state is CommandState.SUCCEEDED


def test_queued_ones_run_one_after_the_other_up_to_a_bound(station):
    at = station({'publish': {**SLOW, 'concurrency': 'queue', 'queue': 2}})
    runs = [at.send('publish') for _ in range(4)]
    assert runs[3].status.error['code'] == 'queue_full'
    assert [run.started for run in runs[:3]] == [True, False, False]
    assert at.end(runs[2]).state is CommandState.SUCCEEDED
    ended = [s.command_id for s in at.reported if s.state is CommandState.SUCCEEDED]
    assert ended == [run.id for run in runs[:3]]


def test_a_queued_one_can_be_cancelled_before_it_begins(station):
    at = station({'publish': {**SLOW, 'concurrency': 'queue'}, 'cancel': {'kind': 'cancel'}})
    first, second, third = (at.send('publish') for _ in range(3))
    at.send('cancel', command_id=second.id)
    assert second.status.state is CommandState.CANCELED
    assert not second.started
    assert at.end(third).state is CommandState.SUCCEEDED
    assert first.state is CommandState.SUCCEEDED


def test_reject_names_the_one_that_is_in_the_way(station):
    at = station({'publish': {**SLOW, 'concurrency': 'reject'}})
    first, second = at.send('publish'), at.send('publish')
    assert (second.status.error['code'], second.status.error['by']) == ('busy', first.id)
    assert at.end(first).state is CommandState.SUCCEEDED


def test_parallel_ones_do_not_mind_each_other(station):
    at = station({'publish': {**SLOW, 'concurrency': 'parallel'}})
    runs = [at.send('publish') for _ in range(3)]
    assert all(run.started for run in runs)
    assert {at.end(run).state for run in runs} == {CommandState.SUCCEEDED}


def test_a_bug_in_a_kind_ends_its_command_and_nothing_else(station):
    at = station({'publish': PUBLISH})

    def broken(run):
        raise RuntimeError('a bug')

    at.router.kinds['publish'].start = broken
    end = at.end(at.send('publish'))
    assert (end.state, end.error['code']) == (CommandState.FAILED, 'internal_error')
    assert not at.router.open_runs


@pytest.mark.parametrize('what', ['the report', 'the record'])
def test_what_fails_at_the_end_of_a_command_holds_up_nothing_that_waits_for_it(
    station, monkeypatch, what
):
    at = station({'publish': {**SLOW, 'times': 2, 'concurrency': 'queue'}})

    def broken(*arguments, **options):
        raise OSError('a disk that is gone')

    first, second = at.send('publish'), at.send('publish')
    if what == 'the report':
        monkeypatch.setattr(at.router, '_report', broken)
    else:
        monkeypatch.setattr(at.journal, 'end', broken)
    FAULTS.forget()
    assert at.end(first).state is CommandState.SUCCEEDED
    assert at.end(second).state is CommandState.SUCCEEDED
    assert at.router.open_runs == []
    assert FAULTS.counts[f'{what} of publish: OSError'] >= 2
    if what == 'the record':
        assert at.states(first)[-1] == at.states(second)[-1] == 'succeeded'


@pytest.mark.parametrize(
    ('commands', 'problem'),
    [
        (
            {'x': {'kind': 'fly'}},
            r'robot\.yaml:\d+: commands\.x\.kind: no such kind; known: action',
        ),
        (
            {'x': {'kind': 'navigate', 'defaults': {'gaol': 'home'}}},
            r'commands\.x\.defaults\.gaol: no such parameter; known: goal',
        ),
        (
            {'x': {'kind': 'navigate', 'defaults': {'turn': 'left'}}},
            r'commands\.x\.defaults\.turn: "left" is a string, expected a number',
        ),
        (
            {'x': {'kind': 'navigate', 'defaults': {'goal': 'nowhere'}}},
            r'commands\.x\.defaults: there is no place "nowhere"',
        ),
        (
            {'x': {'kind': 'navigate', 'defaults': {'goals': ['home', 'nowhere'], 'loops': 2}}},
            r'commands\.x\.defaults: there is no place "nowhere"',
        ),
        (
            {'x': {'kind': 'dock', 'defaults': {'place': 'nowhere'}}},
            r'commands\.x\.defaults: there is no place "nowhere"',
        ),
        (
            {'x': {'kind': 'fly'}, 'y': {'kind': 'dock', 'dok': 1}},
            r'(?s)commands\.x\.kind: no such kind.*commands\.y\.dok',
        ),
        ({'x': {'kind': 'teleop', 'deadman': 60}}, r'commands\.x\.deadman: 60 is greater'),
        (
            {'x': {'kind': 'set_telemetry', 'groups': {'pose': 1.0}}},
            r'commands\.x\.groups\.pose: the telemetry has no such',
        ),
    ],
)
def test_commands_that_cannot_work_are_errors_at_the_start(station, commands, problem):
    with pytest.raises(ConfigurationError, match=problem):
        station(commands)


@pytest.mark.parametrize(
    ('command', 'places'),
    [
        # What is wrong by the schema, and in the template, of one command.
        (
            {**PUBLISH, 'rate': -1, 'message': {'dta': 1}},
            ['commands.x.rate', 'commands.x.message.dta'],
        ),
        (
            {**WAIT, 'server_timeout': 'long', 'goal': {'time': {'secs': 3}}},
            ['commands.x.server_timeout', 'commands.x.goal.time.secs'],
        ),
        (
            {'kind': 'service', 'service': '/s', 'type': 'std_srvs/srv/SetBool', 'colour': 1}
            | {'request': {'dta': True}},
            ['commands.x.colour', 'commands.x.request.dta'],
        ),
        # What is wrong by the schema is not said a second time.
        ({**PUBLISH, 'message': 3}, ['commands.x.message']),
    ],
)
def test_all_that_is_wrong_with_a_command_is_reported_at_once(station, command, places):
    with pytest.raises(ConfigurationError) as raised:
        station({'x': command, 'y': {'kind': 'fly'}})
    for place in (*places, 'commands.y.kind'):
        assert f'{place}: ' in str(raised.value)
    assert str(raised.value).count('commands.x') == len(places)


def test_mistakes_in_two_commands_are_both_reported(station):
    with pytest.raises(ConfigurationError) as raised:
        station({'x': {'kind': 'say', 'colour': 1}, 'y': {'kind': 'navigate', 'size': 2}})
    assert 'commands.x' in str(raised.value)
    assert 'commands.y' in str(raised.value)


@pytest.mark.parametrize(
    ('command', 'parameters', 'taken'),
    [
        ({'max_turn': 0.5}, {'turn': 0.4}, True),
        ({'max_turn': 0.5}, {'turn': 0.6}, False),
        ({'server_timeout': 0.5}, {'turn': 0.6}, True),
    ],
)
def test_small_settings_are_taken(station, command, parameters, taken):
    at = station({'go': {'kind': 'navigate', **command}})
    assert (at.send('go', **parameters).state is CommandState.ACCEPTED) == taken


def test_a_server_timeout_of_zero_waits_for_no_server(station):
    at = station({'go': {'kind': 'navigate', 'server_timeout': 0}})
    assert at.end(at.send('go', turn=1.0)).error['code'] == 'no_action_server'


def test_a_kind_whose_schema_is_no_json_schema_is_an_error_at_the_start(station, monkeypatch):
    monkeypatch.setattr(Say, 'parameters_schema', lambda *settings: {'type': 'nummber'})
    with pytest.raises(
        ConfigurationError, match=r'commands\.x\.kind: the schema .* no JSON Schema'
    ):
        station({'x': {'kind': 'say'}})


def test_defaults_of_the_configuration_fill_what_is_left_out(station):
    at = station({'publish': {**PUBLISH, 'defaults': {'text': 'from the configuration'}}})
    said = at.graph.listen(String, '/said')
    at.until(lambda: at.graph.node.count_publishers('/said'))
    at.end(at.send('publish'))
    at.end(at.send('publish', text='mine'))
    at.until(lambda: len(said) == 2)
    assert [message.data for message in said] == ['from the configuration', 'mine']
