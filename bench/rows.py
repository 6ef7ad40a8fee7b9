# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""In which form do benchmarks give their results."""

from __future__ import annotations

import json
from typing import Any

Row = dict[str, Any]


def row(
    name: str,
    value: float,
    unit: str,
    *,
    floor: float | None = None,
    goal: float | None = None,
    goal_is_ratio: bool = False,
    note: str = '',
) -> Row:
    """
    One result; `floor` is what the least possible program needs for the same.

    The goal is the most the value, or with `goal_is_ratio` its ratio to the floor, may be.
    """
    ratio = value / floor if floor else None
    judged = ratio if goal_is_ratio else value
    return {
        'name': name,
        'value': round(value, 2),
        'unit': unit,
        'floor': None if floor is None else round(floor, 2),
        'ratio': None if ratio is None else round(ratio, 3),
        'goal': goal,
        'goal_is_ratio': goal_is_ratio,
        'met': None if goal is None or judged is None else judged <= goal,
        'note': note,
    }


def skipped(name: str, reason: str) -> Row:
    """Row of what cannot be measured here, and why."""
    return {
        'name': name,
        'value': None,
        'unit': '',
        'floor': None,
        'ratio': None,
        'goal': None,
        'goal_is_ratio': False,
        'met': None,
        'note': f'not measured: {reason}',
    }


def show(rows: list[Row]) -> None:
    """Print rows as JSON."""
    print('[\n  ' + ',\n  '.join(map(json.dumps, rows)) + '\n]')
