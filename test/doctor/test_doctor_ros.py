# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Faults of the ROS graph, each made by real nodes: does the doctor name it?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
import os
from pathlib import Path
import subprocess
import sys
from typing import Any

from fixtures.domains import own_domain
from fixtures.ros_graph import RosGraph
from fixtures.system import system
from geometry_msgs.msg import TransformStamped
from lifecycle_msgs.srv import GetState
from nav2_msgs.action import NavigateToPose, Spin, Wait
import pytest
import rclpy
from rclpy.action import ActionServer
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Float64, String
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage

from xparo_bridge.doctor.finding import Finding, State

from .conftest import Diagnose, named

TIMEOUT = 6.0
ROS = ('--only', 'ros', '--timeout', str(TIMEOUT))
KEPT = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def telemetry(topic: str, kind: str = 'std_msgs/msg/String') -> dict[str, Any]:
    return {'telemetry': {'groups': {}, 'topics': [{'topic': topic, 'type': kind}]}}


def command(**settings: Any) -> dict[str, Any]:
    return {'commands': {'act': settings}}


NAVIGATE = command(kind='action', action='go', type='nav2_msgs/action/NavigateToPose', goal={})
TF = {'telemetry': {'groups': {'pose': {}}}}
PUBLISH = command(kind='publish', topic='/told', type='std_msgs/msg/String', message={'data': 'x'})
CALL = command(kind='service', service='/reset', type='std_srvs/srv/Trigger')


def nothing(graph: RosGraph) -> None:
    """Leave the graph as it is."""


def publish(kind: type, topic: str, message: Any, qos: Any = 10) -> Callable[[RosGraph], None]:
    def setup(graph: RosGraph) -> None:
        publisher = graph.node.create_publisher(kind, topic, qos)
        graph.node.create_timer(0.05, lambda: publisher.publish(message))

    return setup


def silent(graph: RosGraph) -> None:
    graph.node.create_publisher(String, '/said', 10)


def serve(kind: type, action: str) -> Callable[[RosGraph], None]:
    def setup(graph: RosGraph) -> None:
        ActionServer(graph.node, kind, action, lambda handle: kind.Result())

    return setup


def serve_without_answer(graph: RosGraph) -> None:
    node = rclpy.create_node('stuck', context=graph.node.context)
    graph._others.append(node)
    ActionServer(node, NavigateToPose, 'go', lambda handle: NavigateToPose.Result())


def serve_inactive(graph: RosGraph) -> None:
    serve(NavigateToPose, 'go')(graph)

    def answer(request: Any, response: Any) -> Any:
        response.current_state.label = 'inactive'
        return response

    graph.node.create_service(GetState, '/observer/get_state', answer)


def listen(kind: type, topic: str, qos: Any) -> Callable[[RosGraph], None]:
    def setup(graph: RosGraph) -> None:
        graph.node.create_subscription(kind, topic, lambda message: None, qos)

    return setup


def transform(parent: str, child: str) -> Callable[[RosGraph], None]:
    stamped = TransformStamped()
    stamped.header.frame_id, stamped.child_frame_id = parent, child
    stamped.transform.rotation.w = 1.0
    return publish(TFMessage, '/tf', TFMessage(transforms=[stamped]))


@dataclass
class Fault:
    """A fault: what others do, what is configured, the check that names it, words of its line."""

    setup: Callable[[RosGraph], None]
    configuration: dict[str, Any]
    check: str
    words: tuple[str, ...] = field(default=())


