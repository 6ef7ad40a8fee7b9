# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Are transforms listened to only while a place is being saved, and are places bounded."""

from __future__ import annotations

import pytest
from tf2_msgs.msg import TFMessage

from xparo_bridge.messages import CommandState
from xparo_bridge.robot.commands.kinds import save_place

COMMANDS = {
    'save': {'kind': 'save_place', 'transform_timeout': 60.0},
    'short': {'kind': 'save_place', 'transform_timeout': 0.2},
    'cancel': {'kind': 'cancel'},
}


@pytest.fixture
def at(station):
    """Make a station in a graph that has transforms, of other frames."""
    at = station(COMMANDS)
    at.graph.add_node('other').create_publisher(TFMessage, '/tf', 10)
    at.until(lambda: at.graph.node.count_publishers('/tf'))
    return at


def listening(at) -> int:
    return sum(one.topic_name == '/tf' for one in at.graph.node.subscriptions)


def test_one_that_waits_is_cancelled_and_hears_nothing_more(at):
    first, second = at.send('save', name='here'), at.send('save', name='there')
    at.until(lambda: listening(at) == 1)
    at.end(at.send('cancel', command_id=first.id))
    assert (first.state, first.status.error['code']) == (CommandState.CANCELED, 'canceled')
    assert second.open and listening(at) == 1  # The other still waits.
    at.end(at.send('cancel'))
    assert second.state is CommandState.CANCELED
    assert listening(at) == 0
    assert {'here', 'there'}.isdisjoint(at.router.kinds['save'].robot.places.names)


def test_one_that_waited_for_too_long_hears_nothing_more(at):
    for _ in range(2):
        run = at.send('short', name='here')
        at.until(lambda: listening(at) == 1)
        assert at.end(run).error['code'] == 'no_transform'
        assert listening(at) == 0


def test_there_is_room_for_so_many_places_and_always_to_replace_one(station, monkeypatch):
    monkeypatch.setattr(save_place, '_MAX_PLACES', 3)  # Two are configured.
    at = station(COMMANDS)

    def save(name, **options):
        return at.end(at.send('save', name=name, pose={'x': 1, 'y': 2}, **options))

    assert save('one').state is CommandState.SUCCEEDED
    assert save('two').error['code'] == 'too_many_places'
    assert save('one').error['code'] == 'place_exists'
    assert save('one', replace=True).state is CommandState.SUCCEEDED
    assert save('home', replace=True).state is CommandState.SUCCEEDED
