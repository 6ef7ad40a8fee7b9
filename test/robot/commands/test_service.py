# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a call that nobody waits for any more leave its place to the next, and nothing else."""

from __future__ import annotations

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from std_srvs.srv import Trigger

from xparo_bridge.messages import CommandState
from xparo_bridge.robot.commands.kinds import service

COMMANDS = {
    'call': {
        'kind': 'service',
        'service': '/job',
        'type': 'std_srvs/srv/Trigger',
        'server_timeout': 60.0,
        'timeout': None,
    },
    'cancel': {'kind': 'cancel'},
}


def pending(kind) -> int:
    return len(kind._client._pending_requests)


def test_a_call_that_is_cancelled_gives_its_place_to_the_next(station, monkeypatch):
    monkeypatch.setattr(service, '_MAX_CALLS', 1)
    at = station(COMMANDS)
    kind = at.router.kinds['call']
    let = Future()
    asked = []

    async def answer(request, response):
        asked.append(request)
        await let
        response.success = True
        return response

    at.graph.node.create_service(Trigger, '/job', answer, callback_group=ReentrantCallbackGroup())
    at.until(kind._client.service_is_ready)
    first, second, third = (at.send('call') for _ in range(3))
    at.until(lambda: len(asked) == 1)
    assert (pending(kind), len(kind._calling), len(kind._waiting)) == (1, 1, 2)
    at.end(at.send('cancel', command_id=second.id))
    assert second.status.error['message'] == 'cancelled before the call'
    assert (pending(kind), len(kind._calling), len(kind._waiting)) == (1, 1, 1)
    at.end(at.send('cancel', command_id=first.id))
    assert 'the call itself goes on' in first.status.error['message']
    at.until(lambda: len(asked) == 2)
    assert (pending(kind), len(kind._calling), len(kind._waiting)) == (1, 1, 0)
    let.set_result(None)
    assert at.end(third).state is CommandState.SUCCEEDED
    assert (first.state, second.state) == (CommandState.CANCELED, CommandState.CANCELED)
    at.until(lambda: pending(kind) == 0)
    assert (len(kind._calling), len(kind._waiting)) == (0, 0)


def test_a_call_whose_service_does_not_come_leaves_nothing_that_waits(station):
    at = station({**COMMANDS, 'call': {**COMMANDS['call'], 'server_timeout': 0.1}})
    kind = at.router.kinds['call']
    assert at.end(at.send('call')).error['code'] == 'no_service'
    assert (pending(kind), len(kind._calling), len(kind._waiting)) == (0, 0, 0)
