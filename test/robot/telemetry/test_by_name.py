# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A field that is chosen by name is never another's, whoever else publishes on the topic."""

from time import monotonic

import pytest
from sensor_msgs.msg import JointState

ARM = JointState(name=['right', 'left'], position=[5.0, 1.0])
GRIPPER = JointState(name=['finger'], position=[9.0])


@pytest.mark.parametrize(
    ('settings', 'value'),
    [
        ({}, lambda values: values['left']),
        ({'name': 'joints'}, lambda values: values['joints']['left']),
        ({'every_sample': True}, lambda values: values['left']),
    ],
)
def test_another_publisher_s_joints_are_left_out(graph, telemeter, settings, value):
    topic = {'topic': '/joint_states', 'fields': {'left': 'position[name=left]'}, **settings}
    telemetry = telemeter({'period': 0.05, 'groups': {}, 'topics': [topic]})
    arm = graph.robot.create_publisher(JointState, '/joint_states', 10)
    gripper = graph.robot.create_publisher(JointState, '/joint_states', 10)

    def publish():
        arm.publish(ARM)
        gripper.publish(GRIPPER)
        return len(telemetry.sent) > 20

    graph.spin_until(publish)
    assert {value(sent.values) for sent in telemetry.sent} == {1.0}


def test_joints_of_several_publishers_stay_what_they_were_and_change_once(graph, telemeter):
    fields = {name: f'position[name={name}]' for name in ('left', 'finger')}
    topic = {'topic': '/joint_states', 'fields': fields, 'on_change': True}
    telemetry = telemeter({'period': 0.05, 'groups': {}, 'topics': [topic]})
    arm = graph.robot.create_publisher(JointState, '/joint_states', 10)
    gripper = graph.robot.create_publisher(JointState, '/joint_states', 10)

    def publish():
        arm.publish(ARM)
        gripper.publish(GRIPPER)
        return telemetry.latest == {'left': 1.0, 'finger': 9.0}

    graph.spin_until(publish)
    telemetry.sent.clear()
    end = monotonic() + 0.5
    graph.spin_until(lambda: (publish(), monotonic() > end)[1])
    assert not telemetry.sent
