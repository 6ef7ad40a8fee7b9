# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is each order in the log once, with its end, and no flood of them."""

from __future__ import annotations

from dataclasses import replace
import time

import pytest
from rclpy.logging import get_logger

from xparo_bridge.messages import CommandState, CommandStatus, RemoteCommand
from xparo_bridge.redaction import hide
from xparo_bridge.robot.commands.order_log import OrderLog

ENDS = {
    CommandState.SUCCEEDED: 'go 1: succeeded',
    CommandState.FAILED: 'go 1: failed, too_bad: it rains',
    CommandState.CANCELED: 'go 1: canceled, too_bad: it rains',
    CommandState.REJECTED: 'go 1: rejected, too_bad: it rains',
    CommandState.TIMED_OUT: 'go 1: timed_out, too_bad: it rains',
    CommandState.PAUSED: 'go 1: paused',
}


@pytest.fixture
def log(capfd):
    """Make a log, and what is in it so far."""

    def lines():
        found.extend(capfd.readouterr().err.splitlines())
        return [line.partition('commands]: ')[2] for line in found]

    found = []
    made = OrderLog(get_logger('xparo_bridge'))
    return made, lines


def status(state: CommandState, **changes) -> CommandStatus:
    failed = state.terminal and state is not CommandState.SUCCEEDED
    error = {'code': 'too_bad', 'message': 'it rains'} if failed else None
    return replace(CommandStatus('1', 'go', state, error=error), **changes)


@pytest.mark.parametrize('state', CommandState)
def test_of_an_order_its_end_and_its_pauses_are_logged(log, state):
    made, lines = log
    made.status('platform', status(state))
    assert lines() == ([ENDS[state]] if state in ENDS else [])


def test_what_is_reported_again_is_not_logged_again(log):
    made, lines = log
    for state in CommandState:
        made.status('platform', status(state, resent=True))
    assert lines() == []


def test_what_only_asks_is_not_logged(log):
    made, lines = log
    made.leave_out(['go'])
    made.order('platform', RemoteCommand('go', {}, '1'))
    for state in CommandState:
        made.status('platform', status(state))
    assert lines() == []


@pytest.mark.parametrize(
    ('command', 'line'),
    [
        (RemoteCommand('go', {}, '1'), 'platform: go 1'),
        (RemoteCommand('go', {'goal': 'home'}, '1'), 'platform: go 1 {"goal":"home"}'),
        (RemoteCommand('go', {}, '1', operator='Ada'), 'platform (Ada): go 1'),
        (RemoteCommand('x' * 100, {}, 'y' * 100), f'platform: {"x" * 80} {"y" * 80}'),
    ],
)
def test_an_order_is_logged_with_who_gave_it_and_what_it_is_about(log, command, line):
    made, lines = log
    made.order('platform', command)
    assert lines() == [line]


def test_what_is_long_is_cut_behind_the_secrets_in_it(log):
    hide('squeamish-ossifrage')
    made, lines = log
    made.order('platform', RemoteCommand('go', {'text': 'x' * 190 + 'squeamish-ossifrage'}, '1'))
    (line,) = lines()
    assert line.endswith('…') and 'squeamish' not in line
    assert len(line.partition('go 1 ')[2]) == 200


def test_of_a_flood_the_first_are_logged_and_the_others_counted(log):
    made, lines = log
    for number in range(150):
        made.order('platform', RemoteCommand('go', {}, str(number)))
    logged = lines()
    assert 100 <= len(logged) < 150  # Ten more a second.
    assert logged[:100] == [f'platform: go {number}' for number in range(100)]
    left_out = 150 - len(logged)
    end = time.monotonic() + 10.0
    while len(lines()) < len(logged) + 2:  # Until there is room for one more.
        assert time.monotonic() < end
        made.order('platform', RemoteCommand('go', {}, 'later'))
        left_out += 1
    said, later = lines()[len(logged) :]
    assert said == f'{left_out - 1} lines of orders were left out'
    assert later == 'platform: go later'
