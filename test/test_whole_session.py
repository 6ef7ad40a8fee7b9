# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A whole bridge at debug level against a platform that fails in every way, one after the other.

What it tells on ~/status and /diagnostics, what stands in its audit log, and that no secret is in
anything that it printed or wrote.
"""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
import threading
from typing import Any
from urllib.parse import quote

from defusedxml.ElementTree import parse
from diagnostic_msgs.msg import DiagnosticArray
from fixtures.peers import frame, GUID, tcp_server
from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from xparo_interfaces.msg import BridgeStatus

from xparo_bridge.share import share

SECRET = 'hunter2/very+secret key'
TOKEN = 'token-e6b1f0d2c8'
PROXY_PASSWORD = 'proxy-pass-77'
FAILURES = (
    'closes',
    'garbage',
    'portal',
    'server error',
    'bad text',
    'bad json',
    'cut',
    'secret in an error',
    'refused',
)
DEBUG = """
import logging
logging.basicConfig(level=logging.DEBUG)
"""


class WorstPlatform:
    """A platform in a thread of its own that fails anew with each connection, and then is good."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.frames: list[str] = []
        self.port = 0
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> WorstPlatform:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *error: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        async with tcp_server(self._serve) as self.port:
            self._ready.set()
            await self._over.wait()

    async def _serve(self, reader: Any, writer: Any) -> None:
        try:
            head = (await reader.readuntil(b'\r\n\r\n')).decode()
            self.requests.append(head)
            number = len(self.requests) - 1
            failure = FAILURES[number] if number < len(FAILURES) else 'none'
            await self._answer(failure, head, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _answer(self, failure: str, head: str, reader: Any, writer: Any) -> None:
        path = head.split()[1]
        plain = {
            'closes': b'',
            'garbage': b'\xff\x00' * 500 + path.encode(),
            'portal': f'HTTP/1.1 302 Found\r\nLocation: http://portal{path}\r\n\r\n'.encode(),
            'server error': f'HTTP/1.1 500 {path}\r\nContent-Length: 0\r\n\r\n'.encode(),
            'refused': b'HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n',
        }
        if failure in plain:
            writer.write(plain[failure])
            await writer.drain()
            return
        from hashlib import sha1

        key = next(
            line.split(':', 1)[1].strip()
            for line in head.split('\r\n')
            if line.lower().startswith('sec-websocket-key:')
        )
        accept = base64.b64encode(sha1((key + GUID).encode()).digest()).decode()
        writer.write(
            (
                'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: '
                f'Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n'
            ).encode()
        )

        def say(text: str) -> None:
            writer.write(frame(1, text.encode()))

        say(json.dumps({'type': 'REST_API_TOKEN', 'data': {'token': TOKEN}}))
        if failure == 'bad text':
            writer.write(frame(1, b'\xff' + path.encode()))
        elif failure == 'bad json':
            say('{"type": "REST_API_TOKEN", "data": {"token": 5}}')
            say(json.dumps({'type': path}))
            say(json.dumps({'type': TOKEN, 'data': {}}))
            await asyncio.sleep(0.5)
            return
        elif failure == 'secret in an error':
            writer.write(frame(8, (4000).to_bytes(2, 'big') + f'no {SECRET[:40]}'.encode()))
        elif failure == 'cut':
            await reader.read(1)
            return
        else:
            say(
                json.dumps(
                    {
                        'type': 'remote_command',
                        'data': {
                            'command': 'launch_rockets',
                            'command_id': 'c1',
                            'parameters': {'password': 'pw', 'where': SECRET, 'token': TOKEN},
                        },
                    }
                )
            )
        while data := await reader.read(65536):
            self.frames.append(data.hex())


def names_of(graph: RosGraph) -> set[str]:
    """Topics, services and actions that the bridge has in the graph."""
    node = graph.node
    found = {
        name
        for ask in (
            node.get_publisher_names_and_types_by_node,
            node.get_subscriber_names_and_types_by_node,
            node.get_service_names_and_types_by_node,
            node.get_client_names_and_types_by_node,
        )
        for name, _ in ask('xparo_bridge', '/')
    }
    assert '/xparo_bridge/status' in found
    return {name.partition('/_action/')[0] for name in found}


def names_in_policy() -> set[str]:
    """Topics, services and actions that the policy of SROS2 allows."""
    return {
        (element.text or '').replace('~', '/xparo_bridge')
        for element in parse(share('config', 'sros2_policy.xml')).iter()
        if element.tag in ('topic', 'service', 'action')
    }


@pytest.fixture
def session(tmp_path: Path) -> Any:
    """Run the session and yield the platform, the graph, the bridge, and where it wrote."""
    site = tmp_path / 'site'
    site.mkdir()
    (site / 'xparo_debug.pth').write_text('')
    (site / 'usercustomize.py').write_text(DEBUG)
    (site / 'sitecustomize.py').write_text(DEBUG)
    credentials = tmp_path / 'credentials.yaml'
    credentials.write_text(json.dumps({'secret_key': SECRET, 'project_id': 'project'}))
    credentials.chmod(0o600)
    with WorstPlatform() as platform, RosGraph() as graph:
        config = tmp_path / 'robot.yaml'
        config.write_text(f"""
robot_id: r1
state_dir: {tmp_path}/state/r1
links:
  - name: platform
    protocol: xparo
    url: ws://127.0.0.1:{platform.port}/ws
    credentials_file: {credentials}
    failover_urls: []
    backoff: {{initial: 0.05, maximum: 0.1, refused: 0.2}}
    heartbeat: {{interval: 1.0, timeout: 1.0}}
  - name: behind_proxy
    protocol: xparo
    url: wss://platform.example/ws
    credentials_file: {credentials}
    backoff: {{initial: 0.05, maximum: 0.1}}
""")
        import os

        path = os.pathsep.join(filter(None, [str(site), os.environ.get('PYTHONPATH')]))
        with Process.module(
            'xparo_bridge',
            'bridge',
            '--ros-args',
            '--log-level',
            'debug',
            '-p',
            f'config:=[{config}]',
            env={
                'ROS_LOG_DIR': str(tmp_path / 'log'),
                'PYTHONASYNCIODEBUG': '1',
                'PYTHONPATH': path,
                'https_proxy': f'http://robot:{PROXY_PASSWORD}@127.0.0.1:9',
            },
        ) as bridge:
            yield platform, graph, bridge, tmp_path


def test_a_session_of_failures_reports_what_is_wrong_and_never_a_secret(session):
    platform, graph, bridge, folder = session
    statuses = graph.listen(
        BridgeStatus,
        '/xparo_bridge/status',
        QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL),
    )
    diagnostics = graph.listen(DiagnosticArray, '/diagnostics')
    link = {}

    def settled() -> bool:
        for status in statuses:
            link.update({entry.name: entry for entry in status.links})
        return (
            len(platform.requests) > len(FAILURES)
            and 'platform' in link
            and link['platform'].state == 'connected'
            and link['platform'].frames_sent > 0
            and link['platform'].control_queued == 0
        )

    graph.until(settled, 60.0, 'the connection after all failures')
    assert 'refused the credentials' in link['platform'].last_error
    assert 'secret key' in link['platform'].remedy
    assert 'proxy 127.0.0.1:9 cannot be reached' in link['behind_proxy'].last_error
    assert link['platform'].clock_offset != link['platform'].clock_offset  # Unknown: no Date.

    def reported() -> Any:
        return [
            status
            for array in diagnostics
            for status in array.status
            if status.name == 'xparo_bridge: link platform' and status.message == 'connected'
        ]

    graph.until(reported)
    assert names_of(graph) <= names_in_policy()
    values = {value.key: value.value for value in reported()[-1].values}
    assert values['storage'] == 'works'
    assert {
        'queued control',
        'queued history',
        'dropped control',
        'dropped telemetry',
        'last error',
        'remedy',
        'since',
        'clock offset, s',
    } <= values.keys()
    bridge.stop()

    audit = [
        json.loads(line)
        for line in (folder / 'state' / 'r1' / 'audit.jsonl').read_text().splitlines()
    ]
    ordered = next(entry for entry in audit if entry['event'] == 'ordered')
    assert ordered['source'] == 'platform'
    assert ordered['command'] == 'launch_rockets'
    assert ordered['parameters']['password'] == ordered['parameters']['token'] == '***'
    outcome = next(entry for entry in audit if entry['event'] == 'command')
    assert (outcome['command_id'], outcome['state']) == ('c1', 'rejected')

    output = '\n'.join(bridge.lines)
    assert 'DEBUG' in output
    written = {
        path: path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file() and path.name != 'credentials.yaml'
    }
    assert len(written) > 4
    reported = [f'{entry}' for status in statuses for entry in status.links]
    reported += [str(array) for array in diagnostics]
    for word in (
        SECRET,
        quote(SECRET, safe=''),
        quote(SECRET),
        TOKEN,
        PROXY_PASSWORD,
        base64.b64encode(SECRET.encode()).decode(),
        'hunter2',
        'very+secret',
    ):
        assert word not in output
        assert not [text for text in reported if word in text]
        for path, content in written.items():
            assert word.encode() not in content, path
