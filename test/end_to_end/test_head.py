# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A bridge process and a head: gestures, attention, face, LED, voice, users, camera, sound."""

from __future__ import annotations

import base64
from collections.abc import Iterator
import json
from typing import Any

from fixtures.domains import own_domain
from fixtures.fake_peers import FakePeers
from fixtures.ros_graph import RosGraph
from furhat import FakeFurhat
from geometry_msgs.msg import PointStamped, PoseArray, Vector3
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import ColorRGBA, String, UInt8, UInt8MultiArray
from std_srvs.srv import SetBool, Trigger
from xparo_interfaces.action import Say
from xparo_interfaces.msg import BridgeStatus, People
from xparo_interfaces.srv import Gesture, SetFace, SetVoice

HEAD = '/xparo_bridge/head'
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture(scope='module')
def running(tmp_path_factory: Any) -> Iterator[tuple[FakePeers, int]]:
    """Run one bridge for all tests here: its head, and its ROS domain."""
    folder = tmp_path_factory.mktemp('head')
    key = folder / 'head.yaml'
    key.touch(mode=0o600)
    key.write_text('secret_key: open sesame\n')
    with own_domain() as domain, FakePeers(head=FakeFurhat(key='open sesame')) as peers:
        with peers.bridge(folder, domain=domain, changes={'head': {'credentials_file': str(key)}}):
            yield peers, domain


@pytest.fixture
def peers(running: tuple[FakePeers, int], graph: RosGraph) -> Iterator[FakePeers]:
    peers, _ = running
    peers.forget()
    yield peers
    assert peers.problems == []


@pytest.fixture
def graph(running: tuple[FakePeers, int]) -> Iterator[RosGraph]:
    with RosGraph(domain=running[1]) as graph:
        # The head has let the bridge in by then.
        graph.until(lambda: graph.call(SetFace, f'{HEAD}/set_face', SetFace.Request()).success)
        yield graph


def requests(peers: FakePeers, kind: str) -> list[dict[str, Any]]:
    return [body for body in peers.head.received if body['type'] == f'request.{kind}']


def publish(graph: RosGraph, topic: str, message: Any) -> None:
    publisher = graph.node.create_publisher(type(message), f'{HEAD}/{topic}', 10)
    graph.until(publisher.get_subscription_count)
    publisher.publish(message)


def test_a_gesture_is_made_and_its_end_waited_for(peers, graph):
    made = graph.call(Gesture, f'{HEAD}/gesture', Gesture.Request(name='Smile', intensity=0.5))
    assert made.success and not made.error
    assert requests(peers, 'gesture.start')[0]['intensity'] == 0.5


def test_the_face_is_changed_and_reported(peers, graph):
    reported = graph.call(
        SetFace,
        f'{HEAD}/set_face',
        SetFace.Request(
            face_id='adult - Titan',
            parameters=['BROW_UP'],
            values=[0.25],
            reset=True,
            microexpressions='off',
        ),
    )
    assert (
        reported.success and reported.face_id == 'adult - Titan' and len(reported.available) == 2
    )
    assert requests(peers, 'face.params')[0]['params'] == {'BROW_UP': 0.25}
    assert requests(peers, 'face.config')[0]['microexpressions'] is False
    assert requests(peers, 'face.reset')
    refused = graph.call(SetFace, f'{HEAD}/set_face', SetFace.Request(parameters=['BROW_UP']))
    assert not refused.success and '1 parameters and 0 values' in refused.error


def test_the_voice_is_chosen_and_reported(peers, graph):
    reported = graph.call(SetVoice, f'{HEAD}/set_voice', SetVoice.Request(language='en-GB'))
    assert reported.success and reported.voice_id == 'Emma-Neural'
    assert json.loads(reported.available[0])['gender'] == 'female'
    assert requests(peers, 'voice.config')[0]['language'] == 'en-GB'


