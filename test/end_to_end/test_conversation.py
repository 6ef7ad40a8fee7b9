# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A bridge process with several links: who hears, who answers, who speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
import threading
from typing import Any

from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
from furhat import FakeFurhat
from general_bots import FakeGeneralBots
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Empty, String, UInt8MultiArray
from xparo_chatbot import FakeXparoChatbot
from xparo_interfaces.action import Say
from xparo_interfaces.msg import BridgeStatus, ChatMessage
from xparo_interfaces.srv import Chat
from xrx import FakeXrx
import yaml

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
AIML = '<category><pattern>{}</pattern><template>{}</template></category>'


class Peers:
    """Fakes in a thread of their own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.furhat = FakeFurhat()
        self.chatbot = FakeXparoChatbot()
        self.xrx = FakeXrx()
        self.bots = FakeGeneralBots()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        for fake in self.all:
            self.run(fake.start())

    @property
    def all(self) -> list[Any]:
        return [self.furhat, self.chatbot, self.xrx, self.bots]

    def run(self, work: Any) -> Any:
        """Run a coroutine where the fakes live."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def until(self, fake: Any, happened: Any) -> Any:
        """Wait until something is true of a fake."""
        return self.run(fake.until(happened))

    def stop(self) -> None:
        for fake in self.all:
            self.run(fake.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@pytest.fixture
def peers() -> Iterator[Peers]:
    peers = Peers()
    yield peers
    peers.stop()


@pytest.fixture
def bridge(peers: Peers, tmp_path: Any) -> Iterator[Process]:
    """Give a bridge with a chatbot, a head, an agent and a bot; the chatbot answers chat."""
    backoff = {'initial': 0.05, 'maximum': 0.2}
    secrets = tmp_path / 'chatbot.yaml'
    secrets.write_text('secret_key: SECRET\nproject_id: PROJECT\n')
    secrets.chmod(0o600)
    at = 'ws://127.0.0.1:'
    config = {
        'robot_id': 'robot_123',
        'routes': {'chat': 'chatbot', 'speech': 'head', 'commands': ['bot']},
        'speech': {'listen': True, 'converse': True, 'languages': ['en-US']},
        'links': [
            {'name': 'chatbot', 'protocol': 'xparo_chatbot', 'backoff': backoff,
             'url': f'{at}{peers.chatbot.port}/chatbot_api', 'credentials_file': str(secrets)},
            {'name': 'head', 'protocol': 'furhat', 'backoff': backoff,
             'url': f'{at}{peers.furhat.port}/v1/events'},
            {'name': 'agent', 'protocol': 'xrx', 'backoff': backoff,
             'url': f'{at}{peers.xrx.port}/api/v1/ws'},
            {'name': 'bot', 'protocol': 'general_bots', 'backoff': backoff,
             'url': f'{at}{peers.bots.port}/ws', 'options': {'auth': 'query'}},
        ]}
    file = tmp_path / 'bridge.yaml'
    file.write_text(yaml.safe_dump(config))
    with Process.module('xparo_bridge.bridge', '--ros-args', '-p', f'config:=["{file}"]',
                        name='bridge') as process:
        for fake in peers.all:
            peers.until(fake, lambda fake=fake: fake.connections)
        yield process


def test_what_a_person_says_to_the_head_is_asked_and_the_answer_spoken(peers, bridge):
    peers.chatbot.aiml = AIML.format('WHERE IS THE TEA', 'In the kitchen')
    peers.until(peers.furhat, lambda: peers.furhat._listening)
    with RosGraph() as graph:
        heard = graph.listen(ChatMessage, '/xparo_bridge/speech/heard')
        graph.until(lambda: graph.node.count_publishers('/xparo_bridge/speech/heard'))
        peers.run(peers.furhat.person_says('where is the tea'))
        peers.until(peers.furhat, lambda: peers.furhat.said)
        assert peers.furhat.said == ['In the kitchen']
        graph.until(lambda: heard and heard[-1].final)
        assert heard[-1].text == 'where is the tea' and heard[-1].link == 'head'
    assert peers.furhat.problems == peers.chatbot.problems == []


def test_say_goals_are_spoken_in_turn_and_one_can_be_cancelled_without_the_others(peers, bridge):
    peers.furhat.pace = 0.1
    with RosGraph() as graph:
        first, second, third = (
            graph.send_goal(Say, '/xparo_bridge/speech/say', Say.Goal(text=text))
            for text in ('one two three four', 'never said', 'last'))
        assert first.accepted and second.accepted and third.accepted
        assert second.cancel()
        assert second.end().result.error == 'cancelled'
        assert first.end().result.success and third.end().result.success
        words = [feedback.word for feedback in first.feedback if feedback.word]
        assert words == ['one', 'two', 'three', 'four']
        long = graph.send_goal(
            Say, '/xparo_bridge/speech/say', Say.Goal(text='a very long story ' * 20))
        assert long.accepted
        graph.until(lambda: long.feedback)
        assert long.cancel()
        result = long.end().result
        assert not result.success and result.error == 'interrupted'
    assert peers.furhat.said[:2] == ['one two three four', 'last']
    assert peers.furhat.problems == []


def test_one_peer_fails_and_the_others_do_not_notice(peers, bridge):
    with RosGraph() as graph:
        states = graph.listen(BridgeStatus, '/xparo_bridge/status', LATCHED)

        def state(name):
            return next((link.state for link in states[-1].links if link.name == name), '') \
                if states else ''

        names = ('chatbot', 'head', 'agent', 'bot')
        graph.until(lambda: all(state(name) == 'connected' for name in names))
        seen = len(states)
        peers.run(peers.furhat.stop())
        graph.until(lambda: state('head') != 'connected')
        reply = graph.call(Chat, '/xparo_bridge/chat', Chat.Request(message='hi'))
        assert reply.success and reply.reply == 'hello'
        goal = graph.send_goal(Say, '/xparo_bridge/speech/say', Say.Goal(text='hello'))
        assert 'head' in goal.end().result.error
        assert not any(link.name != 'head' and link.state != 'connected'
                       for status in states[seen:] for link in status.links)
        peers.run(peers.furhat.start(peers.furhat.port))
        graph.until(lambda: state('head') == 'connected')


def test_the_microphone_is_heard_by_the_agent_and_its_voice_and_thoughts_come_back(peers, bridge):
    with RosGraph() as graph:
        topic = '/xparo_bridge/audio/microphone'
        microphone = graph.node.create_publisher(UInt8MultiArray, topic, 50)
        heard = graph.listen(ChatMessage, '/xparo_bridge/speech/heard')
        speech = graph.listen(UInt8MultiArray, '/xparo_bridge/audio/speech')
        states = graph.listen(String, '/xparo_bridge/chat/peer_state')
        cleared = graph.listen(Empty, '/xparo_bridge/audio/clear')
        graph.until(lambda: microphone.get_subscription_count()
                    and graph.node.count_publishers('/xparo_bridge/audio/speech')
                    and graph.node.count_publishers('/xparo_bridge/speech/heard'))
        piece = UInt8MultiArray(data=bytes(640))  # 20 ms, no frame of the agent's
        graph.until(lambda: heard or microphone.publish(piece))
        graph.until(lambda: speech and cleared and len(states) >= 2)
        assert heard[0].text == 'go to the kitchen' and heard[0].link == 'agent'
        assert len(speech[0].data) == 3200
        assert [state.data for state in states[:2]] == ['thinking', 'idle']
    assert peers.xrx.problems == []


def test_a_tool_the_bot_calls_is_a_command_and_is_answered(peers, bridge):
    async def call() -> None:
        await peers.bots.connections[0].send_json({
            'type': 'tool_call', 'session_id': 's-1', 'tool': 'fly', 'arguments': {}})

    peers.run(call())
    peers.until(peers.bots, lambda: peers.bots.tool_results)
    result = peers.bots.tool_results[0]
    assert result['session_id'] == 's-1' and result['result']['status'] == 'rejected'
