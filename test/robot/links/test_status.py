# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the bridge says of itself: whose it is, and what of its configuration cannot be done."""

import json
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from fixtures.ros_graph import RosGraph
import pytest
from xparo_interfaces.msg import BridgeStatus, ConfigurationStatus

from xparo_bridge.link.protocols.xparo import Xparo
from xparo_bridge.messages import LinkState, LinkStateChanged, RobotInfo
from xparo_bridge.robot.links import identity
from xparo_bridge.robot.links.status import Status
from xparo_bridge.rollout.store import APPLIED, REFUSED, ROLLED_BACK, TRIAL
from xparo_bridge.ros.problems import Problems


class Bridge:
    """A bridge's status, and what other nodes hear of it."""

    def __init__(self, graph: RosGraph) -> None:
        self.graph = graph
        self.statuses = graph.listen(BridgeStatus, '~/status')
        self.arrays = graph.listen(DiagnosticArray, '/diagnostics')
        self.configuration: dict[str, Any] = {}
        self.storage_problem = ''
        self.status = Status(
            graph.node,
            'r1',
            {'platform': 'xparo'},
            list,
            storage_problem=lambda: self.storage_problem,
            configuration=lambda: self.configuration,
        )

    @property
    def parts(self) -> dict[str, DiagnosticStatus]:
        return {part.name: part for array in self.arrays for part in array.status}


@pytest.mark.parametrize(
    ('namespace', 'prefix'),
    [('/', 'xparo_bridge'), ('/robot_1', 'robot_1/xparo_bridge'), ('/a/b', 'a/b/xparo_bridge')],
)
def test_the_diagnostics_of_a_fleet_have_the_full_names_of_its_bridges(namespace, prefix):
    with RosGraph('xparo_bridge', namespace) as graph:
        bridge = Bridge(graph)
        bridge.status.on_change('platform', LinkStateChanged(LinkState.CONNECTED))
        graph.until(lambda: f'{prefix}: link platform' in bridge.parts)
        assert {name.partition(':')[0] for name in bridge.parts} == {prefix}


def test_problems_are_in_status_and_diagnostics_until_they_are_solved():
    with RosGraph('xparo_bridge') as graph:
        bridge = Bridge(graph)
        problems = Problems.of(graph.node)
        problems.report('topic /battery', 'configured, but nobody publishes it')

        def part():
            return bridge.parts.get('xparo_bridge: configuration')

        graph.until(lambda: bridge.statuses and bridge.statuses[-1].problems)
        assert bridge.statuses[-1].problems == [
            'topic /battery: configured, but nobody publishes it'
        ]
        graph.until(lambda: part() and part().level == DiagnosticStatus.WARN)
        assert part().message == '1 cannot be done: topic /battery'
        assert part().values[0].key == 'topic /battery'
        problems.solved('topic /battery')
        graph.until(lambda: not bridge.statuses[-1].problems)
        graph.until(lambda: part().level == DiagnosticStatus.OK)


def test_a_disk_that_fails_is_a_problem_that_the_operator_is_told_and_the_log_has_already():
    with RosGraph('xparo_bridge') as graph:
        bridge = Bridge(graph)
        logged: list[str] = []
        graph.node.get_logger().warning = logged.append
        bridge.storage_problem = '/state/state.sqlite: database or disk is full'
        graph.until(lambda: bridge.statuses and bridge.statuses[-1].problems)
        assert bridge.statuses[-1].problems == [f'state directory: {bridge.storage_problem}']
        assert Problems.of(graph.node).now == {'state directory': bridge.storage_problem}
        bridge.storage_problem = ''
        graph.until(lambda: not bridge.statuses[-1].problems)
        assert not logged


