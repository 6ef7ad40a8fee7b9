# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Change single lines of the critical rooms, and see whether the nearest tests notice.

    python -m tools.mutants --count 300 --seed 7        a sample
    python -m tools.mutants xparo_bridge/link/lanes.py  changes of a file, or of a folder's files
    python -m tools.mutants --minutes 9 --resume        so long, beginning where the last ended
    python -m tools.mutants --again                     what survived, after tests were written
    python -m tools.mutants --tried                     the first 300, each noticed since

Each change is tried in a copy of the tree by the tests nearest to its file that run its lines:
those in files named after it, then those that import its module, then those that speak of it, then
the others of its room, and with --far the end-to-end tests. Each test file is first run once
without a change, with its coverage, unless the tests named after the file notice at once; what
fails then is not used. A test that waits has to fail twice, and what takes too long is measured
again, so that a machine under load kills nothing. What lives because it changes nothing is in
tools/mutants/equivalent.yaml, with the reason. The report says the score by room and by kind of
change and lists what lived. Exit code 1 if the score is below --least, in percent.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import as_completed, ThreadPoolExecutor
import os
from pathlib import Path
import queue
import random
import signal
import sys
import time

from tools.mutants.changes import (
    Change,
    changes_of,
    equivalents,
    files_of,
    ROOT,
    sample,
    tried,
)
from tools.mutants.nearest import named_after
from tools.mutants.trial import CACHE, report, Result, Results, score, Shard

# How long one change may take with --quick, s.
QUICK = 20.0


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog='mutants', description='Change lines, and see whether tests notice.'
    )
    parser.add_argument('paths', nargs='*', help='files and folders; the critical rooms if none')
    parser.add_argument('--count', type=int, default=300, help='how many changes')
    parser.add_argument('--seed', default='7', help='which; any text')
    parser.add_argument('--minutes', type=float, default=1e6, help='begin none after so long')
    parser.add_argument('--shards', type=int, default=1, help='how many at a time')
    parser.add_argument('--far', action='store_true', help='try survivors end to end too')
    parser.add_argument('--least', type=float, default=0.0, help='least score, percent')
    parser.add_argument('--tried', action='store_true', help='those of tools/mutants/tried.jsonl')
    parser.add_argument('--list', action='store_true', help='only list the changes')
    parser.add_argument(
        '--results', type=Path, default=CACHE / 'results.jsonl', help='where results are kept'
    )
    parser.add_argument('--resume', action='store_true', help='go on from the results')
    parser.add_argument('--again', action='store_true', help='go on with those that survived')
    parser.add_argument(
        '--quick', action='store_true', help='only the tests named after a file, none run before'
    )
    return parser.parse_args(arguments)


def main() -> int:
    """Try a sample and print the report."""
    options = options_of()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    known = equivalents()
    files = files_of(options.paths)
    if options.quick:
        files = [file for file in files if named_after(file.relative_to(ROOT).as_posix())]
        # Of a few files: to look at all takes as long as to try some changes.
        files = random.Random(options.seed).sample(files, min(len(files), options.count // 2 + 1))
    changes = [change for file in files for change in changes_of(file) if change.key not in known]
    if not changes:
        print('there is nothing to change in these files', file=sys.stderr)
        return 2
    if options.tried:
        chosen = tried(changes)
        print(f'{len(chosen)} changes of the first 300 are still there', flush=True)
    else:
        chosen = sample(changes, options.count, options.seed)
        print(f'{len(chosen)} of {len(changes)} changes, seed {options.seed}', flush=True)
    if options.list:
        print(*chosen, sep='\n')
        return 0
    kept = Results(options.results)
    before: dict[Change, Result] = {}
    if options.again:
        before = kept.read()
        chosen = [change for change, one in before.items() if one.outcome != 'killed']
        before = {change: one for change, one in before.items() if one.outcome == 'killed'}
    elif options.resume:
        before = kept.read()
        chosen = [change for change in chosen if change not in before]
    else:
        kept.clear()
    began = time.monotonic()
    results = list(before.values())
    for result in attempts(chosen, options):
        kept.add(result)
        results.append(result)
    print(*report(results), sep='\n')
    found = score(results)
    seconds = time.monotonic() - began
    print(f'score {found:.1f} % of {len(results)} changes, {seconds:.0f} s')
    return 1 if found < options.least else 0


def attempts(chosen: list[Change], options: argparse.Namespace) -> Iterator[Result]:
    """Try changes, some at a time, and print each as it ends."""
    shards: queue.SimpleQueue[Shard] = queue.SimpleQueue()
    until = time.monotonic() + 60.0 * options.minutes
    names = [f'{os.getpid()}-{number}' for number in range(options.shards)]
    made = [Shard(CACHE / name, CACHE / 'map') for name in names]
    for shard in made:
        shards.put(shard)

    def attempt(change: Change) -> Result | None:
        if time.monotonic() >= until:
            return None
        shard = shards.get()
        try:
            if options.quick:
                return shard.quick(change, min(QUICK, max(until - time.monotonic(), 1.0)))
            return shard.attempt(change, options.far)
        finally:
            shards.put(shard)

    pool = ThreadPoolExecutor(options.shards)
    try:
        waiting = [pool.submit(attempt, change) for change in chosen]
        for number, done in enumerate(as_completed(waiting), 1):
            result = done.result()
            if result is not None:
                words = f'{result.outcome} by {result.by}, {result.seconds:.0f} s'
                print(f'{number}/{len(chosen)} {words}: {result.change}', flush=True)
                yield result
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for shard in made:
            shard.close()


if __name__ == '__main__':
    sys.exit(main())
