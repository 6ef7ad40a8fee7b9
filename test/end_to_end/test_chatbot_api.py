# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A bridge process and the platform's chatbot API: schedules that run, AIML, settings."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from datetime import datetime, timedelta
import json
import time
from typing import Any

from fixtures.domains import own_domain
from fixtures.fake_peers import FakePeers
from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String
from std_srvs.srv import Trigger
from xparo_chatbot import FakeXparoChatbot
from xparo_interfaces.msg import BridgeStatus, CommandStatus, ScheduledCommand
from xparo_interfaces.srv import Chat, GetSchedule, SaveAiml, SaveSchedule

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
COMMANDS = {'cancel': {'kind': 'cancel'}}
BRIDGE = '/xparo_bridge'


@pytest.fixture
def peers() -> Iterator[FakePeers]:
    with FakePeers(chatbot=FakeXparoChatbot()) as peers:
        yield peers


@pytest.fixture(scope='module')
def running(tmp_path_factory: Any) -> Iterator[tuple[FakePeers, int]]:
    """Run one bridge for the tests that leave its schedule as it is; its ROS domain."""
    project = {'parameters': {'xparo_name': {'node': '/observer', 'parameter': 'title'}}}
    with own_domain() as domain, FakePeers(chatbot=FakeXparoChatbot()) as peers:
        with peers.bridge(tmp_path_factory.mktemp('chatbot'), domain=domain, project=project):
            yield peers, domain
        assert peers.problems == []


def at(seconds: float) -> dict[str, str]:
    moment = datetime.now() + timedelta(seconds=seconds)
    return {'date': f'{moment:%Y-%m-%d}', 'time': f'{moment:%H:%M:%S}'}


class Statuses:
    """The bridge's status as it changes."""

    def __init__(self, graph: RosGraph) -> None:
        self.graph = graph
        self.all: list[BridgeStatus] = graph.listen(BridgeStatus, f'{BRIDGE}/status', LATCHED)

    def schedule(self) -> dict[str, ScheduledCommand]:
        return {entry.name: entry for entry in self.all[-1].schedule} if self.all else {}

    def until(self, **states: str) -> dict[str, ScheduledCommand]:
        self.graph.until(
            lambda: {name: entry.state for name, entry in self.schedule().items()} == states
        )
        return self.schedule()


def test_a_scheduled_command_runs_when_it_is_due_by_the_same_rules_as_any(peers, tmp_path):
    peers.chatbot.schedule = {
        'cancel': at(3),
        'fly': at(3),
        'yesterday': at(-86400),
        'bad': {'date': 'soon'},
    }
    with RosGraph() as graph, contextlib.ExitStack() as stack:
        ran: list[CommandStatus] = graph.listen(CommandStatus, f'{BRIDGE}/command_status', 50)
        stack.enter_context(peers.bridge(tmp_path, commands=COMMANDS))
        schedule = Statuses(graph).until(
            cancel='done', fly='done', yesterday='missed', bad='invalid'
        )
        assert 'HH:MM' in schedule['bad'].problem and schedule['cancel'].link == 'chatbot'
        graph.until(lambda: {status.command for status in ran} == {'cancel', 'fly'})
        states = {status.command: (status.state, status.source) for status in ran}
        assert states['fly'] == ('rejected', 'chatbot')
        assert states['cancel'][1] == 'chatbot'
    assert peers.problems == []


def test_a_link_that_may_not_command_may_not_schedule_either(peers, tmp_path):
    peers.chatbot.schedule = {'cancel': at(3)}
    with RosGraph() as graph:
        ran: list[CommandStatus] = graph.listen(CommandStatus, f'{BRIDGE}/command_status', 50)
        with peers.bridge(tmp_path, commands=COMMANDS, routes={'commands': []}):
            graph.until(lambda: ran)
        assert (ran[0].state, ran[0].error_code) == ('rejected', 'not_allowed')


def test_schedule_and_aiml_are_kept_over_a_restart_and_what_ran_is_not_run_again(peers, tmp_path):
    new = '<category><pattern>BYE</pattern><template>see you</template></category>'
    peers.chatbot.schedule = {'cancel': at(0), 'later': {**at(3600), 'command': 'cancel'}}
    with peers.bridge(tmp_path, commands=COMMANDS) as bridge, RosGraph() as graph:
        aiml: list[String] = graph.listen(String, f'{BRIDGE}/aiml', LATCHED)
        graph.until(lambda: aiml and aiml[-1].data == peers.chatbot.aiml)
        assert graph.call(SaveAiml, f'{BRIDGE}/aiml/save', SaveAiml.Request(aiml=new)).success
        graph.until(lambda: aiml[-1].data == new)
        peers.until(peers.chatbot, lambda: peers.chatbot.aiml == new)
        bridge.wait_for_line('schedule: cancel: due')
    peers.run(peers.chatbot.stop())
    with (
        FakePeers() as nobody,
        nobody.bridge(tmp_path, more_links=peers.links(tmp_path), commands=COMMANDS) as bridge,
        RosGraph() as graph,
    ):
        aiml = graph.listen(String, f'{BRIDGE}/aiml', LATCHED)
        statuses = Statuses(graph)
        statuses.until(cancel='done', later='waiting')
        graph.until(lambda: aiml and aiml[-1].data == new)
        peers.chatbot.schedule = {**peers.chatbot.schedule, 'more': at(3600)}
        peers.run(peers.chatbot.start(peers.chatbot.port))
        statuses.until(cancel='done', later='waiting', more='waiting')
        assert not any('cancel: due' in line for line in bridge.lines)


