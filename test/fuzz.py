# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Hostile input for all that reads from outside, for as long as one likes.

`python test/fuzz.py --seconds=600` gives half of it to `coverage_fuzz.py` and the rest to
the files test/**/fuzz_*.py, each with a function `fuzz(seconds)`; a failure ends it with the
smallest input that shows it. What once failed is kept in .hypothesis and tried first. The suite
runs the same in short.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import importlib.util
from pathlib import Path
import sys
import time

from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import coverage_fuzz  # noqa: E402

BATCH = settings(
    max_examples=500, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck)
)


def repeat(
    name: str, feed: Callable[[], None], seconds: float, examples: int = BATCH.max_examples
) -> None:
    """Feed batches, one at least, for a time."""
    batches, end = 0, time.monotonic() + seconds
    while not batches or time.monotonic() < end:
        feed()
        batches += 1
    print(f'{name}: {batches * examples} inputs, nothing found', flush=True)


def targets() -> dict[str, Callable[[float], None]]:
    """Every `fuzz` function, by its file."""
    found = {}
    for path in sorted(HERE.rglob('fuzz_*.py')):
        name = path.stem.removeprefix('fuzz_')
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found[name] = module.fuzz
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument('--only', default='', help='targets whose name has this in it')
    arguments = parser.parse_args()
    if not arguments.only:
        arguments.seconds /= 2
        coverage_fuzz.run_all(arguments.seconds)
    chosen = {name: fuzz for name, fuzz in targets().items() if arguments.only in name}
    for fuzz in chosen.values():
        fuzz(arguments.seconds / len(chosen))


if __name__ == '__main__':
    sys.modules['fuzz'] = sys.modules['__main__']  # One module, also for those that import it.
    main()
