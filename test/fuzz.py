# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Hostile input for all that reads from outside, for as long as one likes.

`python test/fuzz.py --seconds 600` shares the time among the targets; a failure ends it with the
smallest input that shows it. The suite runs the same in short.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
import sys
import time

from hypothesis import given, HealthCheck, settings

sys.path[:0] = [str(Path(__file__).parent / 'link' / 'protocols'), str(Path(__file__).parents[1])]

import fuzzing  # noqa: E402
import vectors  # noqa: E402

BATCH = settings(max_examples=500, deadline=None, database=None, print_blob=True,
                 suppress_health_check=list(HealthCheck))


def targets() -> Iterator[tuple[str, Callable[[], None]]]:
    """Names of what is fuzzed, and what feeds each with one batch."""
    for protocol in vectors.ADAPTERS:
        yield f'protocol {protocol}', protocol_reader(protocol)


def protocol_reader(protocol: str) -> Callable[[], None]:
    adapter = vectors.adapter(protocol)

    @BATCH
    @given(frame=fuzzing.frames(protocol))
    def read(frame: str | bytes) -> None:
        fuzzing.check(fuzzing.feed(adapter, frame))

    feed: Callable[[], None] = read
    return feed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument('--only', default='', help='targets whose name has this in it')
    arguments = parser.parse_args()
    chosen = [target for target in targets() if arguments.only in target[0]]
    for name, feed in chosen:
        batches, end = 0, time.monotonic() + arguments.seconds / len(chosen)
        while time.monotonic() < end:
            feed()
            batches += 1
        print(f'{name}: {batches * BATCH.max_examples} inputs, nothing found', flush=True)


if __name__ == '__main__':
    main()
