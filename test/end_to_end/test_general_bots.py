# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A bridge process and General Bots: streamed replies, tools, typing, both dialects, meetings."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import aiohttp
from fixtures.domains import own_domain
from fixtures.fake_peers import FakePeers
from fixtures.ros_graph import RosGraph
from general_bots import FakeGeneralBots
import pytest
from std_msgs.msg import Bool, String
from xparo_interfaces.msg import ChatMessage, MeetEvent
from xparo_interfaces.srv import Chat

BRIDGE = '/xparo_bridge'
SOURCE = {'protocol': 'general_bots_source', 'options': {}}
MEET = {'protocol': 'general_bots_meet', 'options': {}}


@pytest.fixture
def peers() -> Iterator[FakePeers]:
    with FakePeers(bot=FakeGeneralBots()) as peers:
        yield peers
    assert peers.problems == []


@pytest.fixture(scope='module')
def running(tmp_path_factory: Any) -> Iterator[tuple[FakePeers, int]]:
    """Run one bridge that speaks the documented dialect for several tests; its ROS domain."""
    with own_domain() as domain, FakePeers(bot=FakeGeneralBots()) as peers:
        with peers.bridge(
            tmp_path_factory.mktemp('bots'), domain=domain, commands={'cancel': {'kind': 'cancel'}}
        ):
            yield peers, domain
        assert peers.problems == []


def dialect(peers: FakePeers, settings: dict[str, Any], path: str) -> dict[str, Any]:
    return {'bot': {**settings, 'url': f'ws://127.0.0.1:{peers.bot.port}{path}'}}


def ask(graph: RosGraph, text: str) -> Chat.Response:
    return graph.call(Chat, f'{BRIDGE}/chat', Chat.Request(message=text))


def comes_in_pieces(domain: int | None = None) -> None:
    with RosGraph(domain=domain) as graph:
        pieces: list[ChatMessage] = graph.listen(ChatMessage, f'{BRIDGE}/chat/stream', 50)
        graph.until(lambda: graph.node.count_publishers(f'{BRIDGE}/chat/stream'))
        for text in ('hi', 'there'):
            pieces.clear()
            assert ask(graph, text).reply == f'You said: {text}'
            graph.until(lambda: pieces and pieces[-1].final)
            assert ''.join(piece.text for piece in pieces) == f'You said: {text}'
            assert [piece.final for piece in pieces].count(True) == 1


def test_a_reply_comes_in_pieces_on_the_stream_and_whole_to_who_asked(running):
    comes_in_pieces(running[1])


def test_so_it_does_in_the_dialect_of_the_source(peers, tmp_path):
    with peers.bridge(tmp_path, changes=dialect(peers, SOURCE, '/source/ws')):
        comes_in_pieces()


def test_who_asked_is_told_what_the_bot_refuses_and_what_is_too_long_for_it(peers, tmp_path):
    with peers.bridge(tmp_path), RosGraph() as graph:
        assert 'the server takes 65536' in ask(graph, 'x' * 70000).error
        assert ask(graph, 'hi').success
        peers.bot.limit = 1
        assert 'RATE_LIMITED' in ask(graph, 'hi').error


def test_typing_is_reported_both_ways(running):
    peers, domain = running
    peers.forget()
    with RosGraph(domain=domain) as graph:
        states: list[String] = graph.listen(String, f'{BRIDGE}/chat/peer_state')
        typing = graph.node.create_publisher(Bool, f'{BRIDGE}/chat/typing', 10)
        graph.until(
            lambda: (
                typing.get_subscription_count()
                and graph.node.count_publishers(f'{BRIDGE}/chat/peer_state')
            )
        )
        assert ask(graph, 'hi').success
        graph.until(lambda: [state.data for state in states] == ['typing', 'idle'])
        typing.publish(Bool(data=True))
        typing.publish(Bool(data=False))
        peers.until(
            peers.bot,
            lambda: (
                [body['type'] for body in peers.bot.received if 'typing' in body['type']]
                == ['typing_start', 'typing_stop']
            ),
        )


@pytest.mark.parametrize(('tool', 'status'), [('cancel', None), ('fly', 'rejected')])
def test_a_tool_is_a_command_of_that_name_and_its_end_the_result(running, tool, status):
    peers, domain = running
    peers.bot.tool_results.clear()
    with RosGraph(domain=domain) as graph:
        outgoing = graph.node.create_publisher(ChatMessage, f'{BRIDGE}/chat/outgoing', 10)
        graph.until(outgoing.get_subscription_count)
        outgoing.publish(ChatMessage(text=f'tool: {tool}'))
        result = peers.until(peers.bot, lambda: peers.bot.tool_results)[0]
        assert result['tool'] == tool
        assert result['result'].get('status') == status


