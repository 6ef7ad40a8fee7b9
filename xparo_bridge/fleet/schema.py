# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config schema`: the JSON Schema of configuration files, for editors that complete and check."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..json_reader import read_own
from ..rollout.folder import KEYS
from ..share import share


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument(
        '--alone',
        action='store_true',
        help='of files that are whole by themselves; by default of files of a fleet',
    )


def run(options: argparse.Namespace) -> int:
    """Print the schema; an exit code."""
    print(json.dumps(schema(alone=options.alone), indent=2))
    return 0


def schema(*, alone: bool = False) -> dict[str, Any]:
    """
    Return the schema; of a layer nothing is required, as other layers may have it.

    The settings of each kind of command stand in it too.
    """
    made: dict[str, Any] = read_own(share('config', 'schema.json').read_bytes())
    kinds: dict[str, Any] = read_own(share('config', 'command_kinds.json').read_bytes())
    made['$defs']['command'] = {
        **made['$defs']['command'],
        'allOf': [
            {
                'if': {'properties': {'kind': {'const': kind}}, 'required': ['kind']},
                'then': part if alone else _partial(part),
            }
            for kind, part in kinds.items()
        ],
    }
    if alone:
        return made
    made = _partial(made)
    made['properties'] |= KEYS
    made['title'] = 'A file of a fleet of xparo_bridge'
    return made


def _partial(part: Any) -> Any:
    """Return a schema that asks for nothing that another layer may have."""
    if isinstance(part, list):
        return [_partial(each) for each in part]
    if not isinstance(part, dict):
        return part
    left = {
        # What a condition asks for says which kind it is about.
        key: value if key == 'if' else _partial(value)
        for key, value in part.items()
        if key not in ('minItems', 'oneOf')
    }
    if isinstance(left.get('required'), list):
        del left['required']
    return left
