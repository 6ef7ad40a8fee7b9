# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Lanes: what waits, what goes first, what is dropped."""

import asyncio
import json

import pytest

from xparo_bridge.link.lanes import Lanes, TelemetryLane
from xparo_bridge.link.protocols.base import ProtocolError
from xparo_bridge.link.protocols.xparo import Xparo
from xparo_bridge.messages import ChatRequest, CommandState, CommandStatus, Telemetry


def make_lanes(**options):
    """Lanes of the documented protocol."""
    protocol = Xparo(
        url='ws://127.0.0.1/x', secret_key='s', project_id='p', extensions=('command_status',)
    )
    return Lanes(protocol, **{'control_bytes': 10_000, 'telemetry_bytes': 10_000, **options})


def status(command_id, state, **content):
    """Status of a command."""
    return CommandStatus(command_id, 'go', CommandState(state), **content)


async def drain(lanes):
    """Everything the lanes hand out now."""
    frames = []
    try:
        while True:
            frames += (await asyncio.wait_for(lanes.next(), 0.01))[0]
    except TimeoutError:
        return frames


def test_control_goes_before_telemetry():
    async def run():
        lanes = make_lanes()
        lanes.put(Telemetry({'cpu_usage': 1}))
        lanes.put(ChatRequest('hello', 'r'))
        return await drain(lanes)

    first, second = asyncio.run(run())
    assert '"chat"' in first
    assert '"telemetry"' in second


def test_the_latest_telemetry_of_a_key_wins_and_the_others_stay():
    async def run():
        lanes = make_lanes()
        lanes.put(Telemetry({'a': 1, 'b': 1}))
        lanes.put(Telemetry({'a': 2}))
        return await drain(lanes), lanes.telemetry.replaced

    assert asyncio.run(run()) == (['{"type":"telemetry","data":{"a":2,"b":1}}'], 1)


def test_samples_are_all_sent_in_order():
    async def run():
        lanes = make_lanes()
        for number in range(3):
            lanes.put(Telemetry({'x': number}, every_sample=True))
        return await drain(lanes)

    assert asyncio.run(run()) == [f'{{"type":"telemetry","data":{{"x":{n}}}}}' for n in range(3)]


def test_what_the_protocol_cannot_carry_is_refused_by_name():
    lanes = make_lanes()
    with pytest.raises(ProtocolError, match='cannot carry dict'):
        lanes.put({})


def test_unsent_progress_is_replaced_by_newer_progress_but_not_by_the_end():
    async def run():
        lanes = make_lanes()
        lanes.put(status('1', 'accepted'))
        for distance in (3, 2, 1):
            lanes.put(status('1', 'running', progress={'distance_remaining': distance}))
        lanes.put(status('1', 'succeeded'))
        return await drain(lanes)

    statuses = [json.loads(frame)['data'] for frame in asyncio.run(run())]
    assert [(status['state'], status.get('progress')) for status in statuses] == [
        ('accepted', None),
        ('running', {'distance_remaining': 1}),
        ('succeeded', None),
    ]


def test_a_waiting_reader_is_woken():
    async def run():
        lanes = make_lanes()
        reader = asyncio.ensure_future(lanes.next())
        await asyncio.sleep(0)
        lanes.put(ChatRequest('hello', 'r'))
        return (await asyncio.wait_for(reader, 5))[1]

    assert asyncio.run(run()) is True


def test_samples_are_bounded_and_the_oldest_go():
    lane = TelemetryLane(4)
    for text in ('aa', 'bb', 'cc'):
        lane.add_sample([text])
    assert (lane.dropped, lane.next_sample(), lane.next_sample(), lane.next_sample()) == (
        1,
        ['bb'],
        ['cc'],
        None,
    )


def test_on_a_new_connection_fresh_telemetry_goes_before_what_waited_for_it():
    async def run():
        lanes = make_lanes()
        for number in (1, 2):
            lanes.put(Telemetry({'n': number}, every_sample=True))
        lanes.telemetry.connected()
        lanes.put(Telemetry({'n': 3}, every_sample=True))
        lanes.put(Telemetry({'latest': 4}))
        return await drain(lanes)

    frames = asyncio.run(run())
    assert [frame.split('"data":')[1] for frame in frames] == [
        '{"n":3}}',
        '{"latest":4}}',
        '{"n":1}}',
        '{"n":2}}',
    ]


def test_of_samples_that_are_too_much_those_of_before_the_connection_go():
    lane = TelemetryLane(4)
    lane.add_sample(['aa'])
    lane.connected()
    lane.add_sample(['bb'])
    lane.add_sample(['cc'])
    assert (lane.next_sample(), lane.next_sample(), lane.sends_old) == (['bb'], ['cc'], False)


def test_what_waited_for_a_connection_waits_until_something_fresh_was_sent():
    lane = TelemetryLane(100)
    lane.add_sample(['old'])
    lane.connected()
    assert not lane.sends_old
    lane.merge(Telemetry({'latest': 1}))
    lane.pop_latest()
    assert (lane.sends_old, lane.next_old_sample(), lane.sends_old) == (True, ['old'], False)
