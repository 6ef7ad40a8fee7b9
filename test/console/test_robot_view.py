# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a robot shown as it is, whichever API it speaks and whatever it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from xparo_bridge.console.robot_view import RobotView
from xparo_bridge.console.tree_runs import end_words
from xparo_bridge.console.wire_page import decoded

MENU = {'commands': {'dock': {'kind': 'dock'}, 'teleop': {'kind': 'teleop'}}}


def view_of(*events: dict[str, Any]) -> RobotView:
    view = RobotView('r1')
    for number, event in enumerate(events):
        view.on_event({'seq': number, 'time': 1.0, 'robot': 'r1', **event})
    return view


def sent(frame: Any) -> dict[str, Any]:
    return {'event': 'sent', 'frame': json.dumps(frame)}


def status(command: str, **data: Any) -> dict[str, Any]:
    said = {'command_id': f'{command}-1', 'command': command, 'state': 'succeeded', **data}
    return {'event': 'received', 'type': 'command_status', 'data': said}


@pytest.mark.parametrize(
    'frame',
    [
        {'type': 'remote_command', 'data': {'command': 'dock', 'command_id': 'dock-1'}},
        {'RUN_COMMAND': {'command': 'dock', 'request_id': 'dock-1', 'timeout': 30}},
    ],
)
def test_an_order_is_open_from_when_it_was_sent_until_it_ends(frame):
    begun = [{'event': 'named'}, status('list_commands', result=MENU), sent(frame)]
    view = view_of(*begun)
    assert [command.state for command in view.shown_commands] == ['sent']
    assert view.activity == 'driving'
    view = view_of(*begun, status('dock'))
    assert [command.state for command in view.shown_commands] == ['succeeded']
    assert view.activity == 'ready'


@pytest.mark.parametrize(
    'frame',
    [
        {'type': 'chat_response', 'data': {'response': 'hello'}},
        {'message': {'bot_response': 'hello'}},
    ],
)
def test_what_is_said_to_a_robot_is_in_the_chat(frame):
    assert [line['text'] for line in view_of(sent(frame)).chat] == ['hello']


@pytest.mark.parametrize(
    'event',
    [
        *map(
            sent,
            (
                5, [], {'type': 5}, {'type': 'remote_command', 'data': 5}, {'message': 5},
                {'type': 'remote_command', 'data': {'command': [1], 'command_id': [1]}},
                {'RUN_COMMAND': []}, {'RUN_COMMAND': {'command': {}, 'request_id': {}}},
            ),
        ),
        status('list_commands', result={'commands': {'a': 5}, 'places': 5, 'place_poses': [1]}),
        status('list_commands', result={'commands': {'a': 5}, 'places': [[]]}),
        status('status', result={'latch': {}}),
    ],
)  # fmt: skip
def test_no_frame_of_any_form_ends_the_view(event):
    view = view_of({'event': 'named'}, event)
    assert view.activity and view.goal is None and view.driving is not None
    assert decoded({'seq': 1, 'time': 1.0, 'robot': 'r1', **event})


def test_who_speaks_by_rest_alone_is_not_connected():
    beat = {'event': 'received', 'type': 'ROBOT_HEARTBEAT', 'data': {'device_id': 'r1'}}
    assert not view_of(beat).connected
    gone = {'event': 'disconnected', 'connected': False}
    assert view_of({'event': 'named'}).connected
    assert not view_of({'event': 'named'}, gone, beat).connected
    # Its new connection came before the old one was closed.
    assert view_of({'event': 'named'}, {**gone, 'connected': True}).connected


def test_a_frame_of_keys_is_called_by_its_keys():
    assert decoded(sent({'RUN_TASK': {}, 'title': ''}))[:2] == ('to the robot', 'RUN_TASK, title')


@pytest.mark.parametrize(
    ('state', 'said'),
    [
        ('rejected', ('The robot refuses this tree.', False)),
        ('failed', ('The tree has failed.', False)),
        ('succeeded', ('The tree has succeeded.', True)),
    ],
)
def test_how_a_tree_ended_is_said_where_no_run_is_reported(state, said):
    assert end_words({'tree_name': 't', 'state': state}) == said
