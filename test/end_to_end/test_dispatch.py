# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A bridge process and the platform's live service: credential, files, joystick, tasks, REST."""

from __future__ import annotations

import base64
from collections.abc import Iterator
import hashlib
from pathlib import Path
import time
from typing import Any

from fixtures.domains import own_domain
from fixtures.fake_peers import FakePeers
from fixtures.kept_state import in_file
from fixtures.ros_graph import RosGraph
from geometry_msgs.msg import Twist
import pytest
from sensor_msgs.msg import Joy
from xparo_dispatch import FakeXparoDispatch
from xparo_interfaces.srv import Chat

COMMANDS = {'cancel': {'kind': 'cancel'}, 'list_trees': {'kind': 'list_trees'}}


Running = tuple[FakePeers, int, Path]


@pytest.fixture
def peers() -> Iterator[FakePeers]:
    with FakePeers(platform=FakeXparoDispatch()) as peers:
        yield peers
    assert peers.problems == []


def run(folder: Path, **configuration: Any) -> Iterator[Running]:
    with own_domain() as domain, FakePeers(platform=FakeXparoDispatch()) as peers:
        with peers.bridge(folder, domain=domain, commands=COMMANDS, **configuration):
            yield peers, domain, folder
        assert peers.problems == []


@pytest.fixture(scope='module')
def running(tmp_path_factory: Any) -> Iterator[Running]:
    """Run one bridge with the defaults for several tests: the service, ROS domain and folder."""
    yield from run(tmp_path_factory.mktemp('dispatch'))


@pytest.fixture(scope='module')
def configured(tmp_path_factory: Any) -> Iterator[Running]:
    """Run one bridge with everything configured otherwise."""
    folder = tmp_path_factory.mktemp('configured')
    yield from run(
        folder,
        joystick={'command': 'list_trees'},
        files={'folder': str(folder / 'own')},
        changes={'platform': {'options': {'rest_after': 0.2}}},
    )


class Service:
    """What the service says to the robot, and what comes back."""

    def __init__(self, peers: FakePeers) -> None:
        self._peers = peers
        self._seen = len(peers.platform.received)

    def send(self, **keys: Any) -> None:
        self._peers.send(self._peers.platform, keys)

    def answer(self, key: str) -> Any:
        """Next value of a key that was not asked for yet."""

        def found() -> Any:
            for index, body in enumerate(self._peers.platform.received[self._seen :]):
                if key in body:
                    return self._seen + index, body[key]
            return None

        index, value = self._peers.until(self._peers.platform, found)
        self._seen = index + 1
        return value

    def ask(self, key: str, **keys: Any) -> Any:
        self.send(**keys)
        return self.answer(key)


def test_the_issued_credential_is_kept_used_and_given_up_when_it_is_refused(peers, tmp_path):
    state = tmp_path / 'state'

    def is_written() -> bool:
        return any(b'CREDENTIAL' in file.read_bytes() for file in state.glob('state.sqlite*'))

    with peers.bridge(tmp_path), RosGraph() as graph:
        graph.until(is_written)
        assert state.stat().st_mode & 0o777 == 0o700
        assert all(file.stat().st_mode & 0o077 == 0 for file in state.iterdir())
    assert in_file(state, 'SELECT key, value FROM credentials') == [('platform', 'CREDENTIAL')]
    with peers.bridge(tmp_path) as bridge, RosGraph() as graph:
        assert peers.platform.dialled_with == ['SECRET', 'CREDENTIAL']
        peers.platform.credential_good = False
        peers.run(peers.platform.drop())
        peers.until(peers.platform, lambda: peers.platform.connections)
        assert peers.platform.dialled_with[-2:] == ['CREDENTIAL', 'SECRET']
        assert not any('CREDENTIAL' in line or 'SECRET' in line for line in bridge.lines)
    assert in_file(state, 'SELECT key, value FROM credentials') == []


def names(service: Service) -> set[str]:
    """Paths of all files the robot lists."""

    def walk(tree: list[dict[str, Any]]) -> Iterator[str]:
        for item in tree:
            yield from walk(item['children']) if item['type'] == 'folder' else [item['path']]

    return set(walk(service.ask('FILE_LIST', LIST_FILES={})['tree']))


