# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is the local platform as strict as the document it follows."""

import json

import pytest

from xparo_bridge.local.platform_frames import FrameRefused, make, parse

STATUS = {'command_id': 'c1', 'command': 'go', 'state': 'running'}


def tree(**data) -> str:
    said = {'tree_name': 'T', 'state': 'running', **data}
    return json.dumps({'type': 'behavior_status', 'data': said})


@pytest.mark.parametrize(
    'message',
    [
        {'type': 'chat', 'data': {'message': 'Hello robot', 'robot_id': 'robot_123'}},
        {'type': 'chat', 'data': {'message': 'Hello robot'}},
        {'type': 'telemetry', 'data': {'cpu_usage': 42, 'memory_usage': 63, 'disk_usage': 31}},
        {'type': 'telemetry', 'data': {'pose': {'x': 1.0}}},
        {'type': 'command_status', 'data': {**STATUS, 'progress': {'distance_remaining': 1.0}}},
        {'type': 'behavior_status', 'data': {'tree_name': 'T', 'state': 'RUNNING', 'nodes': []}},
        {'type': 'robot_info', 'data': {'robot_id': 'r', 'os': 'Linux'}},
    ],
)
def test_what_the_document_allows_is_taken(message):
    assert parse(json.dumps(message)) == (message['type'], message['data'])


def test_a_pong_has_no_data():
    assert parse('{"type": "pong"}') == ('pong', {})
    with pytest.raises(FrameRefused, match='pong has no data'):
        parse('{"type": "pong", "data": {}}')


@pytest.mark.parametrize(
    ('frame', 'problem'),
    [
        (b'{"type": "pong"}', 'binary'),
        ('{', 'not JSON'),
        ('[' * 100_000, 'not JSON'),
        ('[]', 'not a JSON object'),
        ('{"type": "telemetry", "data": {"x": NaN}}', 'NaN'),
        ('{"type": "chat", "type": "chat", "data": {"message": ""}}', 'twice'),
        ('{"data": {}}', 'type is None'),
        ('{"type": ["chat"], "data": {}}', 'type is'),
        ('{"type": "ping"}', "type is 'ping'"),
        ('{"type": "chat", "data": {"message": "m"}, "id": 1}', 'beside type and data'),
        ('{"type": "chat"}', 'data is not an object'),
        ('{"type": "chat", "data": {}}', 'message'),
        ('{"type": "chat", "data": {"message": 1}}', 'message is no string'),
        ('{"type": "chat", "data": {"message": "m", "mood": "good"}}', 'mood'),
        ('{"type": "telemetry", "data": {}}', 'no values'),
        ('{"type": "telemetry", "data": {"cpu_usage": "42"}}', 'cpu_usage'),
        ('{"type": "telemetry", "data": {"cpu_usage": 420}}', 'percentage'),
        (json.dumps({'type': 'command_status', 'data': {**STATUS, 'state': 'done'}}), 'done'),
        (json.dumps({'type': 'command_status', 'data': {**STATUS, 'error': 'no'}}), 'no object'),
        (
            json.dumps({'type': 'command_status', 'data': {**STATUS, 'error': {'code': [1]}}}),
            'error: code is no string',
        ),
        (tree(structure=[5]), 'structure has an item that is no object'),
        (tree(nodes=[{'status': 'IDLE'}]), 'nodes has a node without a uid'),
        (tree(nodes=[{'uid': True}]), 'nodes has a node without a uid'),
        (tree(structure=[{'uid': 1, 'name': 5}]), 'structure: name is no string'),
        (tree(errors=[{'path': {}}]), 'errors: path is no string'),
        ('{"type": "robot_info", "data": {"os": "Linux"}}', 'robot_id'),
    ],
)
def test_what_it_does_not_allow_is_refused_with_the_reason(frame, problem):
    with pytest.raises(FrameRefused, match=problem):
        parse(frame)


def test_frames_to_robots_have_the_documents_form():
    assert json.loads(make('ping')) == {'type': 'ping'}
    assert json.loads(make('chat_response', {'response': 'Hi'})) == {
        'type': 'chat_response',
        'data': {'response': 'Hi'},
    }
