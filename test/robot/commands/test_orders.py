# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does what stops the robot act however it is written, and is every other order answered once."""

from __future__ import annotations

import json
import time

from fixtures.cpu import cpu_time
from fixtures.system import start_failing_server
import pytest

from xparo_bridge.messages import CommandState, RemoteCommand
from xparo_bridge.robot.commands.run import Rejection

GO = {'kind': 'navigate', 'server_timeout': 10.0, 'cancel_timeout': 2.0}
BEEP = {
    'kind': 'publish',
    'topic': '/beep',
    'type': 'std_msgs/msg/String',
    'message': {'data': '$text'},
    'subscriber_timeout': None,
    'parameters': {'text': {'type': 'string', 'default': 'beep'}},
}
COMMANDS = {
    'go': GO,
    'beep': BEEP,
    'long': {**BEEP, 'times': 1000, 'concurrency': 'queue', 'motion': True},
    'teleop': {'kind': 'teleop'},
    'stop': {'kind': 'stop', 'stop_for': 0.0},
    'pause': {'kind': 'pause'},
    'cancel': {'kind': 'cancel'},
    'resume': {'kind': 'resume'},
}
STOPPING = ('stop', 'pause', 'cancel')


def order(at, command, parameters=None, *, source='platform', **members):
    return at.router.execute(RemoteCommand(command, parameters or {}, **members), source)


FORMS = [
    ({}, {'issued_at': 1.0}),
    ({}, {'deadline': 1.0}),
    ({}, {'issued_at': 1e12, 'deadline': 1e12}),
    ({}, {'problems': ('"parameters" is an array, expected an object',)}),
    ({}, {'problems': tuple(f'"issued_at" {"x" * 1000}' for _ in range(100))}),
    ({'why': 'because'}, {}),
    ({'a': [[[[1]]]], 'b': None, 'c': {'d': float('nan')}}, {}),
    ({f'key {number}': number for number in range(3000)}, {}),
    ({'huge': 10**400}, {}),
    ({'x' * 100_000: 'y' * 100_000}, {}),
]


@pytest.mark.parametrize('command', STOPPING)
@pytest.mark.parametrize(('parameters', 'members'), FORMS)
def test_what_stops_the_robot_acts_whatever_its_form_and_says_what_was_wrong(
    station, command, parameters, members
):
    at = station(COMMANDS)
    driving = order(at, 'long')
    assert driving.started
    end = at.end(order(at, command, parameters, **members))
    assert end.state is CommandState.SUCCEEDED
    assert not driving.open or driving.id in end.result['paused']
    notes = end.result.get('notes', ())
    assert notes
    assert len(notes) <= 10
    assert len(json.dumps(end.result)) <= 16_000


@pytest.mark.parametrize('command', STOPPING)
@pytest.mark.parametrize('times', [1, 3])
@pytest.mark.parametrize('used_by', ['open', 'ended', 'itself', 'before_a_restart'])
def test_what_stops_the_robot_acts_under_an_id_that_was_used(station, command, times, used_by):
    at = station(COMMANDS)
    if used_by == 'itself':
        at.end(order(at, command, command_id='1'))
        at.end(order(at, 'resume'))
    elif used_by != 'open':
        at.end(order(at, 'beep', command_id='1'))
    if used_by == 'before_a_restart':
        at.die()
        at = station(COMMANDS)
    driving = order(at, 'long', command_id='1' if used_by == 'open' else '2')
    assert driving.started
    for _ in range(times):
        reported = len(at.reported)
        run = order(at, command, command_id='1', source='other')
        end = at.end(run)
        assert (end.state, end.command, end.command_id) == (CommandState.SUCCEEDED, command, '1')
        assert 'another command had this id' in end.result['notes']
        ends = [s for s in at.reported[reported:] if s.command == command and s.state.terminal]
        assert ends == [end]
    if command != 'pause':
        assert not driving.open
    # What has the id is not forgotten for it.
    assert at.router.status('1').command == (
        'long' if used_by == 'open' else at.router.status('1').command
    )
    if command == 'pause':
        at.end(order(at, 'stop'))