def test_files_go_up_and_down_and_are_listed_and_deleted(running):
    peers, _, folder = running
    service = Service(peers)
    path = 'maps/hall.bin'
    data = bytes(range(256)) * 1000  # four pieces
    ready = service.ask(
        'FILE_REQ', FILE_REQ={'filename': path, 'direction': 'upload', 'size': len(data)}
    )
    assert ready['ready'] is True
    for at in range(0, len(data), 65536):
        service.send(FILE_CHUNK={'data': base64.b64encode(data[at : at + 65536]).decode()})
    done = service.ask('FILE_COMPLETE', FILE_COMPLETE={})
    assert done == {'status': 'ok', 'expected': len(data), 'received': len(data)}
    assert (folder / 'state' / 'files' / path).read_bytes() == data
    assert path in names(service)
    size = service.ask('FILE_REQ', FILE_REQ={'filename': path, 'direction': 'download'})['size']
    assert size == len(data)
    came = b''
    while len(came) < size:
        came += base64.b64decode(service.answer('FILE_CHUNK')['data'])
    assert came == data and service.answer('FILE_COMPLETE')['status'] == 'ok'
    assert service.ask('DELETE_ACK', DELETE_FILE={'path': path})['success']
    assert path not in names(service)


@pytest.mark.parametrize('path', ['../platform', '/etc/passwd', 'link/a'])
def test_no_path_leads_out_of_the_folder(running, path):
    peers, _, folder = running
    outside = folder / 'outside'
    outside.mkdir(exist_ok=True)
    (outside / 'a').write_text('keep out')
    link = folder / 'state' / 'files' / 'link'
    link.symlink_to(outside)
    service = Service(peers)
    for direction in ('download', 'upload'):
        error = service.ask(
            'error', FILE_REQ={'filename': path, 'direction': direction, 'size': 1}
        )
        assert path in error['message'] and str(folder) not in error['message']
    assert not service.ask('DELETE_ACK', DELETE_FILE={'path': path})['success']
    link.unlink()
    assert (outside / 'a').read_text() == 'keep out'


def test_an_upload_that_the_connection_left_half_done_leaves_nothing(running):
    peers, domain, folder = running
    service = Service(peers)
    service.ask('FILE_REQ', FILE_REQ={'filename': 'half/a', 'direction': 'upload', 'size': 9})
    service.send(FILE_CHUNK={'data': 'aGVsbG8='})
    assert 'half/a' not in names(service)
    peers.run(peers.platform.drop())
    with RosGraph(domain=domain) as graph:
        graph.until(lambda: not list((folder / 'state' / 'files' / 'half').iterdir()))
    peers.until(peers.platform, lambda: peers.platform.connections)


def test_what_the_platform_pushes_is_kept_and_code_is_refused(running):
    peers, _, folder = running
    service = Service(peers)
    refused = service.ask('CUSTOM_NODE_SYNC_RESULT', custom_node_files={'evil.py': 'x'})
    assert refused['failures'][0]['name'] == 'evil.py' and not refused['registered_tags']
    service.send(
        aiml='<AlwaysSuccess />',
        custom_maps={'hall': 'x=1', '../up': 'x'},
        custom_aiml={'dock': '<AlwaysFailure />', 'bad': '<NoSuchNode />'},
    )
    assert 'custom_maps/hall' in names(service)
    assert (folder / 'state' / 'files' / 'custom_maps' / 'hall').read_text() == 'x=1'
    trees, asked, give_up = '', 0, time.monotonic() + 10.0
    while not ('"MainTree"' in trees and '"dock"' in trees):  # Checked beside what answers.
        assert time.monotonic() < give_up, trees
        asked += 1
        trees = service.ask(
            'COMMAND_RESULT',
            RUN_COMMAND={
                'robot_id': 'robot_123',
                'command': 'list_trees',
                'request_id': f'list {asked}',
            },
        )['output']
    assert '"bad"' not in trees
    assert not [path for path in folder.rglob('*') if path.name in ('up', 'evil.py')]


