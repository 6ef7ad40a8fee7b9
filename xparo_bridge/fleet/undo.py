# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config undo`: let this robot go back to the configuration before."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..rollout.manifest import BundleError
from ..rollout.source import of_bundle
from ..rollout.store import Store
from .apply import add_change, add_store, change_to


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    add_store(parser)
    add_change(parser)


def run(options: argparse.Namespace) -> int:
    """Go back; an exit code: 1 if the robot goes on with what it has."""
    store = Store(Path(options.store).expanduser())
    state = store.state
    before = [name for name in state.good if name != state.current]
    if not before:
        raise BundleError(f'{store.path}: there is no configuration before {state.current}')
    member = of_bundle(store.folder(before[-1]))
    within = float(member.configuration['rollout']['confirm_within'])
    return change_to(store, before[-1], options, within)
