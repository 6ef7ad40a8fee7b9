# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The launch files start what they say, where ROS's launch is installed."""

from __future__ import annotations

from argparse import Namespace
import asyncio
import os
from pathlib import Path
import signal
import sys
import threading

from builtin_interfaces.msg import Time
from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
from fixtures.system import CREDENTIALS, PROJECT_ID, SECRET_KEY, start_platform
from geometry_msgs.msg import TransformStamped
import pytest
from sensor_msgs.msg import BatteryState
from tf2_msgs.msg import TFMessage

from xparo_bridge.local.platform_client import OperatorClient

pytest.importorskip('ros2launch', reason='ros2launch is not installed (it is not on PyPI)')

FILES = sorted(Path(__file__).parents[1].glob('launch/*.launch.py'))
ROS2 = [sys.executable, '-c', 'import sys; from ros2cli.cli import main; sys.exit(main())']


def launch(file: str, *arguments: str) -> Process:
    return Process([*ROS2, 'launch', 'xparo_bridge', file, *arguments], env=CREDENTIALS)


def bridge(folder: Path, *arguments: str, port: int = 9) -> Process:
    """Launch the bridge with a link to a port of this machine; 9 is nobody's."""
    file = folder / 'robot.yaml'
    file.write_text(
        f'links: [{{name: platform, protocol: xparo, url: "ws://127.0.0.1:{port}/ws/chatbot"}}]\n'
        'telemetry: {period: 0.2}\n'
    )
    return launch('bridge.launch.py', f'config:={file}', *arguments)


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.name)
def test_a_launch_file_reports_its_arguments(file):
    with launch(file.name, '--show-args') as shown:
        assert shown.wait() == 0
        shown.wait_for_line('Arguments')


def test_completion_offers_each_launch_file():
    from ros2launch.api import LaunchFileNameCompleter

    offered = LaunchFileNameCompleter()('', Namespace(package_name='xparo_bridge'))
    assert {file.name for file in FILES} <= set(offered)


def test_a_file_is_found_below_the_home_of_the_user(tmp_path):
    (tmp_path / 'robot.yaml').write_text(
        'links: [{name: platform, protocol: xparo, url: "ws://127.0.0.1:9/ws/chatbot"}]\n'
    )
    command = [*ROS2, 'launch', 'xparo_bridge', 'bridge.launch.py', 'config:=~/robot.yaml']
    with Process(command, env={**CREDENTIALS, 'HOME': str(tmp_path)}) as process:
        process.wait_for_line(f'configured by .*{tmp_path}/robot.yaml')
        end(process)


def test_the_demo_starts_and_ends_three_programs():
    with launch('demo.launch.py', 'speed:=4.0') as demo:
        demo.wait_for_line('platform: connected')
        demo.wait_for_line(r'simulated_robot.*ready')
        end(demo)
        demo.wait_for_line('bridge.*finished cleanly')


def test_a_fleet_starts_a_bridge_for_each_robot():
    with launch('fleet.launch.py') as fleet:
        fleet.wait_for_line(r'\[robot_1\.xparo_bridge\]: platform: connecting')
        fleet.wait_for_line(r'\[robot_2\.xparo_bridge\]: platform: connecting')
        end(fleet)


def end(process: Process) -> None:
    process.send_signal(signal.SIGINT)
    process.wait()
    assert not [line for line in process.lines if 'process has died' in line]


@pytest.mark.parametrize('name', ['7', '08', '1e3', 'on', 'y', '1:30', 'a b', 'r"7', 'größe'])
def test_the_name_of_a_robot_is_text_whatever_yaml_would_read(tmp_path, name):
    platform, port = start_platform()
    with platform, bridge(tmp_path, f'robot_id:={name}', port=port) as process:
        process.wait_for_line('platform: connected')
        assert asyncio.run(robots(port)) == [name]
        end(process)