def test_stopping_twice_is_harmless_and_each_stop_has_its_own_end(station):
    at = station(COMMANDS)
    runs = [order(at, 'stop', command_id='same') for _ in range(5)]
    assert {at.end(run).state for run in runs} == {CommandState.SUCCEEDED}
    assert sum(status.state.terminal for status in at.reported) == 5


@pytest.mark.parametrize('wrong', [{'command_id': ['x']}, {'comand_id': 'x'}, {'kind': None}])
def test_a_cancel_whose_selection_cannot_be_read_cancels_all(station, wrong):
    at = station(COMMANDS)
    driving = order(at, 'long')
    end = at.end(order(at, 'cancel', wrong))
    assert end.state is CommandState.SUCCEEDED
    assert end.result['notes']
    assert driving.state is CommandState.CANCELED


def test_a_cancel_by_a_number_finds_the_command_of_that_id(station):
    at = station(COMMANDS)
    first, second = order(at, 'long', command_id='7'), order(at, 'long', command_id='8')
    at.end(order(at, 'cancel', {'command_id': 7, 'why': 'not needed'}))
    assert first.state is CommandState.CANCELED
    assert second.open


def test_resume_is_not_lenient_because_it_lets_the_robot_move(station):
    at = station(COMMANDS)
    at.end(order(at, 'stop'))
    for parameters, members in FORMS:
        run = order(at, 'resume', parameters, **members)
        assert run.state is CommandState.REJECTED
    assert at.router.motion_lock == 'stopped'


@pytest.mark.parametrize('member', ['issued_at', 'deadline'])
@pytest.mark.parametrize('years', [1.1, 10, 74, 8000])
@pytest.mark.parametrize('command', ['beep', 'teleop', 'resume'])
def test_a_time_that_no_sender_means_is_no_reason_to_count_as_fresh(
    station, command, member, years
):
    at = station(COMMANDS)
    run = order(at, command, command_id='1', **{member: time.time() + years * 365.25 * 86400})
    assert run.status.error['code'] == 'bad_parameters'
    assert f'"{member}" is ' in run.status.error['message']


def test_a_clock_that_was_never_set_judges_no_time_as_far_ahead(station, monkeypatch):
    at = station(COMMANDS)
    now = time.time()
    monkeypatch.setattr(time, 'time', lambda: 100.0)
    assert order(at, 'beep', issued_at=now).state is not CommandState.REJECTED


@pytest.mark.parametrize('command', ['go', 'beep', 'long', 'teleop', 'resume', ''])
def test_what_could_not_be_read_is_rejected_and_named(station, command):
    at = station(COMMANDS)
    run = order(at, command, command_id='1', problems=('"issued_at" is no time: soon',))
    assert run.status.error['code'] == 'bad_parameters'
    assert 'soon' in run.status.error['message']
    assert [status.state for status in at.reported] == [CommandState.REJECTED]


@pytest.mark.parametrize('restart', [False, True])
@pytest.mark.parametrize(
    'other',
    [
        {'parameters': {'text': 'other'}},
        {'command': 'resume', 'parameters': {}},
        {'command': 'no such', 'parameters': {}},
        {'source': 'another link'},
        {'source': 'ros'},
    ],
)
def test_another_command_under_a_used_id_is_refused(station, restart, other):
    at = station(COMMANDS)
    same = {'command': 'beep', 'parameters': {'text': 'one'}, 'command_id': '1', 'issued_at': None}
    at.end(order(at, **same))
    if restart:
        at.die()
        at = station(COMMANDS)
    at.reported.clear()
    refused = order(at, **{**same, **other})
    assert refused.status.error['code'] == 'duplicate_id'
    assert at.reported == [refused.status]
    # The first one is still known, and answered as it ended.
    again = order(at, **{**same, 'issued_at': time.time()})
    assert again.state is CommandState.SUCCEEDED
    assert at.reported[-1].resent
    assert len(at.reported) == 2


