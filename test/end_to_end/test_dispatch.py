# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A bridge process and the platform's live service: credential, files, joystick, tasks, REST."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fixtures.fake_peers import FakePeers
from fixtures.ros_graph import RosGraph
import pytest
from sensor_msgs.msg import Joy
from xparo_dispatch import FakeXparoDispatch
from xparo_interfaces.srv import Chat

COMMANDS = {'cancel': {'kind': 'cancel'}}


@pytest.fixture
def peers() -> Iterator[FakePeers]:
    with FakePeers(platform=FakeXparoDispatch()) as peers:
        yield peers
    assert peers.problems == []


class Service:
    """What the service says to the robot, and what comes back."""

    def __init__(self, peers: FakePeers) -> None:
        self._peers = peers
        self._seen = len(peers.platform.received)

    def tell(self, **keys: Any) -> None:
        self._peers.tell(self._peers.platform, keys)

    def answer(self, key: str) -> Any:
        """Next value of a key that was not asked for yet."""
        def found() -> Any:
            for index, body in enumerate(self._peers.platform.received[self._seen:]):
                if key in body:
                    return self._seen + index, body[key]
            return None

        index, value = self._peers.until(self._peers.platform, found)
        self._seen = index + 1
        return value

    def ask(self, key: str, **keys: Any) -> Any:
        self.tell(**keys)
        return self.answer(key)


def test_the_issued_credential_is_kept_for_its_owner_and_used_by_the_next_bridge(peers, tmp_path):
    kept = tmp_path / 'state' / 'credentials' / 'platform'
    with peers.bridge(tmp_path), RosGraph() as graph:
        graph.until(kept.exists)
        assert kept.stat().st_mode & 0o777 == 0o600
        assert kept.parent.stat().st_mode & 0o777 == 0o700
    with peers.bridge(tmp_path) as bridge:
        assert peers.platform.dialled_with == ['SECRET', 'CREDENTIAL']
        assert not any('CREDENTIAL' in line or 'SECRET' in line for line in bridge.lines)


def test_a_credential_that_is_no_longer_good_is_forgotten_and_the_secret_used(peers, tmp_path):
    kept = tmp_path / 'state' / 'credentials' / 'platform'
    kept.parent.mkdir(parents=True)
    kept.write_text('OLD')
    peers.platform.introduced = True  # It issues no other.
    with peers.bridge(tmp_path), RosGraph() as graph:
        assert peers.platform.dialled_with == ['OLD', 'SECRET']
        graph.until(lambda: not kept.exists())


def test_files_go_up_and_down_and_are_listed_and_deleted(peers, tmp_path):
    data = bytes(range(256)) * 1000  # four pieces
    pieces = [data[at:at + 65536] for at in range(0, len(data), 65536)]
    with peers.bridge(tmp_path):
        service = Service(peers)
        ready = service.ask('FILE_REQ', FILE_REQ={
            'filename': 'maps/hall.bin', 'direction': 'upload', 'size': len(data)})
        assert ready['ready'] is True
        for piece in pieces:
            service.tell(FILE_CHUNK={'data': base64.b64encode(piece).decode()})
        done = service.ask('FILE_COMPLETE', FILE_COMPLETE={})
        assert done == {'status': 'ok', 'expected': len(data), 'received': len(data)}
        assert (tmp_path / 'state' / 'files' / 'maps' / 'hall.bin').read_bytes() == data
        tree = service.ask('FILE_LIST', LIST_FILES={})['tree']
        assert tree[0]['children'][0]['size'] == len(data)
        size = service.ask('FILE_REQ', FILE_REQ={
            'filename': 'maps/hall.bin', 'direction': 'download'})['size']
        assert size == len(data)
        came = b''
        while len(came) < size:
            came += base64.b64decode(service.answer('FILE_CHUNK')['data'])
        assert came == data and service.answer('FILE_COMPLETE')['status'] == 'ok'
        assert service.ask('DELETE_ACK', DELETE_FILE={'path': 'maps/hall.bin'})['success']
        assert service.ask('FILE_LIST', LIST_FILES={})['tree'][0]['children'] == []


@pytest.mark.parametrize('path', ['../platform', '/etc/passwd', 'link'])
def test_no_path_leads_out_of_the_folder(peers, tmp_path, path):
    secret = tmp_path / 'secret.txt'
    secret.write_text('keep out')
    with peers.bridge(tmp_path):
        (tmp_path / 'state' / 'files' / 'link').symlink_to(secret)
        service = Service(peers)
        for direction in ('download', 'upload') if path != 'link' else ('download',):
            error = service.ask('error', FILE_REQ={
                'filename': path, 'direction': direction, 'size': 1})
            assert path.lstrip('/') in error['message']
        assert not service.ask('DELETE_ACK', DELETE_FILE={'path': path})['success']
    assert secret.read_text() == 'keep out'


def test_an_upload_that_the_connection_left_half_done_leaves_nothing(peers, tmp_path):
    with peers.bridge(tmp_path), RosGraph() as graph:
        service = Service(peers)
        service.ask('FILE_REQ', FILE_REQ={'filename': 'a', 'direction': 'upload', 'size': 9})
        service.tell(FILE_CHUNK={'data': 'aGVsbG8='})
        assert service.ask('FILE_LIST', LIST_FILES={})['tree'] == []
        peers.run(peers.platform.drop())
        graph.until(lambda: list((tmp_path / 'state' / 'files').iterdir()) == [])


