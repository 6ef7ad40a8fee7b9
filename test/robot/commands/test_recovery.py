# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a bridge makes of the commands of one that died."""

from __future__ import annotations

import contextlib
from dataclasses import replace
import json
import os
import sqlite3

from action_msgs.srv import CancelGoal
from fixtures.ros_graph import RosGraph
from fixtures.system import start_failing_server
from nav2_msgs.action import NavigateToPose
import pytest

from xparo_bridge.messages import CommandState, CommandStatus
from xparo_bridge.redaction import hide
from xparo_bridge.robot.commands import stray_goals
from xparo_bridge.state.database import FILE_NAME
from xparo_bridge.state.schema import checksum

GO = {'kind': 'navigate', 'server_timeout': 10.0}
SAY = {
    'kind': 'publish',
    'topic': '/said',
    'type': 'std_msgs/msg/String',
    'subscriber_timeout': None,
}
FOREVER = {**SAY, 'times': 1000, 'rate': 1.0}


def go_and_die(station, commands):
    at = station(commands)
    run = at.send('go', 'the-id', goal='home')
    at.until(lambda: run.state is CommandState.RUNNING)
    at.die()


def interrupted(at):
    at.until(lambda: [s for s in at.reported if s.command_id == 'the-id'])
    (status,) = [s for s in at.reported if s.command_id == 'the-id']
    assert status.state is CommandState.FAILED
    assert status.error['code'] == 'interrupted'
    return status


def test_its_goal_is_cancelled_and_its_command_failed(station):
    with start_failing_server('hang') as server:
        go_and_die(station, {'go': GO})
        at = station({'go': GO})
        status = interrupted(at)
        assert not status.error['goal_may_be_running']
        assert 'it has ended' in status.error['message']
        at.until(lambda: 'canceled' in server.lines)


def forget(folder):
    """Take from the state what was written of commands, as if it had not come to the disk."""
    with contextlib.closing(sqlite3.connect(folder / 'state' / FILE_NAME)) as db, db:
        db.execute('DELETE FROM commands')


@pytest.mark.parametrize('mode', ['hang', 'accept_late'])
@pytest.mark.parametrize('after_crash', ['cancel', 'leave'])
def test_a_goal_that_is_not_on_record_is_found_at_its_server(station, tmp_path, mode, after_crash):
    commands = {'go': {**GO, 'after_crash': after_crash}, 'stop': {'kind': 'stop', 'stop_for': 0}}
    with start_failing_server(mode, '--delay', '1.0') as server:
        at = station(commands)
        at.send('go', 'the-id', goal='home')
        at.until(lambda: 'goal' in server.lines)
        at.die()
        forget(tmp_path)
        at = station(commands)
        if after_crash == 'leave':
            at.until(lambda: not at.router.recovering)
            assert 'cancel' not in server.lines
            return
        assert at.end(at.send('stop')).state is CommandState.SUCCEEDED
        at.until(lambda: 'canceled' in server.lines)


def test_goals_of_others_and_of_this_run_are_no_strays(station, tmp_path):
    with start_failing_server('hang') as server, RosGraph('another') as another:
        goal = another.send_goal(NavigateToPose, 'navigate_to_pose', NavigateToPose.Goal())
        assert goal.accepted
        station({'go': GO}).die()
        at = station({'go': GO})
        run = at.send('go', goal='home')
        at.until(lambda: run.state is CommandState.RUNNING)
        at.until(lambda: not at.router.recovering)
        assert run.state is CommandState.RUNNING
        assert 'cancel' not in server.lines


def test_a_command_whose_goal_is_not_on_record_says_what_became_of_it(station, tmp_path):
    with start_failing_server('ignore_cancel', '--delay', '60') as server:
        at = station({'go': GO})
        run = at.send('go', 'the-id', goal='home')
        at.until(lambda: run.state is CommandState.RUNNING)
        at.die()
        with contextlib.closing(sqlite3.connect(tmp_path / 'state' / FILE_NAME)) as db, db:
            (text,) = db.execute("SELECT value FROM commands WHERE key = 'the-id'").fetchone()
            value = json.loads(text)
            value['goals'] = []
            text = json.dumps(value)
            db.execute(
                "UPDATE commands SET value = ?, crc = ? WHERE key = 'the-id'",
                (text, checksum('the-id', text)),
            )
        error = interrupted(station({'go': GO})).error
        assert error['goal_may_be_running']
        assert 'navigate_to_pose' in error['message']
        assert 'goal' in server.lines