def test_another_command_under_the_id_of_an_open_one_leaves_that_one_alone(station):
    at = station(COMMANDS)
    first = order(at, 'long', command_id='1')
    assert order(at, 'long', {'text': 'x'}, command_id='1').status.error['code'] == 'duplicate_id'
    assert first.open and at.router.open_runs == [first]
    assert order(at, 'long', command_id='1') is first
    at.end(order(at, 'stop'))
    assert at.states(first)[-1] == 'canceled'


@pytest.mark.parametrize('urgent', ['stop', 'cancel'])
@pytest.mark.parametrize('resumed', [False, True])
def test_what_was_received_before_a_stop_or_cancel_and_read_after_it_does_not_move_the_robot(
    station, urgent, resumed
):
    at = station(COMMANDS)
    before = time.monotonic()
    at.end(order(at, urgent))
    if resumed:
        at.end(order(at, 'resume'))
    for command in ('go', 'long', 'teleop'):
        parameters = {'go': {'goal': 'home'}, 'teleop': {'linear': 0.1}}.get(command, {})
        late = order(at, command, parameters, received_at=before)
        assert not late.open
        assert not late.started
    if urgent == 'cancel' or resumed:
        after = order(at, 'long')
        assert after.started


def test_a_cancel_ends_only_what_it_selects_of_what_is_read_after_it(station):
    at = station(COMMANDS)
    before = time.monotonic()
    assert order(at, 'cancel', {'command_id': 'a'}).status.error['code'] == 'nothing_to_cancel'
    assert order(at, 'long', command_id='a', received_at=before).state is CommandState.CANCELED
    assert order(at, 'long', command_id='b', received_at=before).started


ENDS_OF_TURNS = {
    'its turn': lambda at, cancel: at.router.turn_reached('platform', cancel.command.received_at),
    'the end of the link': lambda at, cancel: at.router.turn_reached('platform', time.monotonic()),
    'the end of the bridge': lambda at, cancel: at.router.turn_reached(None, time.monotonic()),
}


@pytest.mark.parametrize('how', ENDS_OF_TURNS)
@pytest.mark.parametrize('selection', [{'command_id': 'a'}, {'command': 'long'}, {}])
def test_a_cancel_that_overtook_its_command_and_the_command_agree(station, selection, how):
    at = station(COMMANDS)
    before = time.monotonic()
    cancel = order(at, 'cancel', selection, ahead=True)
    elsewhere = order(at, 'long', command_id='b', source='other')
    assert cancel.open
    assert order(at, 'long', command_id='a', received_at=before).state is CommandState.CANCELED
    at.router.turn_reached('platform', before)  # Of another cancel, which came earlier.
    at.router.turn_reached('other', time.monotonic())
    assert cancel.open
    ENDS_OF_TURNS[how](at, cancel)
    end = at.end(cancel)
    assert end.state is CommandState.SUCCEEDED
    assert [(each['command_id'], each['state']) for each in end.result['ended']] == [
        ('a', 'canceled')
    ]
    assert elsewhere.open  # It came after the cancel.


@pytest.mark.parametrize('how', ENDS_OF_TURNS)
def test_a_cancel_that_overtook_nothing_of_its_own_is_rejected_in_its_turn(station, how):
    at = station(COMMANDS)
    cancel = order(at, 'cancel', {'command_id': 'a'}, ahead=True)
    assert cancel.status is None
    ENDS_OF_TURNS[how](at, cancel)
    assert cancel.status.error['code'] == 'nothing_to_cancel'
    assert [status.state for status in at.reported] == ['rejected']