def test_nodes_get_save_and_delete_the_schedule(running):
    peers, domain = running
    with RosGraph(domain=domain) as graph:
        entry = ScheduledCommand(
            name='morning',
            command='dock',
            date='2099-01-01',
            time='08:00',
            parameters='{"side": "left"}',
        )
        saved = graph.call(
            SaveSchedule, f'{BRIDGE}/schedule/save', SaveSchedule.Request(entries=[entry])
        )
        assert saved.success, saved.error
        peers.until(peers.chatbot, lambda: peers.chatbot.schedule)
        assert peers.chatbot.schedule == {
            'morning': {
                'date': '2099-01-01',
                'time': '08:00',
                'command': 'dock',
                'parameters': {'side': 'left'},
            }
        }
        got = graph.call(GetSchedule, f'{BRIDGE}/schedule/get', GetSchedule.Request())
        assert got.success and got.entries[0].state == 'waiting' and got.entries[0].due.sec
        entry.time = "8 o'clock"
        refused = graph.call(
            SaveSchedule, f'{BRIDGE}/schedule/save', SaveSchedule.Request(entries=[entry])
        )
        assert not refused.success and refused.error.startswith('morning: ')
        assert graph.call(Trigger, f'{BRIDGE}/schedule/delete', Trigger.Request()).success
        peers.until(peers.chatbot, lambda: not peers.chatbot.schedule)


def test_settings_are_reported_and_those_that_the_configuration_names_are_set(running):
    peers, domain = running
    with RosGraph(domain=domain) as graph:
        graph.node.declare_parameter('title', '')
        graph.node.declare_parameter('secret', 'mine')
        changes: list[String] = graph.listen(String, f'{BRIDGE}/config_change')
        graph.until(lambda: graph.node.count_publishers(f'{BRIDGE}/config_change'))
        synced = graph.call(Trigger, f'{BRIDGE}/config/sync', Trigger.Request())
        assert synced.success and json.loads(synced.message) == {'xparo_name': 'hello'}
        graph.until(lambda: graph.node.get_parameter('title').value == 'hello')
        peers.send(peers.chatbot, {'change_config': {'secret': 'theirs', 'xparo_name': 'again'}})
        graph.until(lambda: graph.node.get_parameter('title').value == 'again')
        assert graph.node.get_parameter('secret').value == 'mine'
        graph.until(lambda: len(changes) == 2)
        assert json.loads(changes[1].data)['secret'] == 'theirs'


def test_four_thousand_entries_at_once_hold_up_nothing(peers, tmp_path):
    with peers.bridge(tmp_path, commands={'cancel': {'kind': 'cancel'}}), RosGraph() as graph:
        worst = 0.0
        entries = {f'n{number}': {**at(3600), 'command': 'cancel'} for number in range(4000)}
        entries |= {f'p{number}': {**at(-3600), 'command': 'cancel'} for number in range(50)}
        statuses = Statuses(graph)
        graph.until(lambda: statuses.all)
        peers.send(peers.chatbot, {'schedule_control': entries})
        for _ in range(20):
            began = time.monotonic()
            assert graph.call(Chat, f'{BRIDGE}/chat', Chat.Request(message='hi')).success
            worst = max(worst, time.monotonic() - began)
        assert worst < 1.0, worst  # A busy machine included; to read them takes 0.2 s.
        graph.until(lambda: len(statuses.all[-1].schedule) == 200)
        everything = graph.call(GetSchedule, f'{BRIDGE}/schedule/get', GetSchedule.Request())
        assert everything.success


def test_a_link_that_may_not_command_has_no_schedule_kept_and_changes_no_setting(peers, tmp_path):
    project = {'parameters': {'xparo_name': {'node': '/observer', 'parameter': 'title'}}}
    with (
        peers.bridge(tmp_path, routes={'commands': []}, project=project) as bridge,
        RosGraph() as graph,
    ):
        graph.node.declare_parameter('title', 'mine')
        statuses = Statuses(graph)
        peers.send(peers.chatbot, {'schedule_control': {'at_three': at(3600)}})
        bridge.wait_for_line('schedule not kept: this link may not command')
        peers.send(peers.chatbot, {'change_config': {'xparo_name': 'theirs'}})
        bridge.wait_for_line('settings not taken: this link may not command')
        graph.until(lambda: statuses.all)
        kept = [
            path
            for path in (tmp_path / 'state').rglob('*')
            if path.is_file()
            and not path.name.startswith('audit')
            and b'at_three' in path.read_bytes()
        ]
        assert not kept
        assert graph.node.get_parameter('title').value == 'mine'


@pytest.mark.parametrize('value', [10**30, [2**63], [], None, 1e308, {'a': 1}, [None]])
def test_no_value_of_a_setting_ends_the_bridge(running, value):
    peers, domain = running
    with RosGraph(domain=domain) as graph:
        graph.node.declare_parameter('title', 'mine')
        graph.until(lambda: graph.node.count_clients('/observer/set_parameters') or True)
        peers.send(peers.chatbot, {'change_config': {'xparo_name': value}})
        peers.send(peers.chatbot, {'change_config': {'xparo_name': 'good'}})
        graph.until(lambda: graph.node.get_parameter('title').value == 'good')


def test_a_schedule_in_a_time_zone_nobody_knows_is_no_configuration(tmp_path):
    with FakePeers(chatbot=FakeXparoChatbot()) as peers:
        file = tmp_path / 'bridge.yaml'
        file.write_text(
            json.dumps(
                {'links': peers.links(tmp_path), 'schedule': {'time_zone': 'Europe/Atlantis'}}
            )
        )
        with Process.module(
            'xparo_bridge', 'bridge', '--ros-args', '-p', f'config:=["{file}"]', name='bridge'
        ) as bridge:
            assert bridge.wait() == 78
            bridge.wait_for_line(r'bridge\.yaml:1: schedule\.time_zone: .*Europe/Atlantis')
