# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is it said in words when two parts of the bridge want one name with two types."""

from __future__ import annotations

from nav_msgs.msg import Odometry
import pytest
from std_msgs.msg import String

from xparo_bridge.configuration import ConfigurationError
from xparo_bridge.errors import BadInput
from xparo_bridge.messages import CommandState
from xparo_bridge.ros import entities

DRIVE = {'kind': 'teleop', 'topic': '/drive', 'stamped': True}
NUDGE = {
    'kind': 'publish',
    'topic': '/drive',
    'type': 'geometry_msgs/msg/Twist',
    'subscriber_timeout': None,
}
SAY = {
    'kind': 'publish',
    'topic': '/said',
    'type': 'std_msgs/msg/String',
    'subscriber_timeout': None,
}
JOB = {'kind': 'service', 'service': '/job', 'type': 'std_srvs/srv/Trigger'}
GO = {'kind': 'action', 'action': '/go', 'type': 'nav2_msgs/action/Wait'}


# rcl says so of the action client that it does not make.
@pytest.mark.filterwarnings('ignore:Failed to fini:RuntimeWarning')
@pytest.mark.parametrize(
    ('commands', 'configuration', 'problem'),
    [
        (
            {'say': SAY, 'number': {**SAY, 'type': 'std_msgs/msg/Int32'}},
            {},
            r'number\.topic: /said is expected as std_msgs/msg/Int32, but .* std_msgs/msg/String',
        ),
        (
            {'say': {'kind': 'say', 'topic': '/said'}, 'n': {**SAY, 'type': 'std_msgs/msg/Bool'}},
            {},
            r'n\.topic: /said is expected as std_msgs/msg/Bool, but .* std_msgs/msg/String',
        ),
        (
            {'job': JOB, 'switch': {**JOB, 'type': 'std_srvs/srv/SetBool'}},
            {},
            r'switch\.service: /job is expected as .*/SetBool, but .*std_srvs/srv/Trigger',
        ),
        (
            {'go': GO, 'spin': {**GO, 'type': 'nav2_msgs/action/Spin'}},
            {},
            r'spin\.action: /go is expected as nav2_msgs/action/Spin, but .*nav2_msgs/action/Wait',
        ),
        (
            {'odometry': {**SAY, 'topic': '/odom'}, 'drive': DRIVE},
            {'base': {'odom_topic': '/odom'}},
            r'odometry\.topic: /odom is expected as std_msgs/msg/String.* nav_msgs/msg/Odometry',
        ),
    ],
)
def test_the_configuration_is_refused_with_both_types(station, commands, configuration, problem):
    with pytest.raises(ConfigurationError, match=rf'robot\.yaml:\d+: commands\.{problem}'):
        station(commands, **configuration)


@pytest.mark.parametrize('order', [('drive', 'nudge'), ('nudge', 'drive')])
def test_velocities_of_both_types_on_one_topic_are_refused_or_work(station, order):
    commands = {'drive': DRIVE, 'nudge': NUDGE}
    try:
        at = station({name: commands[name] for name in order})
    except ConfigurationError as error:
        assert 'geometry_msgs/msg/Twist' in str(error)
        assert 'geometry_msgs/msg/TwistStamped' in str(error)
    else:
        assert at.end(at.send('nudge')).state is CommandState.SUCCEEDED


@pytest.mark.parametrize('make', [entities.publisher, lambda *a: entities.subscription(*a, print)])
def test_what_is_made_later_says_both_types(station, make):
    at = station({'say': SAY})
    with pytest.raises(BadInput, match='nav_msgs/msg/Odometry, but .* std_msgs/msg/String'):
        make(at.graph.node, Odometry, '/said')
    make(at.graph.node, String, '/said')
