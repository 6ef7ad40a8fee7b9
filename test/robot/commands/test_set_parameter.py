# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a command that sets a parameter leave nothing under way when it is cancelled."""

from __future__ import annotations

import pytest
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import GetParameters, ListParameters, SetParameters
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future

from xparo_bridge.messages import CommandState
from xparo_bridge.ros.presence import Name, Presence

ALLOWED = {'speed': {'node': '/odd', 'parameter': 'speed', 'value': {'type': 'number'}}}
COMMANDS = {
    'set': {'kind': 'set_parameter', 'timeout': None, 'allowed': ALLOWED},
    'cancel': {'kind': 'cancel'},
}


class Odd:
    """The parameters of a node `odd`, which answers when it is let."""

    def __init__(self, node) -> None:
        self.asked = []
        self.let = Future()
        self._group = ReentrantCallbackGroup()
        self.services = [
            node.create_service(
                kind, f'/odd/{name}_parameters', self._answer(name), callback_group=self._group
            )
            for name, kind in (
                ('list', ListParameters),
                ('set', SetParameters),
                ('get', GetParameters),
            )
        ]

    def _answer(self, name):
        async def answer(request, response):
            self.asked.append(name)
            await self.let
            if name == 'set':
                response.results = [SetParametersResult(successful=True)]
            return response

        return answer


def pending(node) -> int:
    return sum(len(client._pending_requests) for client in node.clients)


def test_one_that_is_cancelled_waits_for_no_answer_and_sets_nothing_later(station):
    at = station(COMMANDS)
    odd = Odd(at.graph.node)
    remote = at.router.kinds['set']._nodes['/odd']
    at.until(lambda: remote.ready and remote.lister.service_is_ready())
    run = at.send('set', name='speed', value=0.5)
    at.until(lambda: odd.asked == ['list'])
    assert pending(at.graph.node) == 1
    at.end(at.send('cancel'))
    assert (run.state, run.status.error['message']) == (
        CommandState.CANCELED,
        'node /odd did not answer',
    )
    assert pending(at.graph.node) == 0
    odd.let.set_result(None)
    # Another one is asked and answered after it: the answer to the first has come by then.
    assert at.end(at.send('set', name='speed', value=0.6)).error['code'] == 'not_confirmed'
    assert odd.asked == ['list', 'list', 'set', 'get']


def test_one_whose_node_is_not_there_says_so_when_it_is_cancelled(station):
    at = station(COMMANDS)
    run = at.send('set', name='speed', value=0.5)
    at.end(at.send('cancel'))
    assert (run.state, run.status.error['message']) == (
        CommandState.CANCELED,
        'node /odd is not there',
    )


@pytest.mark.parametrize(
    ('command', 'name', 'form', 'kind'),
    [
        (COMMANDS['set'], '/odd/set_parameters', 'service', 'rcl_interfaces/srv/SetParameters'),
        (
            {'kind': 'service', 'service': 'job', 'type': 'std_srvs/srv/Trigger'},
            '/job',
            'service',
            'std_srvs/srv/Trigger',
        ),
        (
            {'kind': 'publish', 'topic': 'said', 'type': 'std_msgs/msg/String'},
            '/said',
            'topic',
            'std_msgs/msg/String',
        ),
        (
            {'kind': 'action', 'action': 'wait', 'type': 'nav2_msgs/action/Wait'},
            '/wait',
            'action',
            'nav2_msgs/action/Wait',
        ),
    ],
)
def test_what_a_command_needs_of_others_is_expected_for_it(station, command, name, form, kind):
    at = station({'mine': command})
    expected = Presence.of(at.graph.node).expected
    assert expected[Name(form, name, kind)] == ('command mine',)