def test_a_stop_waits_for_a_goal_that_its_server_accepts_after_the_bridge_died(station):
    commands = {'go': GO, 'stop': {'kind': 'stop', 'stop_for': 0.0}}
    with start_failing_server('accept_late', '--delay', '1.0') as server:
        at = station(commands)
        at.send('go', 'the-id', goal='home')
        at.until(lambda: 'goal' in server.lines)
        at.die()
        at = station(commands)
        assert at.end(at.send('stop')).state is CommandState.SUCCEEDED
        assert 'it has ended' in interrupted(at).error['message']
        at.until(lambda: 'canceled' in server.lines)


def test_a_goal_that_may_go_on_is_left_and_reported(station):
    commands = {'go': {**GO, 'after_crash': 'leave'}}
    with start_failing_server('hang') as server:
        go_and_die(station, commands)
        at = station(commands)
        status = interrupted(at)
        assert status.error['goal_may_be_running']
        assert 'cancel' not in server.lines


def test_a_server_that_will_not_cancel_is_reported(station):
    with start_failing_server('ignore_cancel', '--delay', '60'):
        go_and_die(station, {'go': GO})
        assert interrupted(station({'go': GO})).error['goal_may_be_running']


def test_a_goal_that_a_new_server_does_not_know_is_not_running(station):
    with start_failing_server('hang') as server:
        go_and_die(station, {'go': GO})
        server.kill()
    with start_failing_server('hang'):
        assert not interrupted(station({'go': GO})).error['goal_may_be_running']


def test_a_command_without_a_goal_is_failed_at_once(station):
    at = station({'forever': FOREVER})
    at.send('forever', 'the-id')
    at.die()
    at = station({'forever': FOREVER})
    assert 'no goal had been sent' in interrupted(at).error['message']
    # And it stays so, over the next restart too.
    at.die()
    at = station({'forever': FOREVER})
    assert at.send('forever', 'the-id').status.error['code'] == 'interrupted'


@pytest.mark.parametrize(
    ('command', 'later', 'at_once'),
    [
        ('forever', {'forever': FOREVER}, True),
        ('go', {'go': GO}, False),
        ('forever', {}, False),  # What it did is not known any more.
    ],
)
def test_only_what_may_have_sent_goals_waits_for_the_search_for_them(
    station, monkeypatch, command, later, at_once
):
    at = station({'forever': FOREVER, 'go': GO})
    at.send(command, 'the-id', **({'goal': 'home'} if command == 'go' else {}))
    at.die()
    monkeypatch.setattr(stray_goals, '_LOOK_FOR', 10.0 if at_once else 0.5)
    at = station(later)
    assert 'no goal had been sent' in interrupted(at).error['message']
    assert at.router.recovering is at_once


def test_the_same_id_is_not_run_again_while_it_is_looked_into(station):
    with start_failing_server('hang') as server:
        go_and_die(station, {'go': GO})
        at = station({'go': GO})
        assert at.send('go', 'the-id', goal='home').status.state is CommandState.ACCEPTED
        at.until(lambda: at.reported[-1].state is CommandState.FAILED)
        assert server.lines.count('goal') == 1


def test_ends_that_may_have_died_with_the_bridge_are_reported_again(station):
    commands = {'say': SAY, 'forever': FOREVER}
    at = station(commands)
    at.send('forever')
    end = at.end(at.send('say'))
    at.die()
    assert replace(end, resent=True) in station(commands).reported


def test_a_stopped_robot_stays_stopped_over_a_restart(station):
    commands = {'go': GO, 'stop': {'kind': 'stop', 'stop_for': 0.0}, 'resume': {'kind': 'resume'}}
    at = station(commands)
    at.end(at.send('stop'))
    at.die()
    at = station(commands)
    assert at.send('go', goal='home').status.error['code'] == 'stopped'
    at.end(at.send('resume'))
    at.die()
    assert station(commands).router.motion_lock == ''


