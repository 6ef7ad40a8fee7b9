# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A field that is chosen by name is never another's, whoever else publishes on the topic."""

from time import monotonic

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import pytest
from sensor_msgs.msg import JointState

from xparo_bridge.ros import presence
from xparo_bridge.ros.problems import Problems

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


def test_a_name_that_no_message_has_is_said_with_those_there_are(graph, telemeter, monkeypatch):
    monkeypatch.setattr('xparo_bridge.ros.presence.GRACE', 0.3)
    fields = {'left': 'position[name=left]', 'typo': 'position[name=lefft]'}
    topic = {'topic': '/joint_states', 'fields': fields}
    telemetry = telemeter({'period': 0.05, 'groups': {}, 'topics': [topic]})
    arm = graph.robot.create_publisher(JointState, '/joint_states', 10)
    gripper = graph.robot.create_publisher(JointState, '/joint_states', 10)
    problems = Problems.of(graph.node)
    name = 'telemetry of /joint_states, position[name=lefft]'

    def publish():
        arm.publish(ARM)
        gripper.publish(GRIPPER)
        return name in problems.now and telemetry.sent

    graph.spin_until(publish)
    assert problems.now[name].startswith('left out: none has [name=lefft]; there is ')
    assert list(problems.now) == [name]
    assert telemetry.latest == {'left': 1.0}
    right = JointState(name=['lefft'], position=[3.0])
    graph.publish_until(arm, right, lambda: 'typo' in telemetry.latest)
    assert not problems.now


def test_of_two_parts_of_one_name_none_is_taken_and_that_is_said(graph, telemeter):
    fields = {'drive': 'status[name=drive].level', 'right': 'status[hardware_id=right].level'}
    topic = {'topic': '/diagnostics', 'fields': fields}
    telemetry = telemeter({'period': 0.05, 'groups': {}, 'topics': [topic]})
    publisher = graph.robot.create_publisher(DiagnosticArray, '/diagnostics', 10)
    parts = [
        DiagnosticStatus(name='drive', hardware_id=side, level=level)
        for side, level in (('left', b'\0'), ('right', b'\2'))
    ]
    graph.publish_until(publisher, DiagnosticArray(status=parts), lambda: telemetry.sent)
    assert telemetry.latest == {'right': 2}
    said = Problems.of(graph.node).now['telemetry of /diagnostics, status[name=drive].level']
    assert 'several have [name=drive], and they differ' in said
    graph.publish_until(
        publisher, DiagnosticArray(status=parts[1:]), lambda: telemetry.latest.get('drive') == 2
    )
    assert not Problems.of(graph.node).now


@pytest.mark.parametrize('every_sample', [False, True])
def test_an_index_past_the_end_is_left_out_and_said(graph, telemeter, monkeypatch, every_sample):
    monkeypatch.setattr(presence, 'GRACE', 0.2)
    fields = {'first': 'position[0]', 'tenth': 'position[9]'}
    topic = {'topic': '/joint_states', 'fields': fields, 'every_sample': every_sample}
    telemetry = telemeter({'period': 0.05, 'groups': {}, 'topics': [topic]})
    publisher = graph.robot.create_publisher(JointState, '/joint_states', 10)
    problems = Problems.of(graph.node)
    name = 'telemetry of /joint_states, position[9]'
    graph.publish_until(publisher, ARM, lambda: name in problems.now and telemetry.sent)
    assert 'no such element' in problems.now[name]
    assert all(sent.values == {'first': 5.0} for sent in telemetry.sent)
    whole = JointState(position=[float(number) for number in range(10)])
    graph.publish_until(publisher, whole, lambda: telemetry.latest.get('tenth') == 9.0)
    assert not problems.now


def test_that_two_differ_stays_said_beside_messages_that_have_none(graph, telemeter, monkeypatch):
    monkeypatch.setattr(presence, 'GRACE', 0.1)
    topic = {'topic': '/diagnostics', 'fields': {'drive': 'status[name=drive].level'}}
    telemeter({'period': 0.05, 'groups': {}, 'topics': [topic]})
    driver = graph.robot.create_publisher(DiagnosticArray, '/diagnostics', 10)
    other = graph.robot.create_publisher(DiagnosticArray, '/diagnostics', 10)
    two = [DiagnosticStatus(name='drive', level=level) for level in (b'\0', b'\2')]
    problems = Problems.of(graph.node)
    name = 'telemetry of /diagnostics, status[name=drive].level'
    graph.publish_until(driver, DiagnosticArray(status=two), lambda: name in problems.now)
    texts = set()

    def others():
        other.publish(DiagnosticArray(status=[DiagnosticStatus(name='bridge')]))
        texts.add(problems.now[name])
        return monotonic() > end

    end = monotonic() + 0.5
    graph.spin_until(others)
    assert len(texts) == 1
    assert 'several have' in texts.pop()
