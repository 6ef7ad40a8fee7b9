# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Reads large frames beside the links' loop, which would stand still for up to 0.2 s.

The JSON of a frame is all that takes long, so it is read in another thread, and the adapter finds
it read. Frames of one link are read one after another, so they keep their order.
"""

from __future__ import annotations

import asyncio

from ..json_reader import MAX_MENDED
from .daemon_executor import TooManyWait
from .protocols.base import Frame, Protocol, ReadFrame

LARGE = MAX_MENDED  # Characters; to read that many takes 40 ms.


async def read_large(protocol: Protocol, frame: Frame) -> Frame:
    """Return a frame for `protocol.decode`, its JSON read already if that takes long."""
    if len(frame) <= LARGE or isinstance(frame, bytes):
        return frame
    loop = asyncio.get_running_loop()
    try:
        reading = loop.run_in_executor(None, ReadFrame, frame, frozenset(protocol.urgent))
    except TooManyWait:
        return frame  # Many links have a thread that hangs: it is read on the loop.
    return await asyncio.shield(reading)