@pytest.mark.parametrize(
    'value',
    [
        'no JSON',
        '[]',
        '{}',
        '[' * 100_000,
        '{"command": "x", "source": "", "goals": [["a", "zz", 1]]}',
        '{"command": "x", "source": "", "state": "flying", "at": 1}',
        b'\x00\xff',
    ],
)
@pytest.mark.parametrize('checked', [True, False])
def test_a_damaged_record_costs_no_more_than_itself(station, tmp_path, value, checked):
    at = station({'forever': FOREVER})
    at.send('forever', 'the-id')
    at.die()
    crc = checksum('other', value) if checked and isinstance(value, str) else 1
    with contextlib.closing(sqlite3.connect(tmp_path / 'state' / FILE_NAME)) as db, db:
        db.execute("INSERT INTO commands VALUES ('other', ?, ?)", (value, crc))
    interrupted(station({'forever': FOREVER}))


def test_what_is_remembered_of_ended_commands_is_bounded(station):
    """In entries and in bytes, whatever a command answers; the oldest go first."""
    at = station({'say': SAY}, command_limits={'remembered': 10, 'max_rate': None, 'burst': 1})
    for number in range(50):
        at.send('say', f'id-{number}')
    at.until(lambda: len(at.journal._ended) == 10)
    assert len(at.journal._table) == 10 + len(at.router.open_runs)
    for number in range(600):
        status = CommandStatus(
            f'large-{number}',
            'map',
            CommandState.FAILED,
            result={'map': 'x' * 500_000},
            error={'code': 'too_bad', 'message': 'y' * 500_000},
        )
        at.journal.end('platform', status)
    assert at.journal._table._bytes < 200_000
    kept = at.journal.ended('large-599')
    assert kept.error['code'] == 'too_bad' and len(str(kept.error)) < 5000
    assert 'omitted' in kept.result


def test_a_secret_that_a_command_is_named_after_is_in_no_file(station, tmp_path):
    hide('squeamish-ossifrage')
    at = station({'forever': FOREVER})
    at.send('forever', 'the squeamish-ossifrage')
    assert at.send('forever', 'the squeamish-ossifrage').status.state is CommandState.RUNNING
    at.die()
    for path in (tmp_path / 'state').iterdir():
        assert b'squeamish-ossifrage' not in path.read_bytes(), path


@pytest.mark.parametrize('damage', ['missing', 'empty', 'crafted', 'changed', 'garbage'])
def test_a_lock_that_cannot_be_known_keeps_the_robot_stopped_until_resume(
    station, tmp_path, damage
):
    commands = {'go': GO, 'stop': {'kind': 'stop', 'stop_for': 0.0}, 'resume': {'kind': 'resume'}}
    at = station(commands)
    assert at.router.motion_lock == '', 'a first start is no such case'
    at.die()
    file = tmp_path / 'state' / FILE_NAME
    if damage == 'missing':
        file.unlink()
    elif damage == 'empty':
        file.write_bytes(b'')
    elif damage == 'garbage':
        file.write_bytes(os.urandom(20_000))
    else:
        value = 'free' if damage == 'crafted' else ''
        crc = checksum('motion', value) if damage == 'crafted' else 1
        with contextlib.closing(sqlite3.connect(file)) as db, db:
            db.execute('UPDATE motion_lock SET value = ?, crc = ?', (value, crc))
    at = station(commands)
    assert any('stays stopped until the command resume' in line for line in at.complaints)
    assert at.send('go', goal='home').status.error['code'] == 'stopped'
    at.end(at.send('resume'))
    assert at.router.motion_lock == ''
    at.die()
    assert station(commands).router.motion_lock == ''


@pytest.mark.parametrize('on_record', [True, False])
def test_nothing_of_a_recovery_is_left_in_the_graph(station, tmp_path, on_record):
    def there(at):
        node = at.graph.node
        status = [s for s in node.subscriptions if s.topic_name.endswith('/_action/status')]
        return len(status), sum(client.srv_type is CancelGoal for client in node.clients)

    with start_failing_server('hang'):
        at = station({'go': GO})
        before = there(at)
        at.die()
        go_and_die(station, {'go': GO})
        if not on_record:
            forget(tmp_path)
        at = station({'go': GO})
        if on_record:
            assert there(at) > before
            interrupted(at)
        at.until(lambda: not at.router.recovering)
        assert there(at) == before
