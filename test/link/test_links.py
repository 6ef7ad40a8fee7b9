# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a link takes, shows and leaves, and how the thread of all links begins and ends."""

from __future__ import annotations

import threading
from typing import Any

from fixtures.robot_side import adapter, Robot
import pytest

from xparo_bridge.crossing import Crossing
from xparo_bridge.faults import FAULTS
from xparo_bridge.link import links
from xparo_bridge.link.links import Link, LinkThread, unencrypted
from xparo_bridge.link.rest import RestClient
from xparo_bridge.link.rest_service import RestService
from xparo_bridge.messages import CancelUpload, LogUpdate, RobotInfo, UploadBag
from xparo_bridge.state import Queue


def made(name: str = 'platform', rest: RestService | None = None) -> Link:
    robot = Robot(1)
    return Link(name, robot.endpoints.current, robot.lanes, robot.connection, rest)


def test_a_link_carries_what_its_protocol_does_and_what_goes_by_rest_beside_it():
    socket = adapter('ws://127.0.0.1/').capabilities
    assert made().carries == socket
    queue = Queue(None, 'log_updates', 'platform', 1000)
    rest = RestService(RestClient('https://h.example'), queue, RobotInfo({}), print)
    assert made(rest=rest).carries == socket | {LogUpdate, UploadBag, CancelUpload}


@pytest.mark.parametrize(
    ('url', 'shown'),
    [
        ('wss://platform.example/ws', False),
        ('ws://platform.example/ws', True),
        ('ws://10.0.0.5:8000/ws', True),
        ('ws://127.0.0.1:8000/ws', False),
        ('ws://localhost/ws', False),
        ('ws://[::1]:8000/ws', False),
    ],
)
def test_an_address_is_called_unencrypted_where_it_leaves_this_machine_so(url, shown):
    safe = 'wss://other.example/ws'
    assert unencrypted({'url': url, 'failover_urls': [safe]}) == [url] * shown
    assert unencrypted({'url': safe, 'failover_urls': [url]}) == [url] * shown


def test_what_is_sent_as_soon_as_the_thread_was_started_is_taken(monkeypatch):
    """However long its loop takes to come up."""
    going_on = threading.Event()

    def slow() -> Any:
        going_on.wait(0.2)
        return executor()

    executor = links.DaemonExecutor
    monkeypatch.setattr(links, 'DaemonExecutor', slow)
    crossing = Crossing(lambda: None)
    thread = LinkThread([made()], crossing)
    put: list[Any] = []
    taken = threading.Event()
    monkeypatch.setattr(thread, '_put', lambda name, message: (put.append(message), taken.set()))
    thread.start()
    try:
        assert thread._running.is_set()
        crossing.send('platform', LogUpdate('s', ['first']))
        assert taken.wait(10.0)
        assert put == [LogUpdate('s', ['first'])]
    finally:
        thread.stop()


def test_lanes_that_cannot_be_closed_keep_no_others_from_it_and_are_no_fault_of_the_thread():
    both = [made('a'), made('b')]
    closed: list[str] = []

    def fail() -> None:
        closed.append('a')
        raise OSError(5, 'Input/output error')

    both[0].lanes.close = fail
    both[1].lanes.close = lambda: closed.append('b')
    lines: list[str] = []
    FAULTS.log_to(lines.append)
    thread = LinkThread(both, Crossing(lambda: None))
    thread.start()
    thread.stop()
    assert not thread._thread.is_alive()
    assert sorted(closed) == ['a', 'b']
    assert not [line for line in lines if 'the link thread' in line]
