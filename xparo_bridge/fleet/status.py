# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
`config status`: which configuration this robot has, how it came to it, and what has drifted.

With a fleet's folder: what each of its robots runs, beside what the folder has for it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import time
from typing import Any

from ..argument_types import not_negative
from ..rollout.manifest import BundleError, drift, MANIFEST, Manifest
from ..rollout.store import APPLIED, Store, version_of
from . import reports
from .apply import add_store
from .standing import as_json, desired, lines, ORPHAN, print_json, standings
from .subject import folder_of, UsageError

_LOOK = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument(
        'folder',
        metavar='FOLDER',
        nargs='?',
        help='the folder of a fleet, for all of its robots; without it this robot is meant',
    )
    add_store(parser)
    reports.add_arguments(parser)
    parser.add_argument('--format', choices=('text', 'json'), default='text')
    parser.add_argument(
        '--wait',
        type=not_negative,
        default=0.0,
        metavar='S',
        help='wait so long at most until nothing is asked for or on trial on this robot',
    )


def run(options: argparse.Namespace) -> int:
    """Print it; an exit code: 1 unless all is applied, as it was made, and up to date."""
    if options.folder is not None:
        return _of_fleet(options)
    if options.reports or options.platform:
        raise UsageError('--reports and --platform are for the folder of a fleet: status FOLDER')
    store = Store(Path(options.store).expanduser())
    give_up = time.monotonic() + options.wait
    while time.monotonic() < give_up and (store.state.pending or store.state.trial):
        time.sleep(_LOOK)
    found = status(store)
    if options.format == 'json':
        print(json.dumps(found, indent=2))
    else:
        print('\n'.join(_as_text(found)))
    return 0 if found['state'] == APPLIED and found['current'] and not found['drift'] else 1


def _of_fleet(options: argparse.Namespace) -> int:
    folder = folder_of(options.folder)
    reported = reports.read_reports(options)
    if reported is None:
        raise UsageError(
            'expected where robots say what they run: --platform ws://HOST:PORT, or --reports DIR'
        )
    found = standings(desired(folder, folder.names), reported)
    if options.format == 'json':
        print_json([as_json(each) for each in found])
    else:
        for each in found:
            print('\n'.join(lines(each)))
        counts: dict[str, int] = {}
        for each in found:
            counts[each.how] = counts.get(each.how, 0) + 1
        counted = ', '.join(f'{count} {how}' for how, count in sorted(counts.items()))
        drifted = sum(bool(each.report and each.report.drift) for each in found)
        print(f'{len(found)} robots: {counted}; {drifted} changed by hand')
    return 0 if all(each.is_right or each.how == ORPHAN for each in found) else 1


def status(store: Store) -> dict[str, Any]:
    """Return how a store stands."""
    state = store.state
    found: dict[str, Any] = {
        'robot': '',
        'time': time.time(),
        'current': state.current,
        'version': version_of(state.current),
        'hash': '',
        'content': '',
        'made_from': '',
        'state': state.state,
        'reason': state.reason,
        'pending': state.pending.release if state.pending else '',
        'good': state.good,
        'bridge': store.bridge(),
        'drift': [],
    }
    if state.current:
        folder = store.folder(state.current)
        try:
            manifest = Manifest.from_bytes((folder / MANIFEST).read_bytes())
        except (OSError, BundleError) as error:
            found['drift'] = [f'{folder / MANIFEST}: {error}']
        else:
            found['robot'] = manifest.robot
            found['hash'], found['made_from'] = manifest.hash, manifest.made_from
            found['content'] = manifest.content
            found['drift'] = list(drift(folder, manifest))
    return found


def _as_text(found: dict[str, Any]) -> list[str]:
    if not found['current']:
        return ['no configuration was applied here']
    lines = [
        f'{found["current"]}: {found["state"]}, made from {found["made_from"] or "nobody knows"}'
    ]
    if found['reason']:
        lines.append(f'  {found["reason"]}')
    lines += [f'  changed by hand: {place}' for place in found['drift']]
    lines.append(f'  good before: {", ".join(found["good"][::-1]) or "none"}')
    pid = found['bridge']
    lines.append(f'  bridge: process {pid}' if pid else '  no bridge runs from here')
    return lines