FAULTS = {
    'a topic nobody publishes': Fault(
        nothing, telemetry('/said'), 'topic', ('/said', 'nobody publishes it', 'start its')
    ),
    'a topic under another name': Fault(
        publish(String, '/says', String()),
        telemetry('/said'),
        'topic',
        ('nobody publishes it; /says has this type',),
    ),
    'a topic of another type': Fault(
        publish(Float64, '/said', Float64()),
        telemetry('/said'),
        'topic',
        ('std_msgs/msg/Float64, expected std_msgs/msg/String', 'correct type'),
    ),
    'a topic without messages': Fault(
        silent, telemetry('/said'), 'topic', ('1 publishers (observer)', 'nothing came', 'sensor')
    ),
    'a subscriber with another QoS': Fault(
        listen(String, '/told', KEPT),
        PUBLISH,
        'subscriber',
        ('/told', 'the QoS of observer does not fit', 'transient local'),
    ),
    'a subscriber of another type': Fault(
        listen(Float64, '/told', 10), PUBLISH, 'subscriber', ('subscribed to as',)
    ),
    'a topic nobody hears': Fault(
        nothing, PUBLISH, 'subscriber', ('nobody subscribes to it', 'command act')
    ),
    'an action server that is not there': Fault(
        nothing, NAVIGATE, 'action', ('/go', 'there is no action server', 'start the node')
    ),
    'an action server of another type': Fault(
        serve(Wait, 'go'), NAVIGATE, 'action', ('served as nav2_msgs/action/Wait',)
    ),
    'an action server under another name': Fault(
        serve(NavigateToPose, 'goto'), NAVIGATE, 'action', ('/goto has this type',)
    ),
    'an action server that does not answer': Fault(
        serve_without_answer, NAVIGATE, 'action', ('does not answer', 'hangs')
    ),
    'an action server that is not active': Fault(
        serve_inactive,
        NAVIGATE,
        'action',
        ('/observer serves it, but is inactive', 'ros2 lifecycle set /observer activate'),
    ),
    'a service that is not there': Fault(
        nothing, CALL, 'service', ('/reset', 'there is no service server', 'start the node')
    ),
    'no transforms': Fault(nothing, TF, 'tf', ('nobody publishes /tf', 'robot_state_publisher')),
    'transforms that lead elsewhere': Fault(
        transform('odom', 'base_link'), TF, 'tf', ('none leads from map to base_link', 'localiz')
    ),
}


def look(doctor: Diagnose, graph: RosGraph, *arguments: str, **parts: Any) -> list[Finding]:
    """Return what the doctor finds while the others go on."""
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(doctor, *ROS, *arguments, **parts)
        graph.until(looking.done, timeout=60)
        return looking.result()


@pytest.mark.parametrize('fault', FAULTS.values(), ids=FAULTS)
def test_each_fault_is_named_with_what_to_do(fault: Fault, doctor: Diagnose):
    with RosGraph() as graph:
        fault.setup(graph)
        findings = look(doctor, graph, **fault.configuration)
    named(findings, fault.check, *fault.words)
    wrong = {one.check for one in findings if one.state is State.PROBLEM}
    assert wrong == {fault.check}, [one.line() for one in findings]


def test_a_robot_without_faults_has_no_problem(doctor: Diagnose):
    asked: list[Any] = []
    with RosGraph() as graph:
        publish(String, '/said', String(data='x'))(graph)
        transform('map', 'base_link')(graph)
        server = ActionServer(
            graph.node,
            Spin,
            'turn',
            lambda handle: Spin.Result(),
            goal_callback=lambda goal: asked.append(goal) or 2,
            cancel_callback=lambda handle: asked.append(handle) or 2,
        )
        graph.node.create_service(Trigger, '/reset', lambda request, response: response)
        parts = {
            'telemetry': {'groups': {'pose': {}}, 'topics': [{'topic': '/said'}]},
            'commands': {
                'turn': {'kind': 'action', 'action': 'turn', 'type': 'nav2_msgs/action/Spin'},
                **{'reset': CALL['commands']['act']},
            },
        }
        parts['commands']['turn']['goal'] = {}
        findings = look(doctor, graph, **parts)
        server.destroy()
    lines = [one.line() for one in findings]
    assert {one.state for one in findings} == {State.OK}, lines
    (rate,) = (one.text for one in findings if one.check == 'topic')
    assert 'Hz' in rate and 'std_msgs/msg/String' in rate
    assert {one.check for one in findings} >= {'topic', 'tf', 'action', 'service', 'discovery'}
    assert not asked, 'no goal was sent, none was cancelled'


