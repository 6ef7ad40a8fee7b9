# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What happened before a failure is in a recording: real bridge, platform, topics and disk."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from fixtures.ros_graph import RosGraph
from fixtures.system import LINK, SECRET_KEY, system
from link.rest_platform import platform
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import BatteryState
from std_msgs.msg import String
from std_srvs.srv import Trigger

from xparo_bridge.link.bag_upload import check_metadata

make_reader = pytest.importorskip('mcap.reader').make_reader
AnyReader = pytest.importorskip('rosbags.highlevel').AnyReader

TREE = (
    '<root BTCPP_format="4" main_tree_to_execute="t"><BehaviorTree ID="t"><Sequence>'
    '<AlwaysSuccess name="first"/><AlwaysFailure name="second"/></Sequence>'
    '</BehaviorTree></root>'
)
# One that fails: there is no transform.
SAVE = {'save_place': {'kind': 'save_place', 'transform_timeout': 0.2}}


def settings(**own: Any) -> dict[str, Any]:
    """Return what switches the black box on, for tests."""
    triggers = {'quiet': 0.0, **own.pop('triggers', {})}
    return {'enabled': True, 'after': 1.0, 'min_free': 0, 'triggers': triggers, **own}


def recordings(folder: Path) -> Path:
    return folder / 'state' / 'black_box' / 'recordings'


async def recorded(folder: Path, name: str) -> Path:
    """Return the folder of a recording once it is whole."""
    async with asyncio.timeout(30.0):
        while not (recordings(folder) / name).exists():
            await asyncio.sleep(0.05)
    return recordings(folder) / name


def messages(bag: Path) -> dict[str, list[bytes]]:
    """Messages of a recording by topic, as the package mcap reads them."""
    found: dict[str, list[bytes]] = {}
    with (bag / f'{bag.name}.mcap').open('rb') as file:
        for _, channel, message in make_reader(file, validate_crcs=True).iter_messages():
            found.setdefault(channel.topic, []).append(message.data)
    return found


def objects(bag: Path, name: str) -> list[Any]:
    """Objects of one of the black box's own topics."""
    found = messages(bag).get(f'/xparo_bridge/black_box/{name}', [])
    return [json.loads(deserialize_message(data, String).data) for data in found]


async def publish(graph: RosGraph, publisher: Any, sent: list[Any]) -> None:
    """Publish messages once the bridge listens."""
    async with asyncio.timeout(30.0):
        while publisher.get_subscription_count() < 1:
            await asyncio.sleep(0.05)
    for message in sent:
        publisher.publish(message)
        await asyncio.sleep(0.005)


def test_a_failed_command_has_what_came_before_it_in_a_recording(tmp_path: Path) -> None:
    async def scenario() -> None:
        sent = [String(data=f'{number} ' * (number % 50)) for number in range(300)]
        box = settings(topics=['/robot/**', '/held'])
        with RosGraph() as graph:
            latched = graph.node.create_publisher(
                String, '/held', QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
            )
            latched.publish(String(data='the map'))
            said = graph.node.create_publisher(String, '/robot/a/said', 100)
            async with system(tmp_path, black_box=box, commands=SAVE) as parts:
                await publish(graph, said, sent)
                await parts.operator.request('push_tree', name='t', xml=TREE)
                await parts.operator.wait_for(
                    lambda event: (
                        event.get('type') == 'behavior_status'
                        and event['data']['state'] == 'failed'
                    )
                )
                failed = await parts.ended(await parts.send('save_place', name='here'))
                name = failed['error']['recording']
                assert failed['state'] == 'failed' and name.endswith('_command_failed')
                bag = await recorded(tmp_path, name)

                async def listed() -> Any:
                    status = await parts.ended(await parts.send('list_recordings'))
                    return status['result']['recordings']

                async with asyncio.timeout(20.0):
                    while name not in [one['name'] for one in await listed()]:
                        await asyncio.sleep(0.1)
                reported = await parts.operator.wait_for(
                    lambda event: (
                        any(
                            one['name'] == name
                            for one in event.get('data', {})
                            .get('black_box', {})
                            .get('recordings', ())
                        )
                        if isinstance(event.get('data'), dict)
                        else False
                    )
                )
                [about] = reported['data']['black_box']['recordings']
                assert 'save_place failed' in about['reasons'][0]
            found = messages(bag)
            # Each bit of each message, the one held for whoever comes late once.
            assert len(found['/robot/a/said']) == len(sent)
            for message, data in zip(sent, found['/robot/a/said'], strict=True):
                whole = bytes(serialize_message(message))
                # DDS fills up what it sends to four bytes.
                assert data == whole + bytes(-len(whole) % 4)
            [kept] = found['/held']
            assert deserialize_message(kept, String).data == 'the map'
            check_metadata(bag)
            with AnyReader([bag]) as reader:
                by_rosbags: dict[str, list[bytes]] = {}
                for connection, _, data in reader.messages():
                    by_rosbags.setdefault(connection.topic, []).append(bytes(data))
            assert by_rosbags == found
            frames = objects(bag, 'frames')
            assert {'in', 'out'} == {frame['way'] for frame in frames}
            assert any('save_place' in frame['frame'] for frame in frames if frame['way'] == 'in')
            commands = objects(bag, 'commands')
            assert [one['order'] for one in commands if 'order' in one] == ['save_place']
            states = [one['state'] for one in commands if one.get('command') == 'save_place']
            assert states[0] == 'accepted' and states[-1] == 'failed'
            trees = objects(bag, 'trees')
            statuses = [(one['name'], one['status']) for one in trees if 'node' in one]
            assert ('first', 'SUCCESS') in statuses and ('second', 'FAILURE') in statuses
            assert [one['state'] for one in trees if 'state' in one][-1] == 'failed'
            assert [one['event'] for one in objects(bag, 'events')] == ['connected', 'frozen']
            if '/rosout' in found:
                raise AssertionError('only what is configured is recorded')

    asyncio.run(scenario())


