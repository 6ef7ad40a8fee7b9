# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How do the results become the tables of docs/performance.md: `python bench/report.py`."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
import json
import os
from pathlib import Path
import platform

from rows import Row

_ROOT = Path(__file__).parents[1]
_PAGE = _ROOT / 'docs' / 'performance.md'
_HEAD = '| what | value | floor | ratio | goal | met | note |\n|---|---|---|---|---|---|---|\n'
_BEGIN, _END = '<!-- made by bench/report.py -->\n', '<!-- end -->\n'


def table(rows: Iterable[Row]) -> str:
    """Markdown table of rows."""
    return _HEAD + ''.join(f'| {" | ".join(_cells(row))} |\n' for row in rows)


def _cells(row: Row) -> list[str]:
    if row['value'] is None:
        return [row['name'], '', '', '', '', '', row['note']]
    of_floor = ' × floor' if row['goal_is_ratio'] else ''
    goal = '' if row['goal'] is None else f'≤ {row["goal"]:.3g}{of_floor}'
    return [
        row['name'],
        f'{row["value"]:g} {row["unit"]}',
        '' if row['floor'] is None else f'{row["floor"]:g}',
        '' if row['ratio'] is None else f'{row["ratio"]:.3g}',
        goal,
        '' if row['met'] is None else 'yes' if row['met'] else '**no**',
        row['note'],
    ]


def write() -> None:
    """Put what was measured, each benchmark with its question, between the marks of the page."""
    parts = [f'Measured on {_machine()}.\n']
    for file in sorted((_ROOT / 'bench' / 'results').glob('*.json')):
        question = (import_module(file.stem).__doc__ or '').strip().splitlines()[0]
        parts.append(f'### {question}\n\n{table(json.loads(file.read_text()))}')
    page = _PAGE.read_text()
    before, _, rest = page.partition(_BEGIN)
    _PAGE.write_text(
        before + _BEGIN + '\n' + '\n'.join(parts) + '\n' + _END + rest.partition(_END)[2]
    )


def _machine() -> str:
    model = next(
        (
            line.partition(':')[2].strip()
            for line in Path('/proc/cpuinfo').read_text().splitlines()
            if line.startswith('model name')
        ),
        platform.machine(),
    )
    return f'{model}, {os.cpu_count()} cores, Python {platform.python_version()}'


if __name__ == '__main__':
    write()
