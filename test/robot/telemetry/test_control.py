# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is the rate of telemetry set by a parameter, whole or not, and by a service, alone or not."""

from __future__ import annotations

import json

from fixtures.ros_graph import RosGraph
import pytest
import rclpy
from rclpy.parameter import Parameter
from xparo_interfaces.srv import SetTelemetry

from xparo_bridge.configuration import load
from xparo_bridge.robot.telemetry.control import TelemetryControl
from xparo_bridge.robot.telemetry.publisher import TelemetryPublisher
from xparo_bridge.robot.telemetry.settings import TelemetryConfig

BATTERY = 'telemetry.rate.battery'


@pytest.fixture
def controlled(tmp_path):
    """Make the control of a telemetry whose node was started with parameters."""
    file = tmp_path / 'robot.yaml'
    link = {'name': 'platform', 'protocol': 'xparo', 'url': 'ws://localhost/ws'}
    file.write_text(
        json.dumps({'links': [link], 'telemetry': {'groups': {'battery': {'topic': '/battery'}}}})
    )
    with RosGraph() as graph:

        def make(overrides):
            node = rclpy.create_node(
                'robot', context=graph.node.context, parameter_overrides=overrides
            )
            config = TelemetryConfig.of(load([file]))
            telemetry = TelemetryPublisher(node, config, lambda message: None)
            TelemetryControl(node, telemetry)
            graph.adopt(node)
            return node, telemetry

        make.graph = graph
        yield make


@pytest.mark.parametrize('rate', [5, 5.0, 1, 1000, 0.2])
def test_a_rate_may_be_a_whole_number_from_the_start_and_later(controlled, rate):
    node, telemetry = controlled([Parameter(BATTERY, value=rate)])
    assert telemetry.rate('battery') == rate
    node, telemetry = controlled([])
    (result,) = node.set_parameters([Parameter(BATTERY, value=rate)])
    assert result.successful, result.reason
    assert telemetry.rate('battery') == rate
    # What is set in another way is said by the parameter all the same.
    telemetry.set_rate('battery', 4.0)
    assert node.get_parameter(BATTERY).value == 4.0


@pytest.mark.parametrize('rate', [-1, 1001, 1000.5, True, '5', [5]])
def test_what_is_no_rate_is_refused_in_words(controlled, rate):
    node, telemetry = controlled([])
    before = telemetry.rate('battery')
    (result,) = node.set_parameters([Parameter(BATTERY, value=rate)])
    assert not result.successful
    assert result.reason
    assert telemetry.rate('battery') == before


@pytest.mark.parametrize('before', [True, False])
@pytest.mark.parametrize(
    ('request_', 'on', 'rate'),
    [
        ({'rate': 7.0}, None, 7.0),
        ({'rate': 7.0, 'enabled': True}, True, 7.0),
        ({'enabled': True}, True, None),
        ({'enabled': False}, False, None),
        ({'enabled': True, 'rate': 2000.0}, None, None),
        ({'rate': -1.0}, None, None),
    ],
)
def test_a_rate_alone_leaves_on_and_off_as_they_are(controlled, before, request_, on, rate):
    node, telemetry = controlled([])
    telemetry.enable('battery', before)
    rate_before = telemetry.rate('battery')
    response = controlled.graph.call(
        SetTelemetry,
        '/robot/telemetry/enable',
        SetTelemetry.Request(name='battery', **request_),
    )
    assert response.success == (on is not None or rate is not None), response.error
    assert ('battery' in telemetry.rates) == (before if on is None else on)
    assert telemetry.rate('battery') == (rate_before if rate is None else rate)