def test_what_the_platform_pushes_is_kept_and_code_is_refused(peers, tmp_path):
    with peers.bridge(tmp_path):
        service = Service(peers)
        service.tell(aiml='<AlwaysSuccess />', custom_aiml={'dock': '<Dock />', '../up': 'x'},
                     custom_maps={'hall': 'x=1'})
        refused = service.ask('CUSTOM_NODE_SYNC_RESULT', custom_node_files={'evil.py': 'x'})
        assert refused['failures'][0]['name'] == 'evil.py' and not refused['registered_tags']
    folder = tmp_path / 'state' / 'files'
    kept = {str(path.relative_to(folder)): path.read_text()
            for path in folder.rglob('*') if path.is_file()}
    assert kept == {'trees/MainTree.xml': '<AlwaysSuccess />', 'trees/dock.xml': '<Dock />',
                    'custom_maps/hall': 'x=1'}


def test_a_joystick_reaches_the_topic_and_is_told_so(peers, tmp_path):
    with peers.bridge(tmp_path), RosGraph() as graph:
        service = Service(peers)
        stick = {'axes': [0.0, 0.5], 'buttons': [1]}
        assert service.ask('TELEOP_ACK', TELEOP=stick) == {'success': False}  # Nobody listens.
        joys: list[Joy] = graph.listen(Joy, '/xparo_bridge/joy')
        graph.until(lambda: service.ask('TELEOP_ACK', TELEOP=stick)['success'])
        graph.until(lambda: joys)
        assert list(joys[0].axes) == [0.0, 0.5, 0.0, 0.0]
        assert list(joys[0].buttons) == [1, 0, 0]


def test_a_joystick_can_be_a_command_and_is_told_if_that_refuses(peers, tmp_path):
    with peers.bridge(tmp_path, commands=COMMANDS, joystick={'command': 'cancel'}):
        service = Service(peers)
        result = service.ask('COMMAND_RESULT', TELEOP={'axes': [1.0]})
        assert result['command'] == 'cancel' and 'axes' in result['output']
        assert service.answer('TELEOP_ACK') == {'success': False}


def test_a_joystick_of_a_link_that_may_not_command_moves_nothing(peers, tmp_path):
    with peers.bridge(tmp_path, routes={'commands': []}), RosGraph() as graph:
        joys: list[Joy] = graph.listen(Joy, '/xparo_bridge/joy')
        graph.until(lambda: graph.node.count_publishers('/xparo_bridge/joy'))
        service = Service(peers)
        assert service.ask('TELEOP_ACK', TELEOP={'axes': [1.0]}) == {'success': False}
        assert not joys


def test_a_shell_reaches_only_commands_of_the_configuration(peers, tmp_path):
    with peers.bridge(tmp_path, commands=COMMANDS):
        service = Service(peers)
        refused = service.ask('COMMAND_RESULT', RUN_COMMAND={
            'robot_id': 'robot_123', 'command': 'rm -rf /', 'request_id': '1'})
        assert not refused['success'] and 'rm -rf /' in refused['output']
        ran = service.ask('COMMAND_RESULT', RUN_COMMAND={
            'robot_id': 'robot_123', 'command': 'cancel', 'request_id': '2'})
        assert ran['request_id'] == '2' and ran['command'] == 'cancel'


def test_a_task_is_refused_with_a_reason_where_it_cannot_run(peers, tmp_path):
    task = {'task_id': 't1', 'tree_xml': '<AlwaysSuccess />'}
    with peers.bridge(tmp_path):
        service = Service(peers)
        unproven = service.ask('TASK_RESULT', RUN_TASK=task)
        assert unproven['stage_mismatch'] and 'development' in unproven['error']
        refused = service.ask('TASK_RESULT', RUN_TASK={**task, 'stage': 'production'})
        assert not refused['success'] and 'engine' in refused['error']


def test_while_the_socket_is_down_everything_goes_by_rest(peers, tmp_path):
    options = {'platform': {'options': {'rest_after': 0.2}}}
    with peers.bridge(tmp_path, commands=COMMANDS, changes=options), RosGraph() as graph:
        peers.platform.socket_down = True
        peers.run(peers.platform.drop())
        peers.platform.waiting = {'RUN_COMMAND': {
            'robot_id': 'robot_123', 'command': 'cancel', 'request_id': '7'}}
        result = peers.until(peers.platform, lambda: next((
            body['COMMAND_RESULT'] for body in peers.platform.posted
            if 'COMMAND_RESULT' in body), None))
        assert result['request_id'] == '7'
        peers.platform.socket_down = False
        peers.until(peers.platform, lambda: peers.platform.connections)
        graph.until(lambda: graph.call(
            Chat, '/xparo_bridge/chat', Chat.Request(message='hi')).reply == 'You said: hi')


def test_the_heart_beats_by_rest(peers, tmp_path):
    with peers.bridge(tmp_path):
        beat = peers.until(peers.platform, lambda: next((
            body['ROBOT_HEARTBEAT'] for body in peers.platform.posted
            if 'ROBOT_HEARTBEAT' in body), None))
        assert beat == {'device_id': 'robot_123'}


def test_the_folder_may_be_another(peers, tmp_path):
    folder: Path = tmp_path / 'elsewhere'
    with peers.bridge(tmp_path, files={'folder': str(folder)}):
        Service(peers).ask('FILE_LIST', maps='a=1', LIST_FILES={})
    assert (folder / 'maps' / 'maps').read_text() == 'a=1'
