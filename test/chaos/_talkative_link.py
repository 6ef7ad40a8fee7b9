# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A program that is nothing but a link with its outbox, and talks all the time.

It prints `kept N` once the statuses up to N are on disk: from then on none may be lost, whatever
is killed. Status N belongs to command N % COMMANDS and has N as its result.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
import sys

from xparo_bridge.crossing import Crossing
from xparo_bridge.link.backoff import Backoff
from xparo_bridge.link.connection import Connection, LinkOptions
from xparo_bridge.link.endpoints import Endpoints
from xparo_bridge.link.lanes import Lanes
from xparo_bridge.link.protocols.xparo import Xparo
from xparo_bridge.link.store import Store
from xparo_bridge.messages import (
    ChatRequest,
    CommandState,
    CommandStatus,
    RobotInfo,
    Telemetry,
)

COMMANDS = 5


async def talk(address: str, state: Path, number: int, durability: str) -> None:
    """Talk from status `number` on until killed."""
    crossing = Crossing(lambda: None)
    protocol = Xparo(url=f'ws://{address}/ws/chatbot', secret_key='demo', project_id='demo')
    store = Store(state / 'link.sqlite', durability, lambda problem: print(problem, flush=True))
    lanes = Lanes(protocol, control_bytes=1 << 24, telemetry_bytes=1 << 20, store=store,
                  history=(1 << 20, 3600.0))
    connection = Connection(
        Endpoints([protocol]), lanes, crossing, RobotInfo({'robot_id': 'r1'}), LinkOptions(
            name='platform', open_timeout=1.0, heartbeat_interval=0.3, heartbeat_timeout=0.5,
            max_frame_bytes=1 << 20, compression=False, tls=None,
            backoff=Backoff(initial=0.05, maximum=0.2, stable_after=5.0, refused=0.2)))
    asyncio.ensure_future(connection.run())
    while True:
        for _ in range(10):
            lanes.put(CommandStatus(f'command-{number % COMMANDS}', 'go', CommandState.ACCEPTED,
                                    result={'number': number}))
            number += 1
        lanes.put(ChatRequest(f'status {number}', 'r1'))
        lanes.put(Telemetry({'number': number}))
        await asyncio.wrap_future(store.run(lambda db: None))
        print(f'kept {number - 1}', flush=True)
        while crossing.take() is not None:
            pass
        await asyncio.sleep(0.02)


if __name__ == '__main__':
    asyncio.run(talk(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
