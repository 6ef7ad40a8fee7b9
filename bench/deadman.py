# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
When is the base told to stand if the bridge is killed, stopped or stuck while driven.

`python bench/deadman.py TIMES` breaks it so often in each of the three ways.
"""

from __future__ import annotations

import os
from pathlib import Path
import statistics
import sys

sys.path.insert(0, str(Path(__file__).parents[1] / 'test'))

from fixtures.domains import DDS, own_domain  # noqa: E402
from rows import Row, row  # noqa: E402

TIMES = 200


def run(times: int = TIMES) -> list[Row]:
    """Break the bridge so often in each way."""
    from chaos import bridge_breaks

    os.environ.update(DDS)
    with own_domain() as domain:
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        broken = bridge_breaks.measure(times, seed=1)
    rows = []
    for way, delays in broken.items():
        ordered = sorted(1000 * delay for delay in delays)
        note = (
            f'{len(ordered)} times, median {statistics.median(ordered):.0f} ms, '
            f'p99 {ordered[int(0.99 * (len(ordered) - 1))]:.0f} ms'
        )
        print(f'{way}: {note}, longest {ordered[-1]:.0f} ms', flush=True)
        goal = 1000 * (bridge_breaks.DEADMAN + bridge_breaks.ALLOWED)
        rows.append(row(f'to stand, {way}', ordered[-1], 'ms', goal=goal, note=note))
    return rows


if __name__ == '__main__':
    run(*map(int, sys.argv[1:2]))