def test_an_upload_may_come_without_its_size(running):
    service = Service(running[0])
    assert service.ask('FILE_REQ', FILE_REQ={'filename': 'n', 'direction': 'upload'})['ready']
    service.send(FILE_CHUNK={'data': base64.b64encode(b'1234567').decode()})
    done = service.ask('FILE_COMPLETE', FILE_COMPLETE={})
    assert done == {'status': 'ok', 'expected': 0, 'received': 7}
    assert (running[2] / 'state' / 'files' / 'n').read_bytes() == b'1234567'


def test_a_piece_that_cannot_be_read_ends_the_upload(running):
    service = Service(running[0])
    assert service.ask('FILE_REQ', FILE_REQ={'filename': 'broken', 'direction': 'upload'})
    assert 'not base64' in service.ask('error', FILE_CHUNK={'data': '!'})['message']
    assert 'broken' not in names(service)


def test_both_sides_compare_and_exchange_what_both_may_change(running):
    service = Service(running[0])
    service.send(custom_maps={'both': 'x=1  \r\ny=2\r\n\r\n'}, local_env='goal=5')
    service.send(custom_aiml={'both': '<AlwaysSuccess />'})
    state = service.ask('LOCAL_FILE_STATE', sync_local_database={})
    assert state['custom_maps']['both'] == {
        'content_hash': hashlib.sha256(b'x=1\ny=2\n').hexdigest()
    }
    assert state['custom_aiml']['both'] == {
        'content_hash': hashlib.sha256(b'<AlwaysSuccess />\n').hexdigest()
    }
    content = service.ask(
        'LOCAL_FILE_CONTENT',
        REQUEST_LOCAL_FILE_CONTENT={
            'custom_maps': ['both', 'absent', '../../secrets.yaml'],
            'custom_aiml': ['both'],
            'custom_node_files': ['evil'],
        },
    )
    assert content == {
        'device_id': 'robot_123',
        'custom_node_files': {},
        'custom_aiml': {'both': '<AlwaysSuccess />'},
        'custom_maps': {'both': 'x=1  \r\ny=2\r\n\r\n'},
    }
    maps = service.ask('ADD_robots_maps', get_initial_local_env_data=True)
    assert maps == {'device_id': 'robot_123', 'maps': 'goal=5'}


def test_twenty_thousand_files_at_once_hold_up_nothing(peers, tmp_path):
    with peers.bridge(tmp_path, commands=COMMANDS, files={'max_entries': 500}) as bridge:
        service = Service(peers)
        service.send(custom_maps={f'map_{number}': '' for number in range(20_000)})
        worst = 0.0
        for number in range(10):
            began = time.monotonic()
            service.ask('COMMAND_RESULT', RUN_COMMAND={'command': 'cancel', 'request_id': number})
            worst = max(worst, time.monotonic() - began)
        # All of the frame is read and handed over in between; a second is for a busy machine.
        assert worst < 1.0, worst
        bridge.wait_for_line('files in all were not kept')
        # The folder, and as many files as may be.
        assert len(list((tmp_path / 'state' / 'files').rglob('*'))) == 500


def test_a_joystick_reaches_the_topic_and_is_told_so(running):
    peers, domain, _ = running
    service = Service(peers)
    stick = {'axes': [0.0, 0.5], 'buttons': [1]}
    assert service.ask('TELEOP_ACK', TELEOP=stick) == {'success': False}  # Nobody listens.
    with RosGraph(domain=domain) as graph:
        joys: list[Joy] = graph.listen(Joy, '/xparo_bridge/joy')
        graph.until(lambda: service.ask('TELEOP_ACK', TELEOP=stick)['success'])
        graph.until(lambda: joys)
        assert list(joys[0].axes) == [0.0, 0.5, 0.0, 0.0]
        assert list(joys[0].buttons) == [1, 0, 0]


def test_a_joystick_can_be_a_command_and_is_told_only_whether_that_takes_it(configured):
    peers, _, _ = configured
    service = Service(peers)
    assert service.ask('TELEOP_ACK', TELEOP={'axes': [1.0]}) == {'success': False}
    assert not [body for body in peers.platform.received if 'COMMAND_RESULT' in body]


