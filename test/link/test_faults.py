# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a fault of a link say what happened, whose it is and what to do?"""

from __future__ import annotations

import socket
import ssl

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from xparo_bridge.link.faults import explain
from xparo_bridge.link.websocket import fault_of_peer

BIG = 'sent a message that is too big'


def closed(theirs: int | None, ours: int | None, they_began: bool | None) -> ConnectionClosedError:
    """What the library raises of the close frames of both ends."""
    return ConnectionClosedError(
        None if theirs is None else Close(theirs, 'why'),
        None if ours is None else Close(ours, ''),
        they_began,
    )


@pytest.mark.parametrize(
    ('error', 'words', 'refused'),
    [
        (closed(1008, 1008, True), 'closed the connection: not allowed, code 1008 (why)', True),
        (closed(4401, 4401, True), 'closed the connection: not allowed, code 4401 (why)', True),
        (closed(4403, None, None), 'closed the connection: not allowed, code 4403 (why)', True),
        (closed(1011, 1011, True), 'closed the connection, code 1011 (why)', False),
        (closed(1009, 1009, True), 'closed the connection, code 1009 (why)', False),
        (closed(None, 1009, None), BIG, False),
        (closed(1009, 1009, False), BIG, False),
        (closed(1000, 1002, False), 'broke the WebSocket protocol', False),
        (closed(None, None, None), 'the connection to platform was cut', False),
        (ConnectionResetError(), 'closed the connection while it was opened', False),
        (ConnectionAbortedError(), 'closed the connection while it was opened', False),
        (ConnectionResetError(104, 'Reset by peer'), 'platform: Reset by peer', False),
        (ConnectionRefusedError(111, 'Refused'), 'nothing listens at platform', False),
        (TimeoutError(), 'platform did not open in time', False),
        (TimeoutError(110, 'Timed out'), 'platform did not open in time', False),
        (OSError(113, 'No route to host'), 'no connection to platform: No route to host', False),
        (socket.gaierror(-2, 'Name not known'), 'has no address: Name not known', False),
        (ssl.SSLError(1, '[SSL: WRONG_VERSION_NUMBER] wrong'), 'no TLS with platform', False),
        (ZeroDivisionError('x'), 'internal error with platform: ZeroDivisionError', False),
    ],
)
def test_an_error_says_what_happened_and_whether_the_credentials_are_refused(
    error, words, refused
):
    fault = explain(error, 'platform')
    assert words in fault.error
    assert fault.refused is refused
    assert fault.remedy


@pytest.mark.parametrize('code', [1002, 1007, 1009])
def test_a_peer_is_blamed_only_for_what_this_end_closed_for(code):
    assert fault_of_peer(closed(None, code, None))
    assert fault_of_peer(closed(code, code, False))
    assert fault_of_peer(closed(code, code, True)) == ''
    assert fault_of_peer(closed(code, None, None)) == ''
