# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a rate of telemetry taken from a parameter, written as a whole number or not."""

from __future__ import annotations

import json

from fixtures.ros_graph import RosGraph
import pytest
import rclpy
from rclpy.parameter import Parameter

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
        nodes = []

        def make(overrides):
            node = rclpy.create_node(
                'robot', context=graph.node.context, parameter_overrides=overrides
            )
            nodes.append(node)
            config = TelemetryConfig.of(load([file]))
            telemetry = TelemetryPublisher(node, config, lambda message: None)
            TelemetryControl(node, telemetry)
            return node, telemetry

        yield make
        for node in nodes:
            node.destroy_node()


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
