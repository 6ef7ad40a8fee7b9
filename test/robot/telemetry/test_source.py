# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is what was chosen by name sent together, also where it comes in several messages."""

from __future__ import annotations

import pytest
from sensor_msgs.msg import JointState

from xparo_bridge.robot.telemetry.change import Threshold
from xparo_bridge.robot.telemetry.settings import parse_fields, TopicSettings
from xparo_bridge.robot.telemetry.source import TopicSource

FIELDS = {name: f'position[name={name}]' for name in ('left', 'finger')}


@pytest.mark.parametrize('under', ['', 'joints'])
def test_a_part_that_changes_is_sent_with_the_others_as_they_were(graph, under):
    publisher = graph.robot.create_publisher(JointState, '/joint_states', 10)
    graph.spin_until(lambda: graph.node.count_publishers('/joint_states'))
    source = TopicSource(
        graph.node,
        TopicSettings(
            '/joint_states',
            'sensor_msgs/msg/JointState',
            parse_fields(FIELDS),
            name=under,
            on_change=Threshold(),
        ),
    )
    source.refresh()
    # In the bridge's own participant, so that what it has heard the source has too.
    heard = []
    graph.node.create_subscription(JointState, '/joint_states', heard.append, 10)
    graph.spin_until(lambda: publisher.get_subscription_count() == 2)

    def sent(*positions):
        before = len(heard)
        for name, position in positions:
            publisher.publish(JointState(name=[name], position=[position]))
        graph.spin_until(lambda: len(heard) == before + len(positions))
        values = source.collect()
        return values.get(under) if under else values

    nothing = None if under else {}
    assert sent() == nothing
    assert sent(('left', 1.0)) == {'left': 1.0}
    assert sent() == nothing
    assert sent(('finger', 9.0)) == {'left': 1.0, 'finger': 9.0}
    assert sent(('left', 2.0)) == {'left': 2.0, 'finger': 9.0}
    assert sent(('left', 2.0)) == nothing
    assert sent(('finger', 7.0), ('left', 3.0), ('finger', 8.0)) == {'left': 3.0, 'finger': 8.0}
    assert sent(('other', 5.0)) == nothing
    source.close()