def test_a_joystick_drives_by_a_command_of_kind_teleop(peers, tmp_path):
    commands = {'drive': {'kind': 'teleop', 'max_linear': 0.5, 'linear_acceleration': 100.0}}
    with (
        peers.bridge(tmp_path, commands=commands, joystick={'command': 'drive'}),
        RosGraph() as graph,
    ):
        velocities: list[Twist] = graph.listen(Twist, '/cmd_vel')
        graph.until(lambda: graph.node.count_publishers('/cmd_vel'))
        service = Service(peers)
        assert service.ask('TELEOP_ACK', TELEOP={'axes': [0.0, 1.0]})['success']
        graph.until(lambda: any(velocity.linear.x == 0.5 for velocity in velocities))
        # Nothing more comes, so it stops by itself.
        graph.until(lambda: velocities[-1].linear.x == 0.0)


def test_a_link_that_may_not_command_moves_nothing_and_runs_nothing(peers, tmp_path):
    with peers.bridge(tmp_path, commands=COMMANDS, routes={'commands': []}), RosGraph() as graph:
        joys: list[Joy] = graph.listen(Joy, '/xparo_bridge/joy')
        graph.until(lambda: graph.node.count_publishers('/xparo_bridge/joy'))
        service = Service(peers)
        assert service.ask('TELEOP_ACK', TELEOP={'axes': [1.0]}) == {'success': False}
        ran = service.ask(
            'COMMAND_RESULT',
            RUN_COMMAND={'robot_id': 'robot_123', 'command': 'cancel', 'request_id': '1'},
        )
        task = service.ask(
            'TASK_RESULT',
            RUN_TASK={'task_id': 't', 'tree_xml': '<AlwaysSuccess />', 'stage': 'production'},
        )
        assert 'may not' in ran['output'] and 'may not' in task['error']
        assert not joys
        for request in ({'direction': 'upload', 'size': 1}, {'direction': 'download'}):
            refused = service.ask('error', FILE_REQ={'filename': 'a', **request})
            assert 'may not' in refused['message']
        assert 'may not' in service.ask('error', LIST_FILES={})['message']
        assert not service.ask('DELETE_ACK', DELETE_FILE={'path': 'a'})['success']
        service.send(maps='a=1', custom_maps={'hall': 'x=1'})
        service.ask('error', LIST_FILES={})
        assert not list((tmp_path / 'state' / 'files').rglob('*'))


def test_a_shell_reaches_only_commands_of_the_configuration(running):
    service = Service(running[0])
    refused = service.ask(
        'COMMAND_RESULT',
        RUN_COMMAND={'robot_id': 'robot_123', 'command': 'rm -rf /', 'request_id': '1'},
    )
    assert not refused['success'] and 'rm -rf /' in refused['output']
    ran = service.ask(
        'COMMAND_RESULT',
        RUN_COMMAND={'robot_id': 'robot_123', 'command': 'cancel', 'request_id': '2'},
    )
    assert ran['request_id'] == '2' and ran['command'] == 'cancel'


def test_a_task_runs_its_tree_and_reports_each_node_and_its_end(running):
    service = Service(running[0])
    task = {
        'task_id': 't1',
        'stage': 'production',
        'save_task_history': True,
        'blackboard': {'goal': 'table_4'},
    }
    update = service.ask(
        'ADD_live_update_bt',
        RUN_TASK={
            **task,
            'tree_xml': '<Delay delay_msec="50"><AlwaysSuccess name="done"/></Delay>',
        },
    )
    assert update['uid'] and update['node_type']
    result = service.answer('TASK_RESULT')
    assert result['success'] and result['duration_s'] >= 0.05, result
    history = service.answer('ADD_Task_history_database')
    assert history['input_data'] == {'task_id': 't1', 'blackboard': {'goal': 'table_4'}}
    assert history['output_data']['success'] is True and history['type'] == 'bt_task'
    assert history['output_data']['duration_s'] == result['duration_s']
    failed = service.ask('TASK_RESULT', RUN_TASK={**task, 'tree_xml': '<AlwaysFailure/>'})
    assert not failed['success'] and failed['error']


