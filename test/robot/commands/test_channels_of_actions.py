# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is the robot driven by one order at a time, whatever kind of command gives it."""

from __future__ import annotations

from fixtures.system import start_failing_server
import pytest

from xparo_bridge.messages import CommandState, RemoteCommand
from xparo_bridge.robot.commands.run import Run

GO = {'kind': 'navigate', 'server_timeout': 10.0}
ACTION = {'kind': 'action', 'action': '/drive'}
OWN_TYPE = {**ACTION, 'type': 'xparo_interfaces/action/UploadRosbag'}
NAV2 = {**ACTION, 'type': 'nav2_msgs/action/NavigateToPose'}


@pytest.mark.parametrize(
    ('drive', 'stop', 'channel', 'motion'),
    [
        (NAV2, {}, 'base', True),
        ({**NAV2, 'type': 'nav2_msgs/action/Spin'}, {}, 'base', True),
        ({**NAV2, 'type': 'nav2_msgs/action/Wait'}, {}, 'drive', True),
        ({**NAV2, 'channel': 'other'}, {}, 'other', True),
        ({**NAV2, 'motion': False}, {}, 'drive', False),
        (OWN_TYPE, {}, 'drive', True),
        ({**OWN_TYPE, 'motion': True}, {}, 'base', True),
        ({**OWN_TYPE, 'motion': False}, {'actions': ['drive']}, 'drive', False),
        (OWN_TYPE, {'actions': ['drive']}, 'base', True),
    ],
)
def test_an_action_is_on_the_channel_of_what_it_moves(station, drive, stop, channel, motion):
    at = station({'drive': drive, 'stop': {'kind': 'stop', **stop}})
    kind = at.router.kinds['drive']
    assert (kind.channel, kind.motion) == (channel, motion)


@pytest.mark.parametrize('first', ['go', 'drive'])
def test_the_newest_order_has_the_base(station, first):
    with start_failing_server('hang', '--action', 'drive'), start_failing_server('hang'):
        at = station({'go': GO, 'drive': {**NAV2, 'server_timeout': 10.0}})
        old = at.send(first, **({'goal': 'home'} if first == 'go' else {}))
        at.until(lambda: old.state is CommandState.RUNNING)
        at.send('drive' if first == 'go' else 'go', **({} if first == 'go' else {'goal': 'home'}))
        assert at.end(old).error['code'] == 'preempted'


@pytest.mark.parametrize(
    ('drive', 'paused'),
    [
        (NAV2, True),
        ({**NAV2, 'repeatable': False}, False),
        ({**NAV2, 'type': 'nav2_msgs/action/Wait'}, True),
        ({**NAV2, 'type': 'nav2_msgs/action/Wait', 'repeatable': False}, False),
        (OWN_TYPE, False),
        ({**OWN_TYPE, 'repeatable': True}, True),
        ({**OWN_TYPE, 'motion': True}, True),
        ({**OWN_TYPE, 'motion': True, 'repeatable': False}, False),
    ],
)
def test_what_may_be_sent_again_can_be_paused(station, drive, paused):
    at = station({'drive': drive})
    kind = at.router.kinds['drive']
    run = Run(RemoteCommand('drive'), 'platform', kind, lambda run: None)
    assert kind.prepare(run) is None
    assert bool(kind.pause(run)) is paused
    assert run.paused is paused
