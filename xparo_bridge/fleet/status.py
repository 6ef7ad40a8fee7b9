# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config status`: which configuration this robot has, how it came to it, and what has drifted."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..rollout.manifest import BundleError, drift, MANIFEST, Manifest
from ..rollout.store import APPLIED, Store, version_of
from .apply import add_store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    add_store(parser)
    parser.add_argument('--format', choices=('text', 'json'), default='text')


def run(options: argparse.Namespace) -> int:
    """Print it; an exit code: 1 unless it is applied, as it was made."""
    found = status(Store(Path(options.store).expanduser()))
    if options.format == 'json':
        print(json.dumps(found, indent=2))
    else:
        print('\n'.join(_as_text(found)))
    return 0 if found['state'] == APPLIED and found['current'] and not found['drift'] else 1


def status(store: Store) -> dict[str, Any]:
    """Return how a store stands."""
    state = store.state
    found: dict[str, Any] = {
        'current': state.current,
        'version': version_of(state.current),
        'hash': '',
        'made_from': '',
        'state': state.state,
        'reason': state.reason,
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
            found['hash'], found['made_from'] = manifest.hash, manifest.made_from
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
