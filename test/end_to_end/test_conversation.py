# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A bridge process with several links: who hears, who answers, who speaks."""

from __future__ import annotations

from collections.abc import Iterator

from fixtures.domains import own_domain
from fixtures.fake_peers import FakePeers
from fixtures.ros_graph import RosGraph
from furhat import FakeFurhat
from general_bots import FakeGeneralBots
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Empty, String, UInt8MultiArray
from xparo_chatbot import FakeXparoChatbot
from xparo_interfaces.action import Say
from xparo_interfaces.msg import ChatMessage
from xparo_interfaces.srv import Chat
from xrx import FakeXrx

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
AIML = '<category><pattern>{}</pattern><template>{}</template></category>'


@pytest.fixture(scope='module')
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakePeers, int]]:
    """Run one bridge with a chatbot, a head, an agent and a bot; the chatbot answers chat."""
    with (
        own_domain() as domain,
        FakePeers(
            chatbot=FakeXparoChatbot(), head=FakeFurhat(), agent=FakeXrx(), bot=FakeGeneralBots()
        ) as peers,
    ):
        with peers.bridge(
            tmp_path_factory.mktemp('conversation'),
            domain=domain,
            routes={'chat': 'chatbot', 'speech': 'head', 'commands': ['bot']},
            speech={'listen': True, 'converse': True, 'languages': ['en-US']},
        ):
            yield peers, domain


@pytest.fixture
def peers(running: tuple[FakePeers, int]) -> Iterator[FakePeers]:
    peers, _ = running
    peers.head.said.clear()
    peers.forget()
    peers.head.pace = 0.005
    yield peers
    assert peers.problems == []


@pytest.fixture
def graph(running: tuple[FakePeers, int]) -> Iterator[RosGraph]:
    with RosGraph(domain=running[1]) as graph:
        yield graph


def test_what_a_person_says_to_the_head_is_asked_and_the_answer_spoken(peers, graph):
    peers.chatbot.aiml = AIML.format('WHERE IS THE TEA', 'In the kitchen')
    peers.until(peers.head, lambda: peers.head._listening)
    heard = graph.listen(ChatMessage, '/xparo_bridge/speech/heard')
    graph.until(lambda: graph.node.count_publishers('/xparo_bridge/speech/heard'))
    peers.run(peers.head.person_says('where is the tea'))
    peers.until(peers.head, lambda: peers.head.said)
    assert peers.head.said == ['In the kitchen']
    graph.until(lambda: heard and heard[-1].final)
    assert heard[-1].text == 'where is the tea' and heard[-1].link == 'head'


def test_a_head_that_stops_listening_by_itself_is_asked_to_listen_again(peers):
    peers.until(peers.head, lambda: peers.head._listening)
    peers.run(peers.head._end_listening('failed'))
    peers.until(peers.head, lambda: peers.head._listening)


def test_say_goals_are_spoken_in_turn_and_one_can_be_cancelled_without_the_others(peers, graph):
    peers.head.pace = 0.1
    first, second, third = (
        graph.send_goal(Say, '/xparo_bridge/speech/say', Say.Goal(text=text))
        for text in ('one two three four', 'never said', 'last')
    )
    assert first.accepted and second.accepted and third.accepted
    assert second.cancel()
    assert second.end().result.error == 'cancelled'
    assert first.end().result.success and third.end().result.success
    words = [feedback.word for feedback in first.feedback if feedback.word]
    assert words == ['one', 'two', 'three', 'four']
    long = graph.send_goal(
        Say, '/xparo_bridge/speech/say', Say.Goal(text='a very long story ' * 20)
    )
    assert long.accepted
    graph.until(lambda: long.feedback)
    assert long.cancel()
    result = long.end().result
    assert not result.success and result.error == 'interrupted'
    assert peers.head.said[:2] == ['one two three four', 'last']


def test_the_microphone_is_heard_by_the_agent_and_its_voice_and_thoughts_come_back(peers, graph):
    topic = '/xparo_bridge/audio/microphone'
    microphone = graph.node.create_publisher(UInt8MultiArray, topic, 50)
    heard = graph.listen(ChatMessage, '/xparo_bridge/speech/heard')
    speech = graph.listen(UInt8MultiArray, '/xparo_bridge/audio/speech')
    states = graph.listen(String, '/xparo_bridge/chat/peer_state')
    cleared = graph.listen(Empty, '/xparo_bridge/audio/clear')
    graph.until(
        lambda: (
            microphone.get_subscription_count()
            and graph.node.count_publishers('/xparo_bridge/audio/speech')
            and graph.node.count_publishers('/xparo_bridge/speech/heard')
        )
    )
    piece = UInt8MultiArray(data=bytes(640))  # 20 ms, no frame of the agent's
    graph.until(lambda: heard or microphone.publish(piece))
    graph.until(lambda: speech and cleared and len(states) >= 2)
    assert heard[0].text == 'go to the kitchen' and heard[0].link == 'agent'
    # 100 ms at the agent's 24 kHz, at 16 kHz here; the filter keeps back the last millisecond.
    assert 3200 - 64 <= len(speech[0].data) <= 3200
    assert [state.data for state in states[:2]] == ['thinking', 'idle']
    # The agent answers by itself, so nobody else is asked.
    assert not any('ask_bot' in body for body in peers.chatbot.received)


def test_the_answer_of_an_agent_is_what_it_says_last_in_its_turn(tmp_path):
    with (
        FakePeers(agent=FakeXrx(greeting='')) as peers,
        peers.bridge(tmp_path),
        RosGraph() as graph,
    ):
        pieces = graph.listen(ChatMessage, '/xparo_bridge/chat/stream', 50)
        graph.until(lambda: graph.node.count_publishers('/xparo_bridge/chat/stream'))
        for text in ('hello', 'again'):
            pieces.clear()
            answer = graph.call(Chat, '/xparo_bridge/chat', Chat.Request(message=text))
            assert answer.success and answer.reply == f'You said: {text}'
            graph.until(lambda: len(pieces) == 3)
            assert [piece.text for piece in pieces] == ['One moment please...', answer.reply, '']
            assert [piece.final for piece in pieces] == [False, False, True]


def test_sound_the_head_speaks_ends_when_somebody_speaks_into_it(peers, graph):
    voice = graph.node.create_publisher(UInt8MultiArray, '/xparo_bridge/audio/voice', 50)
    graph.until(voice.get_subscription_count)
    voice.publish(UInt8MultiArray(data=bytes(640)))
    peers.until(
        peers.head,
        lambda: any(body['type'] == 'request.speak.audio.data' for body in peers.head.received),
    )
    peers.send(peers.agent, {'user': 'system', 'type': 'action', 'content': 'clear_audio_buffer'})
    peers.until(
        peers.head,
        lambda: any(body['type'] == 'request.speak.stop' for body in peers.head.received),
    )


def test_a_tool_the_bot_calls_is_a_command_and_is_answered(peers, graph):
    peers.send(
        peers.bot, {'type': 'tool_call', 'session_id': 's-1', 'tool': 'fly', 'arguments': {}}
    )
    peers.until(peers.bot, lambda: peers.bot.tool_results)
    result = peers.bot.tool_results[0]
    assert result['session_id'] == 's-1' and result['result']['status'] == 'rejected'
