# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Run scenarios of chaos: `make chaos`, `make chaos ARGS='death_of_the_bridge --times 10'`."""

from __future__ import annotations

import argparse
import importlib
import os
from pathlib import Path
import random
import re
import sys
import time
import traceback

from fixtures.domains import DDS, own_domain


def main() -> int:
    """Run what was asked for; 1 if anything broke that must not."""
    known = sorted(
        path.stem
        for path in Path(__file__).parent.glob('*.py')
        if re.search('^TIMES = ', path.read_text(), re.MULTILINE)
    )
    parser = argparse.ArgumentParser(prog='make chaos', description=__doc__)
    parser.add_argument('scenarios', nargs='*', help=f'of {", ".join(known)}; all if none')
    parser.add_argument('--list', action='store_true', help='tell what there is')
    parser.add_argument('--times', type=int, help='how often to break something')
    parser.add_argument('--seed', type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    unknown = set(options.scenarios) - set(known)
    if unknown:
        parser.error(f'no scenario {", ".join(sorted(unknown))}; there are {", ".join(known)}')
    failed = []
    for name in options.scenarios or known:
        scenario = importlib.import_module(f'chaos.{name}')
        times = options.times or scenario.TIMES
        print(f'{name}: {scenario.__doc__.strip().splitlines()[0]}', flush=True)
        if options.list:
            continue
        began = time.monotonic()
        os.environ.update(DDS)
        # What a killed process leaves in shared memory disturbs the next.
        os.environ.setdefault('FASTDDS_BUILTIN_TRANSPORTS', 'UDPv4')
        with own_domain() as domain:
            os.environ['ROS_DOMAIN_ID'] = str(domain)
            try:
                result = scenario.run(times, options.seed)
            except Exception:
                traceback.print_exc()
                result = f'FAILED with seed {options.seed}'
                failed.append(name)
        print(f'{name}: {times} times in {time.monotonic() - began:.0f} s: {result}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