def test_the_session_goes_on_over_a_lost_connection(running):
    peers, domain = running
    with RosGraph(domain=domain) as graph:
        assert ask(graph, 'hi').success
        peers.bot.subscribed.clear()
        peers.run(peers.bot.drop())
        peers.until(peers.bot, lambda: peers.bot.connections and peers.bot.subscribed)
        graph.until(lambda: ask(graph, 'again').success)
        assert len(peers.bot.sessions) == 1


def test_signals_of_a_meeting_are_relayed_to_and_from_a_node(peers, tmp_path):
    offer = {'type': 'offer', 'sdp': 'v=0'}
    answer = {'type': 'answer', 'sdp': 'v=1'}

    async def guest() -> list[dict[str, Any]]:
        """Meet the robot in the room; what it heard there."""
        url = f'ws://127.0.0.1:{peers.bot.port}/ws/meet'
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await socket.send_json({'type': 'join', 'room_id': 'r', 'participant_name': 'Ann'})
            heard = [await socket.receive_json()]
            await socket.send_json(
                {'type': 'signal', 'room_id': 'r', 'target_id': 'robot', 'signal': answer}
            )
            heard.append(await socket.receive_json())
            return heard

    changes = dialect(peers, MEET, '/ws/meet')
    with peers.bridge(tmp_path, changes=changes), RosGraph() as graph:
        incoming: list[MeetEvent] = graph.listen(MeetEvent, f'{BRIDGE}/meet/incoming', 50)
        outgoing = graph.node.create_publisher(MeetEvent, f'{BRIDGE}/meet/outgoing', 50)
        graph.until(
            lambda: (
                outgoing.get_subscription_count()
                and graph.node.count_publishers(f'{BRIDGE}/meet/incoming')
            )
        )
        outgoing.publish(MeetEvent(type='join', room_id='r', participant='robot'))
        peers.until(peers.bot, lambda: peers.bot.received)
        meeting = asyncio.run_coroutine_threadsafe(guest(), peers.loop)
        graph.until(lambda: incoming)
        assert (incoming[0].type, incoming[0].participant) == ('join', 'Ann')
        outgoing.publish(MeetEvent(type='shout', room_id='r'))  # Not sent, and not the end.
        outgoing.publish(
            MeetEvent(
                type='signal',
                room_id='r',
                participant='Ann',
                signal='{"type":"offer","sdp":"v=0"}',
            )
        )
        graph.until(lambda: len(incoming) >= 2)
        assert incoming[1].signal == '{"type": "answer", "sdp": "v=1"}'
        outgoing.publish(MeetEvent(type='leave', room_id='r'))
        heard = meeting.result(20)
        assert heard[0]['signal'] == offer and heard[1]['type'] == 'leave'


def test_a_stream_that_is_cut_off_ends_the_question_at_once(peers, tmp_path):
    with peers.bridge(tmp_path, chat={'timeout': 30.0}), RosGraph() as graph:
        client = graph.node.create_client(Chat, f'{BRIDGE}/chat')
        graph.until(client.service_is_ready)
        # The fake calls a tool for this and says nothing.
        asked = client.call_async(Chat.Request(message='tool: fly'))
        peers.until(peers.bot, lambda: peers.bot.tool_results)
        peers.send(peers.bot, {'type': 'stream_start', 'message_id': 'm'})
        peers.send(peers.bot, {'type': 'stream_chunk', 'message_id': 'm', 'content': 'I am'})
        peers.run(peers.bot.drop())
        graph.until(asked.done, timeout=10.0)
        assert asked.result().error == 'the connection was lost; until then it said: I am'
        graph.until(lambda: ask(graph, 'again').success)


def test_a_meeting_left_without_a_connection_is_not_entered_again(peers, tmp_path):
    changes = dialect(peers, MEET, '/ws/meet')

    def joined() -> list[str]:
        return [body['room_id'] for body in peers.bot.received if body['type'] == 'join']

    with peers.bridge(tmp_path, changes=changes) as bridge, RosGraph() as graph:
        outgoing = graph.node.create_publisher(MeetEvent, f'{BRIDGE}/meet/outgoing', 50)
        graph.until(outgoing.get_subscription_count)
        for room in ('left', 'kept'):
            outgoing.publish(MeetEvent(type='join', room_id=room, participant='robot'))
        peers.until(peers.bot, lambda: joined() == ['left', 'kept'])
        port = peers.bot.port
        peers.run(peers.bot.stop())
        bridge.wait_for_line('nothing listens')
        outgoing.publish(MeetEvent(type='leave', room_id='left'))
        outgoing.publish(MeetEvent(type='join', room_id='new', participant='robot'))
        # It comes on the same topic, so what was published before it was read before it.
        outgoing.publish(MeetEvent(type='shout'))
        bridge.wait_for_line('type is join, leave or signal')
        peers.forget()
        peers.run(peers.bot.start(port))
        peers.until(peers.bot, lambda: len(joined()) >= 2)
        assert joined() == ['kept', 'new']