def test_cancels_that_wait_for_their_turn_are_bounded(station):
    at = station(COMMANDS)
    runs = [order(at, 'cancel', {'command_id': 'a'}, ahead=True) for _ in range(500)]
    assert 0 < sum(run.open for run in runs) < 100
    at.router.turn_reached('platform', time.monotonic())
    assert not any(run.open for run in runs)
    assert len(at.reported) == 500


def test_an_order_that_was_refused_before_is_answered_once_and_its_id_stays_free(station):
    at = station(COMMANDS)
    why = Rejection('rate_limited', 'more than 450 a second', {'retry_after': 0.1})
    command = RemoteCommand('long', command_id='1')
    assert at.router.refuse(command, 'platform', why).status.error['code'] == 'rate_limited'
    assert len(at.reported) == 1
    run = at.router.execute(command, 'platform')
    assert run.started
    # Refused when it is sent again while it runs: it is answered as it stands.
    at.router.refuse(command, 'platform', why)
    assert [status.state for status in at.reported] == [
        'rejected',
        'accepted',
        'running',
        'running',
    ]
    at.end(order(at, 'stop'))


def test_the_names_of_what_is_urgent_are_known(station):
    commands = {**COMMANDS, 'halt': {'kind': 'stop'}}
    assert station(commands).router.urgent_commands == {'stop', 'pause', 'cancel', 'halt'}


@pytest.mark.parametrize(
    ('command', 'parameters'),
    [
        ('teleop', {'buttons': ['a'] * 12000, 'axes': [0.0]}),
        ('teleop', {'axes': [0.0] * 100_000}),
        ('teleop', {f'name {number}': number for number in range(20_000)}),
        ('go', {'goals': [{'x': 'a'}] * 5000}),
        ('go', {'goals': [{'x': 'a' * 1000}] * 500}),
        ('go', {'goal': 'x' * 500_000}),
        ('go', {'goal': {'x': 10**400, 'y': 0.0}}),
        ('go', {'x': 1e300, 'y': 0.0}),
        ('beep', {'text': ['x'] * 50_000}),
        ('x' * 100_000, {}),
    ],
)
def test_what_is_wrong_is_said_in_bounded_time_and_space(station, command, parameters):
    at = station(COMMANDS)
    order(at, command, {})
    runs = []
    assert cpu_time(lambda: runs.append(order(at, command, parameters)), 0.05) < 0.05
    run = runs[-1]
    assert run.state is CommandState.REJECTED
    assert run.status.error['code'] != 'internal_error'
    assert len(json.dumps(run.status.error)) <= 16_000


def test_lists_of_commands_in_an_answer_are_cut(station):
    at = station({**COMMANDS, 'long': {**COMMANDS['long'], 'queue': 1000}})
    runs = [order(at, 'long') for _ in range(300)]
    end = at.end(order(at, 'stop'))
    assert (len(end.result['ended']), end.result['ended_in_all']) == (50, 300)
    assert len(json.dumps(end.result)) <= 16_000
    assert not any(run.open for run in runs)


def test_a_queue_of_many_that_end_at_once_is_worked_off(station):
    at = station(
        {
            **COMMANDS,
            'beep': {**BEEP, 'concurrency': 'queue', 'queue': 1000},
            'long': {**COMMANDS['long'], 'times': 2, 'channel': 'beep'},
        }
    )
    first = order(at, 'long')
    runs = [order(at, 'beep') for _ in range(290)]
    assert not any(run.started for run in runs)
    at.end(first)
    at.until(lambda: not any(run.open for run in runs))
    assert {run.state for run in runs} == {CommandState.SUCCEEDED}


def test_a_goal_sent_before_the_stop_is_cancelled_though_it_is_accepted_later(station):
    with start_failing_server('accept_late', '--delay', '0.5') as server:
        at = station(COMMANDS)
        run = order(at, 'go', {'goal': 'home'})
        at.until(lambda: 'goal' in server.lines)
        assert at.end(order(at, 'stop', issued_at=1.0)).state is CommandState.SUCCEEDED
        assert run.state is CommandState.CANCELED