async def robots(port: int) -> list[str]:
    async with await OperatorClient.connect(
        port=port, secret_key=SECRET_KEY, project_id=PROJECT_ID, since=0
    ) as operator:
        event = await operator.wait_for(lambda event: event.get('type') == 'robot_info')
        return [event['data']['robot_id']]


def transforms(x: float, stamp: Time) -> TFMessage:
    transform = TransformStamped(child_frame_id='base_link')
    transform.header.stamp = stamp
    transform.header.frame_id = 'map'
    transform.transform.translation.x = x
    transform.transform.rotation.w = 1.0
    return TFMessage(transforms=[transform])


@pytest.mark.parametrize(
    ('arguments', 'node', 'own_tf'),
    [
        (['namespace:=r1'], '/r1/xparo_bridge', True),
        (['namespace:=/fleet/r1'], '/fleet/r1/xparo_bridge', True),
        (['namespace:=r1', 'namespaced_tf:=False'], '/r1/xparo_bridge', False),
        ([], '/xparo_bridge', False),
    ],
)
def test_a_bridge_hears_the_robot_of_its_own_namespace(tmp_path, arguments, node, own_tf):
    """Its battery, its transforms; another robot's are in the root namespace."""
    namespace = node.rpartition('/')[0]
    platform, port = start_platform()
    with platform, RosGraph() as graph, bridge(tmp_path, *arguments, port=port) as process:
        for space, at in {'': 1.0, namespace: 2.0}.items():
            battery = graph.node.create_publisher(BatteryState, f'{space}/battery_state', 1)
            tf = graph.node.create_publisher(TFMessage, f'{space}/tf', 1)

            def publish(battery=battery, tf=tf, at=at):
                battery.publish(BatteryState(percentage=at / 10))
                tf.publish(transforms(at, graph.node.get_clock().now().to_msg()))

            graph.node.create_timer(0.05, publish)
        values: dict[str, object] = {}

        async def listen() -> None:
            async with await OperatorClient.connect(
                port=port, secret_key=SECRET_KEY, project_id=PROJECT_ID, since=0
            ) as operator:
                async for event in operator.events():
                    if event.get('type') == 'telemetry':
                        values.update(event['data'])
                    if {'battery_percentage', 'pose'} <= values.keys():
                        break

        listener = threading.Thread(target=asyncio.run, args=(listen(),))
        listener.start()
        graph.until(lambda: not listener.is_alive(), timeout=60.0)
        assert ('xparo_bridge', namespace or '/') in graph.node.get_node_names_and_namespaces()
        assert values['battery_percentage'] == 20.0
        assert values['pose']['x'] == (2.0 if own_tf or not namespace else 1.0)
        end(process)


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['defaults:=false'], 'give a file by config:=FILE'),
        (['use_sim_time:=yes'], "use_sim_time: expected true or false, not 'yes'"),
        (['respawn:=maybe'], "respawn: expected true or false, not 'maybe'"),
        (['config:=none.yaml'], "none.yaml: a name without a folder is one of the package's"),
        (['log_level:=nonsense'], 'ROS does not take its arguments'),
        (['namespace:=robot-1'], 'Invalid namespace'),
    ],
)
def test_what_cannot_start_is_said_and_not_tried_again(arguments, said):
    with launch('bridge.launch.py', *arguments) as process:
        process.wait()
        process.wait_for_line(said)
        assert len([line for line in process.lines if 'process started' in line]) <= 1


def test_a_bridge_that_dies_is_started_again_and_one_with_a_wrong_configuration_is_not(tmp_path):
    with bridge(tmp_path) as process:
        pid = int(process.wait_for_line(r'process started with pid \[(\d+)\]')[1])
        process.wait_for_line('nothing listens')
        (tmp_path / 'robot.yaml').write_text('nonsense: 1\n')
        os.kill(pid, signal.SIGKILL)
        process.wait_for_line(r'robot\.yaml:1: nonsense: no such key')
        process.wait()
        assert len([line for line in process.lines if 'process started' in line]) == 2
