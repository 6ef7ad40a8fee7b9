# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does what an operator did become a scenario that can be read and played."""

from __future__ import annotations

import json
import signal
from typing import Any

from fixtures.processes import Process
from fixtures.system import CREDENTIALS, start_platform
import yaml

from xparo_bridge.scenarios.recorder import Recorder
from xparo_bridge.scenarios.scenario import load_scenario


def sent(at: float, kind: str, **data: Any) -> dict[str, Any]:
    frame = json.dumps({'type': kind, 'data': data})
    return {'event': 'sent', 'time': at, 'robot': 'r', 'frame': frame}


def received(at: float, kind: str, **data: Any) -> dict[str, Any]:
    return {'event': 'received', 'time': at, 'robot': 'r', 'type': kind, 'data': data}


def order(at: float, command: str, number: str, **parameters: Any) -> dict[str, Any]:
    return sent(at, 'remote_command', command=command, parameters=parameters, command_id=number)


def ended(at: float, number: str, state: str = 'succeeded') -> dict[str, Any]:
    return received(at, 'command_status', command_id=number, command='x', state=state)


def record(*events: dict[str, Any]) -> tuple[Recorder, dict[str, Any]]:
    recorder = Recorder()
    for event in events:
        recorder.on_event(event)
    return recorder, yaml.safe_load(recorder.scenario('Recorded.'))


def test_commands_become_steps_with_their_waits_and_ends():
    _, scenario = record(
        received(99.0, 'telemetry', pose={'x': 1.0, 'y': 4.0, 'yaw': 0.0}, battery_percentage=80),
        order(100.0, 'start_navigation', 'c1', goal='table_4'),
        received(101.0, 'command_status', command_id='c1', command='x', state='running'),
        order(103.0, 'say', 'c2', text='hello', robot='no'),
        ended(103.1, 'c2'),
        ended(110.0, 'c1', 'failed'),
        received(111.0, 'telemetry', pose={'x': 7.0, 'y': 2.6, 'yaw': 0.0}),
    )
    assert scenario['given'] == {'robot': {'x': 1.0, 'y': 4.0, 'yaw': 0.0, 'battery': 80}}
    assert scenario['steps'] == [
        {'send': {'command': 'start_navigation', 'as': 'start_navigation_1', 'goal': 'table_4'}},
        {'wait': '3.0 s'},
        {
            'send': {
                'command': 'say',
                'as': 'say_2',
                'parameters': {'text': 'hello', 'robot': 'no'},
            }
        },
        {'expect': {'status': 'succeeded', 'of': 'say_2', 'within': '5 s'}},
        {'expect': {'status': 'failed', 'of': 'start_navigation_1', 'within': '20 s'}},
    ]
    assert scenario['then'] == [{'pose': {'x': 7.0, 'y': 2.6, 'within': '0.5 m'}}]


def test_driving_by_hand_becomes_a_recording_and_can_be_read(tmp_path):
    events = [order(100.0 + 0.1 * n, 'teleop', f't{n}', linear=0.3) for n in range(20)]
    recorder, scenario = record(
        *events,
        order(110.0, 'status', 'c1'),
        sent(112.0, 'chat_response', response='Good evening'),
        sent(113.0, 'behavior_update', tree_name='a/b', xml='<root/>'),
        received(114.0, 'chat', message='hi'),
        sent(114.1, 'chat_response', response='What the platform says by itself'),
        {'event': 'sent', 'time': 115.0, 'robot': 'r', 'frame': 'no JSON'},
        {'event': 'connected', 'time': 116.0, 'robot': 'r'},
    )
    assert [next(iter(step)) for step in scenario['steps']] == [
        'teleop',
        'wait',
        'send',
        'wait',
        'chat',
        'wait',
        'push_tree',
    ]
    assert recorder.files['a_b.xml'] == '<root/>'
    for name, text in recorder.files.items():
        (tmp_path / name).write_text(text)
    file = tmp_path / 'recorded.yaml'
    file.write_text(recorder.scenario('Recorded.'))
    assert len(load_scenario(file).steps[0].moves) == 20


def test_it_watches_a_platform_until_it_is_told_to_end(tmp_path):
    platform, port = start_platform()
    file = tmp_path / 'new' / 'go.yaml'
    with (
        platform,
        Process.module(
            'xparo_bridge', 'scenario', 'record', str(file), '--port', str(port), env=CREDENTIALS
        ) as process,
    ):
        process.wait_for_line('recording')
        process.send_signal(signal.SIGINT)
        assert process.wait() == 1
        process.wait_for_line('nothing was done')


def test_without_a_platform_it_says_so(tmp_path):
    with Process.module(
        'xparo_bridge', 'scenario', 'record', str(tmp_path / 'x.yaml'), '--port', '1'
    ) as process:
        assert process.wait() == 1
        process.wait_for_line('no platform at 127.0.0.1:1')