def test_a_robot_in_another_domain_is_named(doctor: Diagnose):
    with own_domain() as other, RosGraph(domain=other) as graph:
        findings = look(doctor, graph, **telemetry('/said'))
    finding = named(findings, 'discovery', 'no other node is found', 'ROS_DOMAIN_ID')
    assert 'on this machine somebody is in domain' in finding.text
    assert [one.state for one in findings if one.check == 'topic'] == [State.NOT_CHECKED]


@pytest.mark.parametrize('domain', ['233', 'berlin', '-1'])
def test_a_domain_that_is_none_is_named(
    domain: str, doctor: Diagnose, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv('ROS_DOMAIN_ID', domain)
    named(doctor(*ROS), 'domain', f'{domain} is no domain', 'from 0 to 232')


def test_a_middleware_that_ros_cannot_use_is_named(doctor: Diagnose, tmp_path: Path):
    """ROS ends the whole process that loads it, and whatever else was to be said."""
    doctor('--only', 'ros')  # Writes the file.
    ended = subprocess.run(
        [
            *(
                sys.executable,
                '-m',
                'xparo_bridge',
                'doctor',
                '--only',
                'ros',
                '--only',
                'machine',
            ),
            str(tmp_path / 'robot.yaml'),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, 'RMW_IMPLEMENTATION': 'rmw_of_nobody'},
        timeout=60,
    )
    assert ended.returncode == 1, ended.stderr
    line = next(line for line in ended.stdout.splitlines() if ' RMW ' in line)
    assert line.startswith('problem'), line
    assert "'rmw_of_nobody'" in line and 'ros-…-rmw-of-nobody' in line
    assert 'not checked  discovery' in ended.stdout
    assert ' disk ' in ended.stdout


def test_names_are_those_of_the_namespace_and_the_remappings(doctor: Diagnose):
    arguments = ('--ros-args', '-r', '__ns:=/r7', '-r', '/tf:=tf', '-r', '/tf_static:=tf_static')
    renamed = ('-r', '__node:=xparo_bridge', '-r', 'said:=spoken')
    stamped = TransformStamped()
    stamped.header.frame_id, stamped.child_frame_id = 'map', 'base_link'
    stamped.transform.rotation.w = 1.0
    with RosGraph() as graph:
        publish(String, '/r7/spoken', String(data='x'))(graph)
        publish(TFMessage, '/r7/tf', TFMessage(transforms=[stamped]))(graph)
        serve(NavigateToPose, '/r7/go')(graph)
        parts = {
            'telemetry': {'groups': {'pose': {}}, 'topics': [{'topic': 'said'}]},
            **NAVIGATE,
        }
        findings = look(doctor, graph, ros_args=(*arguments, *renamed), **parts)
    lines = [one.line() for one in findings]
    assert {one.state for one in findings} == {State.OK}, lines
    assert {one.subject for one in findings} >= {'/r7/spoken', '/r7/go'}, lines


def test_two_bridges_of_one_name_are_named(doctor: Diagnose):
    with RosGraph('xparo_bridge') as one, RosGraph('xparo_bridge'):
        findings = look(doctor, one, **TF)
    named(findings, 'discovery', '2 nodes have this name', 'namespace of its own')


def test_arguments_that_ros_does_not_take_are_named(doctor: Diagnose):
    findings = doctor(*ROS, ros_args=('--ros-args', '-p', 'what'))
    named(findings, 'ROS', 'arguments', '--ros-args')


def test_it_runs_beside_a_bridge(doctor: Diagnose, tmp_path: Path):
    async def scenario() -> list[Finding]:
        async with system(tmp_path, **TF) as it:
            listed = await it.send('list_commands')
            await it.ended(listed)
            with RosGraph() as graph:
                transform('map', 'base_link')(graph)
                findings = await asyncio.to_thread(look, doctor, graph, **TF)
            again = await it.send('list_commands')
            assert (await it.ended(again))['state'] == 'succeeded', 'the bridge goes on'
            return findings

    findings = asyncio.run(scenario())
    assert 'the bridge /xparo_bridge runs' in '\n'.join(one.line() for one in findings)
    assert not [one.line() for one in findings if one.state is State.PROBLEM]
