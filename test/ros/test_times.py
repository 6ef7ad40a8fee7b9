# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Seconds that a message cannot hold are refused; none wraps around."""

import math

from builtin_interfaces.msg import Duration, Time
import pytest
from std_msgs.msg import Header

from xparo_bridge.behavior.errors import ConversionError
from xparo_bridge.behavior.ros.fields import to_message
from xparo_bridge.robot.commands.template import BadValue, Template
from xparo_bridge.ros.times import nearest_time, NoTime, time_message


@pytest.mark.parametrize('cls', [Time, Duration])
@pytest.mark.parametrize(
    ('seconds', 'sec', 'nanosec'),
    [
        (0, 0, 0),
        (1.5, 1, 500_000_000),
        (-0.25, -1, 750_000_000),
        (1_790_000_000, 1_790_000_000, 0),
        (2**31 - 1, 2**31 - 1, 0),
        (-(2**31), -(2**31), 0),
    ],
)
def test_what_fits_is_what_it_was(cls, seconds, sec, nanosec):
    made = time_message(cls, seconds)
    assert (made.sec, made.nanosec) == (sec, nanosec)


TOO_MUCH = [1_790_000_000_000, 2**31, 2_147_483_653, -(2**31) - 1, 1e18, 1e300, math.inf, math.nan]


@pytest.mark.parametrize('cls', [Time, Duration])
@pytest.mark.parametrize('seconds', TOO_MUCH)
def test_what_does_not_fit_is_refused(cls, seconds):
    with pytest.raises(NoTime):
        time_message(cls, seconds)


def test_a_time_in_milliseconds_is_called_so():
    with pytest.raises(NoTime, match='is it in milliseconds'):
        time_message(Time, 1_790_000_000_000)


@pytest.mark.parametrize('seconds', [*TOO_MUCH, 10**400])
def test_templates_of_commands_refuse_it_too(seconds):
    template = Template(Header, {'stamp': '$when'}, {'when': {}}, ('message',), Time)
    with pytest.raises(BadValue, match='stamp'):
        template.make({'when': seconds})


@pytest.mark.parametrize('seconds', TOO_MUCH)
def test_ports_of_trees_refuse_it_too(seconds):
    with pytest.raises(ConversionError):
        to_message({'stamp': seconds}, Header)


@pytest.mark.parametrize(
    ('seconds', 'sec'), [(1e12, 2**31 - 1), (-1e12, -(2**31)), (4_102_444_800, 2**31 - 1), (7, 7)]
)
def test_what_is_only_shown_is_as_near_as_fits(seconds, sec):
    assert nearest_time(Time, seconds).sec == sec