def test_however_many_problems_there_are_a_message_stays_small():
    with RosGraph('xparo_bridge') as graph:
        bridge = Bridge(graph)
        problems = Problems.of(graph.node)
        for number in range(2000):
            problems.report(f'topic /{number}', 'x' * 10_000)
        assert len(problems.now) == 500
        graph.until(lambda: bridge.statuses and bridge.statuses[-1].problems)
        assert len(bridge.statuses[-1].problems) == 50
        assert sum(map(len, bridge.statuses[-1].problems)) < 25_000


def test_who_watches_diagnostics_is_not_left_in_silence_while_no_link_is_up():
    with RosGraph('xparo_bridge') as graph:
        bridge = Bridge(graph)
        graph.until(lambda: len(bridge.arrays) >= 3)


@pytest.mark.parametrize('first', ['127.0.0.1', '10.0.0.5'])
def test_the_address_is_that_of_now_and_a_new_one_asks_for_a_restart(monkeypatch, first):
    now = [first]
    monkeypatch.setattr(identity, 'address', lambda: now[0])
    info = RobotInfo(identity.RobotFacts('r1'))
    watch = identity.AddressWatch()
    assert info.values['ip_address'] == first
    assert not watch.problem()
    now[0] = '2001:db8::7'
    assert dict(info.values)['ip_address'] == '2001:db8::7'
    assert f'it was {first} when the bridge started' in watch.problem()
    now[0] = first
    assert not watch.problem()


def test_a_new_address_is_reported_however_often_the_status_is_published(monkeypatch):
    now = ['10.0.0.5']
    monkeypatch.setattr(identity, 'address', lambda: now[0])
    with RosGraph('xparo_bridge') as graph:
        bridge = Bridge(graph)
        timer = graph.node.create_timer(0.1, bridge.status.publish)
        now[0] = '10.0.0.6'
        graph.until(lambda: bridge.statuses and bridge.statuses[-1].problems)
        assert (
            'network: the address is 10.0.0.6, it was 10.0.0.5'
            in (bridge.statuses[-1].problems[0])
        )
        graph.node.destroy_timer(timer)


def test_the_facts_of_a_robot_are_written_with_the_address_of_now(monkeypatch):
    monkeypatch.setattr(identity, 'address', lambda: '10.0.0.7')
    info = RobotInfo(identity.RobotFacts('r1'))
    protocol = Xparo(url='ws://localhost/ws', secret_key='s', project_id='p')
    (frame,) = protocol.encode(info)
    assert json.loads(frame)['data']['ip_address'] == '10.0.0.7'


def test_what_configuration_runs_is_in_status_and_diagnostics():
    facts = {
        'hash': 'ab12',
        'content': 'cd34',
        'version': 1_800_000_000,
        'made_from': 'git 5de49d2',
        'layers': ['fleet.yaml', 'robots/r1.yaml'],
        'state': ConfigurationStatus.ROLLED_BACK,
        'reason': 'link platform is not connected',
        'drift': ['/a/robot.yaml:3'],
    }
    with RosGraph('xparo_bridge') as graph:
        bridge = Bridge(graph)
        bridge.configuration = facts
        graph.until(lambda: bridge.statuses and bridge.statuses[-1].configuration.hash)
        said = bridge.statuses[-1].configuration
        for name in ConfigurationStatus.get_fields_and_field_types():
            assert getattr(said, name) == facts[name], name
        graph.until(lambda: 'xparo_bridge: configuration' in bridge.parts)
        values = {
            value.key: value.value for value in bridge.parts['xparo_bridge: configuration'].values
        }
        assert values['drift'] == '/a/robot.yaml:3'
        assert values['layers'] == 'fleet.yaml, robots/r1.yaml'


def test_the_states_of_the_message_are_those_of_a_store():
    assert {APPLIED, TRIAL, ROLLED_BACK, REFUSED} == {
        ConfigurationStatus.APPLIED,
        ConfigurationStatus.TRIAL,
        ConfigurationStatus.ROLLED_BACK,
        ConfigurationStatus.REFUSED,
    }
