# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Decide which changes of a configuration a bridge takes while it runs.

Rates, fields and switches of the telemetry that there is, places, and how configurations are
rolled out: nothing else keeps them, so they can change between two turns of the ROS thread. All
else a bridge takes by starting itself anew, in about two seconds: links, commands, trees and the
base are checked against one another when they are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..configuration import Configuration
from .manifest import BundleError, MANIFEST, Manifest, ROBOT_FILE
from .source import of_bundle

# Sections that change while the bridge runs; of the telemetry not all of it, see below.
LIVE = frozenset(('telemetry', 'places', 'rollout'))
_TELEMETRY = frozenset(('period', 'groups', 'topics'))


def needs_restart(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the keys that differ and that a bridge takes only by starting itself anew."""
    found = [
        key
        for key in sorted(before.keys() | after.keys())
        if key not in LIVE and before.get(key) != after.get(key)
    ]
    was, now = before['telemetry'], after['telemetry']
    found += [
        f'telemetry.{key}'
        for key in sorted(was.keys() | now.keys())
        if key not in _TELEMETRY and was.get(key) != now.get(key)
    ]
    # Each name has a parameter, and commands name them.
    if was['groups'].keys() != now['groups'].keys():
        found.append('telemetry.groups')
    if _names(was) != _names(now):
        found.append('telemetry.topics')
    return found


def taken_while_running(
    running: Mapping[str, Any], folder: Path, before: Path, after: Path
) -> Configuration | None:
    """
    Return the configuration to take while the bridge runs; None if it must start itself anew.

    What runs was read from `folder`, `before` is the release that was kept of it, and `after` the
    one that is asked for.

    :raises BundleError: if a release cannot be read.
    :raises ConfigurationError: if it says anything wrong.
    """
    if _other_files(before) != _other_files(after):
        return None
    member = of_bundle(after)
    if member.launch != of_bundle(before).launch:
        return None
    asked = member.configuration
    # The same files may be read from either folder.
    data = _moved(asked.data, after, folder)
    if needs_restart(running, data):
        return None
    return replace(asked, data=data)


def _other_files(folder: Path) -> dict[str, Any]:
    try:
        manifest = Manifest.from_bytes((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise BundleError(f'{folder / MANIFEST}: {error.strerror}') from error
    return {path: entry for path, entry in manifest.files.items() if path != ROBOT_FILE}


def _moved(value: Any, source: Path, target: Path) -> Any:
    """Return a part of a configuration with paths of another folder."""
    if isinstance(value, str):
        inside = value == str(source) or value.startswith(f'{source}/')
        return f'{target}{value.removeprefix(str(source))}' if inside else value
    if isinstance(value, Mapping):
        return {key: _moved(part, source, target) for key, part in value.items()}
    if isinstance(value, list):
        return [_moved(part, source, target) for part in value]
    return value


def _names(telemetry: Mapping[str, Any]) -> list[tuple[str, bool]]:
    return [
        (topic.get('name') or topic['topic'], bool(topic.get('every_sample')))
        for topic in telemetry['topics']
    ]
