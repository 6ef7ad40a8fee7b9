# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What can a hostile platform do to a protocol's decoder."""

from __future__ import annotations

from collections.abc import Callable

from fuzz import BATCH, repeat
import fuzzing
from hypothesis import given
import vectors


def reader(protocol: str) -> Callable[[], None]:
    """Feed one batch to the adapter of a protocol."""
    adapter = vectors.adapter(protocol)

    @BATCH
    @given(frame=fuzzing.frames(protocol))
    def read(frame: str | bytes) -> None:
        fuzzing.check(fuzzing.feed(adapter, frame))

    feed: Callable[[], None] = read
    return feed


def fuzz(seconds: float) -> None:
    """Share the time among the protocols."""
    for protocol in vectors.ADAPTERS:
        repeat(f'protocol {protocol}', reader(protocol), seconds / len(vectors.ADAPTERS))