def test_a_recording_is_listed_fetched_over_rest_and_opens_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [String(data=f'door {number}') for number in range(50)]

    async def fetched() -> tuple[str, dict[str, bytes]]:
        async with platform() as rest:
            rest.token = 't0ken-0f-the-tests'
            monkeypatch.setitem(LINK, 'rest', {'url': rest.url})
            box = settings(topics=['/doors'])
            with RosGraph() as graph:
                doors = graph.node.create_publisher(String, '/doors', 100)
                async with system(tmp_path, black_box=box, commands=SAVE) as parts:
                    await parts.operator.request('token', token=rest.token)
                    await publish(graph, doors, sent)
                    failed = await parts.ended(await parts.send('save_place', name='here'))
                    name = failed['error']['recording']
                    async with asyncio.timeout(30.0):
                        while True:
                            reported = await parts.ended(await parts.send('list_recordings'))
                            known = {one['name']: one for one in reported['result']['recordings']}
                            if name in known:
                                break
                            await asyncio.sleep(0.1)
                    end = await parts.ended(await parts.send('upload_rosbag', bag=name))
                    assert (end['state'], end['result']['success']) == ('succeeded', True), end
                    took = [body for path, body in rest.took if path == '/api/upload_rosbag/']
                    return name, {body['bag_file'][0]: body['bag_file'][1] for body in took}

    name, files = asyncio.run(fetched())
    assert {f'{name}.mcap', 'metadata.yaml'} <= set(files)
    # What the platform got, and nothing of the robot's disk.
    bag = tmp_path / 'platform' / name
    bag.mkdir(parents=True)
    for file, content in files.items():
        (bag / file).write_bytes(content)
    found = messages(bag)
    said = [deserialize_message(data, String).data for data in found['/doors']]
    assert said == [message.data for message in sent]
    assert any('save_place' in frame['frame'] for frame in objects(bag, 'frames'))
    with AnyReader([bag]) as reader:
        by_rosbags = [
            bytes(data)
            for connection, _, data in reader.messages()
            if connection.topic == '/doors'
        ]
    assert by_rosbags == found['/doors']


def test_stop_a_node_diagnostics_and_a_condition_freeze_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        low = {'topic': 'battery_state', 'field': 'percentage', 'below': 0.1, 'name': 'flat'}
        box = settings(after=0.1, triggers={'conditions': [low]})
        with RosGraph() as graph:
            battery = graph.node.create_publisher(BatteryState, '/battery_state', 10)
            diagnostics = graph.node.create_publisher(DiagnosticArray, '/diagnostics', 10)
            async with system(tmp_path, black_box=box) as parts:
                stopped = await parts.ended(await parts.send('stop'))
                reasons = [await recorded(tmp_path, stopped['result']['recording'])]
                response = graph.call(Trigger, '/xparo_bridge/freeze_recording', Trigger.Request())
                assert response.success
                reasons.append(await recorded(tmp_path, response.message))
                asked = await parts.ended(await parts.send('freeze_recording', reason='look'))
                reasons.append(await recorded(tmp_path, asked['result']['recording']))
                seen = {bag.name for bag in reasons}

                async def another(publisher: Any, message: Any) -> Path:
                    await publish(graph, publisher, [message])
                    async with asyncio.timeout(20.0):
                        while not (
                            new := [
                                one
                                for one in recordings(tmp_path).iterdir()
                                if one.name not in seen and one.suffix != '.partial'
                            ]
                        ):
                            await asyncio.sleep(0.05)
                    seen.add(new[0].name)
                    return new[0]

                error = DiagnosticStatus(level=DiagnosticStatus.ERROR, name='lidar', message='hot')
                reasons.append(await another(diagnostics, DiagnosticArray(status=[error])))
                reasons.append(await another(battery, BatteryState(percentage=0.05)))
            reported = [
                json.loads((bag / 'recording.json').read_text())['reasons'][0] for bag in reasons
            ]
            assert [one['kind'] for one in reported] == [
                'stop',
                'asked',
                'asked',
                'diagnostics',
                'flat',
            ]
            assert reported[2]['text'] == 'look'
            assert reported[3]['text'] == 'lidar: hot'
            assert '0.05' in reported[4]['text']

    asyncio.run(scenario())