def test_its_ears_are_opened_and_closed(peers, graph):
    for data, reported in ((True, 'listen.start'), (False, 'listen.stop')):
        done = graph.call(SetBool, '/xparo_bridge/speech/listen', SetBool.Request(data=data))
        assert done.success, done.message
        peers.until(peers.head, lambda reported=reported: requests(peers, reported))


def test_the_head_looks_where_it_should_and_reports_where_it_looks(peers, graph):
    attention: list[String] = graph.listen(String, f'{HEAD}/attention')
    graph.until(lambda: graph.node.count_publishers(f'{HEAD}/attention'))
    publish(graph, 'attend_user', String(data='closest'))
    graph.until(lambda: attention)
    assert json.loads(attention[0].data) == {'target': 'closest', 'current': 'user-1'}
    at = PointStamped()
    at.point.z = 1.5
    publish(graph, 'attend_location', at)
    peers.until(peers.head, lambda: requests(peers, 'attend.location'))
    assert requests(peers, 'attend.location')[0]['z'] == 1.5
    publish(graph, 'attend_user', String())
    peers.until(peers.head, lambda: requests(peers, 'attend.nobody'))
    publish(graph, 'pose', Vector3(z=3.141592653589793 / 2))
    peers.until(peers.head, lambda: requests(peers, 'face.headpose'))
    assert requests(peers, 'face.headpose')[0]['yaw'] == 90.0


def test_the_led_takes_a_colour(peers, graph):
    publish(graph, 'led', ColorRGBA(r=1.0, g=0.5, b=0.0, a=1.0))
    peers.until(peers.head, lambda: requests(peers, 'led.set'))
    assert requests(peers, 'led.set')[0]['color'] == '#ff8000'


def test_users_and_camera_come_only_while_somebody_wants_them(peers, running):
    assert not requests(peers, 'users.start') and not requests(peers, 'camera.start')
    with RosGraph('viewer', domain=running[1]) as viewer:
        people: list[People] = viewer.listen(People, f'{HEAD}/users')
        poses: list[PoseArray] = viewer.listen(PoseArray, f'{HEAD}/user_poses')
        pictures: list[CompressedImage] = viewer.listen(
            CompressedImage, f'{HEAD}/camera/compressed'
        )
        viewer.until(lambda: people and poses and pictures)
        assert people[0].people[0].id == 'user-1' and people[0].header.frame_id == 'head'
        assert people[0].people[0].pose.position.z == poses[0].poses[0].position.z == 1.2
        assert bytes(pictures[0].data) == bytes.fromhex('ffd8ffd9')
        peers.run(peers.head.drop())  # Asked for again on the next connection.
        peers.until(peers.head, lambda: len(requests(peers, 'users.start')) == 2)
    peers.until(
        peers.head, lambda: requests(peers, 'users.stop') and requests(peers, 'camera.stop')
    )


def test_the_ears_are_heard_only_while_somebody_listens(peers, running):
    assert not requests(peers, 'audio.start')
    with RosGraph('listener', domain=running[1]) as listener:
        heard: list[UInt8MultiArray] = listener.listen(
            UInt8MultiArray, '/xparo_bridge/audio/heard'
        )
        listener.until(lambda: heard)
        assert len(heard[0].data) == 960
        assert requests(peers, 'audio.start')[-1].get('speaker', False) is False
    peers.until(peers.head, lambda: requests(peers, 'audio.stop'))


def test_a_sound_file_is_played_as_speech(peers, graph):
    goal = graph.send_goal(
        Say,
        '/xparo_bridge/speech/say',
        Say.Goal(text='a gong', audio_url='http://127.0.0.1/gong.wav'),
    )
    assert goal.end().result.success
    assert requests(peers, 'speak.audio')[0]['url'] == 'http://127.0.0.1/gong.wav'


