# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Attack the real bridge, message by message, while a robot drives.

`make hostile ARGS='--minutes 60 --seed 7'`. After each attack the process must live, pong, answer
within a second, stay within its memory and print no traceback; after each round of them the robot
must stop and stand, and each command have one end. An attack that hurt is written to
.cache/hostile/; with `--replay FILE`, or its name, it is tried again. What once failed is kept in
test/hostile/seeds/ and tried first.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
import os
from pathlib import Path
import sys
import time

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / 'test'), str(ROOT / 'test' / 'link' / 'protocols'), str(ROOT)]

from fixtures.domains import DDS, own_domain  # noqa: E402

from hostile.attacks import made, read  # noqa: E402
from hostile.house import PATHS  # noqa: E402
from hostile.run import Run  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; 1 if anything did not hold."""
    parser = argparse.ArgumentParser(prog='make hostile', description=__doc__)
    parser.add_argument('--minutes', type=float, default=10.0)
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--failures', type=int, default=20, help='how many end the run')
    parser.add_argument('--protocols', nargs='*', choices=list(PATHS), help='all if none')
    parser.add_argument('--no-seeds', action='store_true', help='begin with new attacks')
    parser.add_argument('--replay', nargs='*', help='attacks by files or names, such as 7-312')
    options = parser.parse_args(arguments)
    os.environ.update(DDS)
    run = Run(options.protocols or list(PATHS), options.seed, ROOT / '.cache' / 'hostile')
    with own_domain() as domain:
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        if options.replay:
            attacks = [
                read(Path(name)) if name.endswith('.json') else made(name, run.protocols)
                for name in options.replay
            ]
            asyncio.run(run.replay(attacks))
        else:
            asyncio.run(
                run.play(
                    60.0 * options.minutes,
                    with_seeds=not options.no_seeds,
                    most=options.failures,
                )
            )
    print(run)
    by_door = Counter({door.removeprefix('wire of '): 0 for door in run.measured.attacks})
    for door, count in run.measured.attacks.items():
        by_door[door.removeprefix('wire of ')] += count
    print('by door: ' + ', '.join(f'{door} {count}' for door, count in sorted(by_door.items())))
    for failure in (*run.failures, *(f'not again: {one}' for one in run.not_again)):
        print(f'  {failure[:500]}')
    return 1 if run.failures else 0


if __name__ == '__main__':
    sys.exit(main())
