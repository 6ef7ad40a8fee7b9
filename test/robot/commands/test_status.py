# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does status show what is open in short, and one command whole."""

from __future__ import annotations

from xparo_bridge.messages import CommandState

COMMANDS = {
    'call': {'kind': 'service', 'service': '/nobody', 'type': 'std_srvs/srv/Trigger'}
    | {'server_timeout': 60.0},
    'status': {'kind': 'status'},
}


def test_progress_that_is_long_is_left_out_of_the_list_and_not_of_the_one(station):
    at = station(COMMANDS)
    long, short = {'text': 'x' * 300}, {'text': 'y' * 100}
    for command_id, progress in (('long', long), ('short', short), ('none', None)):
        at.send('call', command_id).running(progress)
    listed = at.end(at.send('status')).result['open']
    assert [(one['command_id'], one.get('progress')) for one in listed] == [
        ('long', None),
        ('short', short),
        ('none', None),
    ]
    for command_id, progress in (('long', long), ('short', short), ('none', None)):
        one = at.end(at.send('status', **{'command_id': command_id})).result
        assert (one['command_id'], one.get('progress')) == (command_id, progress)
        assert (one['command'], one['state']) == ('call', CommandState.RUNNING)
        assert not {'result', 'error'} & one.keys()


def test_of_one_that_ended_it_is_said_how_and_of_one_that_is_not_known_that(station):
    at = station(COMMANDS)
    done, failed = at.send('call', 'done'), at.send('call', 'failed')
    done.succeed({'text': 'x' * 300})
    failed.fail('too_bad', 'it rains')
    assert at.end(at.send('status', **{'command_id': 'done'})).result == {
        'command_id': 'done',
        'command': 'call',
        'state': 'succeeded',
        'result': {'text': 'x' * 300},
    }
    result = at.end(at.send('status', **{'command_id': 'failed'})).result
    assert result['error'] == {'code': 'too_bad', 'message': 'it rains'}
    assert at.end(at.send('status', **{'command_id': 'other'})).error['code'] == 'unknown_id'
    assert at.end(at.send('status')).result['open'] == []


def test_what_it_does_not_know_is_refused(station):
    at = station(COMMANDS)
    for parameters in ({'telemetry': 'yes'}, {'command_id': 7}, {'what': 1}):
        run = at.send('status', **parameters)
        assert run.status.error['code'] == 'bad_parameters'