def test_a_platform_that_stays_away_freezes_it_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with system(
            tmp_path, black_box=settings(after=0.1, triggers={'link_lost': 1.0})
        ) as parts:
            parts.platform.kill()
            async with asyncio.timeout(30.0):
                while not recordings(tmp_path).exists() or not [
                    one for one in recordings(tmp_path).iterdir() if one.suffix != '.partial'
                ]:
                    await asyncio.sleep(0.05)
            await asyncio.sleep(2.5)  # Long enough for a second one.
            [bag] = recordings(tmp_path).iterdir()
            assert bag.name.endswith('_link_lost')
            assert 'lost' in [one['event'] for one in objects(bag, 'events')]

    asyncio.run(scenario())


def test_a_bridge_that_was_killed_leaves_what_happened_before(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with system(tmp_path, black_box=settings()) as parts:
            command = await parts.send('list_commands')
            await parts.ended(command)
            ring = tmp_path / 'state' / 'black_box' / 'ring'
            ring.mkdir(parents=True, exist_ok=True)
            async with asyncio.timeout(20.0):
                while not any(command.encode() in one.read_bytes() for one in ring.iterdir()):
                    await asyncio.sleep(0.05)
            parts.bridge.kill()
            parts.start_bridge()
            async with asyncio.timeout(30.0):
                while not list(recordings(tmp_path).glob('*_bridge_ended')):
                    await asyncio.sleep(0.05)
        [bag] = recordings(tmp_path).glob('*_bridge_ended')
        assert command in [one.get('command_id') for one in objects(bag, 'commands')]

    asyncio.run(scenario())


def test_no_secret_is_in_any_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        box = settings(topics=['/said', '/rosout'])
        with RosGraph() as graph:
            said = graph.node.create_publisher(String, '/said', 100)
            async with system(tmp_path, black_box=box, commands=SAVE) as parts:
                await publish(graph, said, [String(data=f'the key is {SECRET_KEY}!')])
                await parts.operator.request('chat', text=f'{SECRET_KEY} is the key')
                failed = await parts.ended(
                    await parts.send(
                        'save_place', name='x', api_key='a-key-of-nobody', text=SECRET_KEY
                    )
                )
                assert failed['state'] == 'rejected'
                await parts.ended(await parts.send('save_place', name=f'p {SECRET_KEY}'))
                asked = await parts.ended(await parts.send('freeze_recording', reason=SECRET_KEY))
                bag = await recorded(tmp_path, asked['result']['recording'])
        assert b'the key is ' + b'*' * len(SECRET_KEY) in messages(bag)['/said'][0]
        files = [one for one in (tmp_path / 'state' / 'black_box').rglob('*') if one.is_file()]
        assert len(files) >= 4
        for file in files:
            content = file.read_bytes()
            assert SECRET_KEY.encode() not in content, file
            assert b'a-key-of-nobody' not in content, file
            assert file.stat().st_mode & 0o077 == 0, file

    asyncio.run(scenario())


@pytest.mark.parametrize('fault', ['read-only', 'full', 'a file in its place'])
def test_a_disk_that_does_not_serve_is_said_and_stops_nothing(
    tmp_path: Path, disk: Path, fault: str
) -> None:
    async def scenario() -> None:
        folder = disk / 'box'
        if fault == 'full':
            (disk / 'ballast').write_bytes(b'')
            with pytest.raises(OSError), (disk / 'ballast').open('wb', buffering=0) as ballast:
                while ballast.write(bytes(4096)):
                    pass
        elif fault == 'read-only':
            subprocess.run(['mount', '-o', 'remount,ro', str(disk)], check=True)
        else:
            folder.write_text('')
        with RosGraph() as graph:
            arrays = graph.listen(DiagnosticArray, '/diagnostics')
            async with system(tmp_path, black_box=settings(folder=str(folder))) as parts:

                def reported() -> str:
                    for array in reversed(arrays):
                        for status in array.status:
                            if status.name.endswith(': black box') and status.level != status.OK:
                                return status.message
                    return ''

                graph.until(reported)
                assert 'nothing is recorded: ' in reported()
                listed = await parts.ended(await parts.send('list_commands'))
                assert listed['state'] == 'succeeded'
                asked = await parts.ended(await parts.send('freeze_recording'))
                assert asked['error']['code'] == 'not_recording'
                assert 'nothing is recorded' in asked['error']['message']

    asyncio.run(scenario())


def test_a_bridge_without_it_loads_and_writes_nothing_of_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            asked = await parts.ended(await parts.send('freeze_recording'))
            assert 'black_box.enabled' in asked['error']['message']
            threads = Path(f'/proc/{parts.bridge.pid}/task')
            assert 'recorder' not in {
                (one / 'comm').read_text().strip() for one in threads.iterdir()
            }
        assert not (tmp_path / 'state' / 'black_box').exists()

    asyncio.run(scenario())
    code = (
        'import sys, xparo_bridge.bridge\n'
        "assert not [name for name in sys.modules if name.startswith('xparo_bridge.black_box')]"
    )
    subprocess.run([sys.executable, '-c', code], check=True, env=dict(os.environ), timeout=60)