@pytest.fixture
def speak_sound(graph: RosGraph) -> Any:
    publisher = graph.node.create_publisher(UInt8MultiArray, '/xparo_bridge/audio/voice', 50)
    graph.until(publisher.get_subscription_count)
    return lambda sound: publisher.publish(UInt8MultiArray(data=sound))


def spoken_sound(peers: FakePeers) -> bytes:
    return b''.join(
        base64.b64decode(body['audio']) for body in requests(peers, 'speak.audio.data')
    )


def test_sound_of_the_robot_is_spoken_by_the_head(peers, graph, speak_sound):
    for piece in (b'\1\2' * 480, b'\3\4' * 480, b''):
        speak_sound(piece)
    peers.until(peers.head, lambda: requests(peers, 'speak.audio.end'))
    assert requests(peers, 'speak.audio.start')[0]['sample_rate'] == 16000
    assert spoken_sound(peers) == b'\1\2' * 480 + b'\3\4' * 480
    speak_sound(b'\5\6')  # Another utterance, ended by silence.
    peers.until(peers.head, lambda: len(requests(peers, 'speak.audio.end')) == 2)


def test_sound_and_texts_wait_for_each_other(peers, graph, speak_sound):
    text = graph.send_goal(Say, '/xparo_bridge/speech/say', Say.Goal(text='a ' * 200))
    assert text.accepted
    peers.until(peers.head, lambda: requests(peers, 'speak.text'))
    speak_sound(b'\1\2')
    speak_sound(b'')
    assert text.end().result.success
    peers.until(peers.head, lambda: requests(peers, 'speak.audio.end'))
    assert [body['type'] for body in peers.head.received] == [
        'request.speak.text',
        'request.speak.audio.start',
        'request.speak.audio.data',
        'request.speak.audio.end',
    ]


def test_what_is_left_of_sound_that_was_silenced_is_dropped(peers, graph, speak_sound):
    speak_sound(b'\1\2')
    peers.until(peers.head, lambda: requests(peers, 'speak.audio.data'))
    goal = graph.send_goal(Say, '/xparo_bridge/speech/say', Say.Goal(text='stop', interrupt=True))
    speak_sound(b'\1\2')
    assert goal.end().result.success
    speak_sound(b'\1\2')
    speak_sound(b'')
    speak_sound(b'\3\4')
    speak_sound(b'')
    peers.until(peers.head, lambda: len(requests(peers, 'speak.audio.start')) == 2)
    peers.until(peers.head, lambda: requests(peers, 'speak.audio.end'))
    assert spoken_sound(peers).endswith(b'\3\4')
    assert len(requests(peers, 'speak.audio.end')) == 1


def test_the_head_reports_its_volume_and_takes_another(peers, graph):
    def volume() -> dict[str, Any]:
        answer = graph.call(Trigger, f'{HEAD}/system', Trigger.Request())
        assert answer.success
        return json.loads(answer.message)

    peers.head.volume = 70
    assert volume() == {'volume': 70, 'virtual': True}
    publish(graph, 'volume', UInt8(data=101))
    publish(graph, 'volume', UInt8(data=30))
    peers.until(peers.head, lambda: requests(peers, 'system.config'))
    assert volume()['volume'] == 30


def test_what_was_spoken_is_known(peers, graph):
    goal = graph.send_goal(Say, '/xparo_bridge/speech/say', Say.Goal(text='one two'))
    assert goal.end().result.spoken == 'one two'


def test_a_head_that_is_away_is_reported_to_who_asks(peers, graph):
    statuses: list[BridgeStatus] = graph.listen(BridgeStatus, '/xparo_bridge/status', LATCHED)
    peers.run(peers.head.stop())
    graph.until(lambda: statuses and statuses[-1].links[0].state != 'connected')
    asked = graph.call(Gesture, f'{HEAD}/gesture', Gesture.Request(name='Smile'))
    assert not asked.success and 'not connected' in asked.error
    peers.run(peers.head.start(peers.head.port))
