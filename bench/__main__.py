# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Run benchmarks one after another: `python -m bench [NAME …]`, all by default.

A benchmark is a file beside this one with a function `run()` that gives rows (rows.py). Each runs
in a process of its own; its rows go to bench/results/NAME.json and all of them into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
from pathlib import Path
import re
import subprocess
import sys
import tempfile

HERE = Path(__file__).parent
RESULTS = HERE / 'results'
sys.path.insert(0, str(HERE))

import report  # noqa: E402
from rows import Row  # noqa: E402


def names() -> list[str]:
    """Benchmarks there are."""
    return [
        path.stem
        for path in sorted(HERE.glob('*.py'))
        if re.search(r'^def run\(', path.read_text(), re.MULTILINE)
    ]


def measure(name: str) -> list[Row]:
    """Rows of one benchmark, also in its file; none if it failed."""
    file = RESULTS / f'{name}.json'
    partial = file.with_suffix('.tmp')
    done = subprocess.run([sys.executable, __file__, '--only', name, str(partial)], check=False)
    if done.returncode:
        partial.unlink(missing_ok=True)
        return []
    partial.replace(file)
    return list(json.loads(file.read_text()))


def only(name: str, file: Path) -> None:
    """Be the process of one benchmark; what it and its bridges wrote is gone with it."""
    with tempfile.TemporaryDirectory() as home:
        os.environ['ROS_HOME'] = tempfile.tempdir = home
        rows = importlib.import_module(name).run()
    file.write_text('[\n  ' + ',\n  '.join(map(json.dumps, rows)) + '\n]\n')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('names', nargs='*', metavar='NAME', help=f'of {", ".join(names())}')
    chosen = parser.parse_args().names or names()
    unknown = set(chosen) - set(names())
    if unknown:
        parser.error(f'no benchmark {", ".join(sorted(unknown))}')
    RESULTS.mkdir(exist_ok=True)
    measured, failed = [], []
    for name in chosen:
        print(f'{name} …', flush=True)
        rows = measure(name)
        measured += rows
        if not rows:
            failed.append(name)
    report.write()
    print(report.table(measured))
    for name in failed:
        print(f'{name} failed')
    return bool(failed) or any(row['met'] is False for row in measured)


if __name__ == '__main__':
    if sys.argv[1:2] == ['--only']:
        only(sys.argv[2], Path(sys.argv[3]))
    else:
        sys.exit(main())