@pytest.mark.parametrize(
    ('tree', 'ends', 'success'),
    [
        ('<AlwaysSuccess/>', ['SUCCESS'], True),
        ('<AlwaysFailure/>', ['FAILURE'], False),
        (
            '<Fallback><AlwaysFailure/><Delay delay_msec="50"><AlwaysSuccess/></Delay></Fallback>',
            ['FAILURE', 'SUCCESS', 'SUCCESS', 'SUCCESS'],
            True,
        ),
    ],
)
def test_each_node_is_reported_to_its_end_before_the_task_is(running, tree, ends, success):
    peers = running[0]
    service = Service(peers)
    seen = len(peers.platform.received)
    result = service.ask(
        'TASK_RESULT', RUN_TASK={'task_id': 9, 'stage': 'production', 'tree_xml': tree}
    )
    assert result['task_id'] == 9 and result['success'] is success
    reported = peers.platform.received[seen:]
    before = reported[: next(i for i, body in enumerate(reported) if 'TASK_RESULT' in body)]
    updates = [body['ADD_live_update_bt'] for body in before if 'ADD_live_update_bt' in body]
    assert [
        update['curr'] for update in updates if update['curr'] in ('SUCCESS', 'FAILURE')
    ] == ends
    assert all(update['prev'] != update['curr'] for update in updates)


def test_a_log_session_is_asked_for_once_the_robot_is_known(running):
    peers = running[0]
    posted = peers.until(
        peers.platform,
        lambda: [
            body['ADD_Logs_history_database']
            for body in peers.platform.posted
            if 'ADD_Logs_history_database' in body
        ],
    )
    assert posted[0]['extra_info']['event'] == 'session_start'
    # The session that it named has what the robot logs from then on.
    assert (
        peers.until(
            peers.platform,
            lambda: [
                body['UPDATE_Logs_history_database']['id']
                for body in peers.platform.posted
                if 'UPDATE_Logs_history_database' in body
            ],
        )[0]
        == '17'
    )
    info = next(
        body['ADD_robots_info'] for body in peers.platform.received if 'ADD_robots_info' in body
    )
    for key in ('os_name', 'os_version', 'os_release', 'mac_address', 'ip_address', 'ip_source'):
        assert isinstance(info[key], str) and info[key], key
    for key in ('total_memory', 'available_memory', 'total_disk', 'used_disk', 'free_disk'):
        assert info[key].endswith(' GB'), key
    for key in ('cpu_model', 'cpu_count', 'width', 'height', 'locations', 'public_ip', 'data'):
        assert key in info


def test_a_task_that_is_not_proven_or_cannot_be_read_is_refused_with_a_reason(running):
    service = Service(running[0])
    task = {'task_id': 't1', 'tree_xml': '<NoSuchNode />'}
    unproven = service.ask('TASK_RESULT', RUN_TASK=task)
    assert unproven['stage_mismatch'] and 'development' in unproven['error']
    refused = service.ask('TASK_RESULT', RUN_TASK={**task, 'stage': 'production'})
    assert not refused['success'] and 'NoSuchNode' in refused['error']


def test_while_the_socket_is_down_everything_goes_by_rest(configured):
    peers, domain, _ = configured

    def posted(key: str) -> Any:
        return peers.until(
            peers.platform,
            lambda: next((body[key] for body in peers.platform.posted if key in body), None),
        )

    assert posted('ROBOT_HEARTBEAT') == {'device_id': 'robot_123'}
    peers.platform.socket_down = True
    peers.run(peers.platform.drop())
    peers.platform.waiting = {
        'RUN_COMMAND': {'robot_id': 'robot_123', 'command': 'cancel', 'request_id': '7'}
    }
    assert posted('COMMAND_RESULT')['request_id'] == '7'
    peers.platform.socket_down = False
    peers.until(peers.platform, lambda: peers.platform.connections)
    with RosGraph(domain=domain) as graph:
        graph.until(
            lambda: (
                graph.call(Chat, '/xparo_bridge/chat', Chat.Request(message='hi')).reply
                == 'You said: hi'
            )
        )


def test_the_folder_may_be_another(configured):
    peers, _, folder = configured
    Service(peers).ask('FILE_LIST', maps='a=1', LIST_FILES={})
    assert (folder / 'own' / 'maps' / 'maps').read_text() == 'a=1'
