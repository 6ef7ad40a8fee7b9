# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Where does the memory of the bridge at rest go.

Bridge (the package's configuration, connected, no robot about) and floor program, as `at rest` of
bridge_load.py, are started in turn; the figures are medians. Then one process imports what the
bridge imports, and says what each import of the first level adds. Run: `python bench/memory.py`,
with `imports` for that table alone, `starts` for the other, and a number for how many starts.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Sequence
from pathlib import Path
from statistics import median
import subprocess
import sys
from typing import Any

# Imported where it is used: it imports much of what is measured here.
if sys.argv[1:] != ['imports']:
    import bridge_load

# Discovery and the first telemetry are not rest, s.
_SETTLED = 8.0
_STARTS = 5
# What an import has to add to have a line, kB.
_LEAST = 250


def of_starts(starts: int = _STARTS) -> dict[str, tuple[float, float]]:
    """RSS and PSS of floor and bridge, in MB, medians of several starts."""
    found: dict[str, list[tuple[float, float]]] = {'floor': [], 'bridge': []}
    for role in found:
        asyncio.run(_compile(role))
    for _ in range(starts):
        for role, figures in found.items():
            figures.append(asyncio.run(_measure(role)))
    return {
        role: (median(rss for rss, _ in figures), median(pss for _, pss in figures))
        for role, figures in found.items()
    }


async def _compile(role: str) -> None:
    async with bridge_load.at_rest(role):
        pass


async def _measure(role: str) -> tuple[float, float]:
    async with bridge_load.at_rest(role) as process:
        await asyncio.sleep(_SETTLED)
        return memory(process.pid)


def memory(pid: int) -> tuple[float, float]:
    """RSS and PSS of a process, in MB (10⁶ bytes)."""
    lines = Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()[1:]
    values = {line.split(':')[0]: int(line.split()[1]) for line in lines}
    return values['Rss'] * 1024 / 1e6, values['Pss'] * 1024 / 1e6


def imports() -> list[tuple[int, str]]:
    """Return what each import adds to RSS without what it imports itself, in kB, largest first."""
    own: dict[str, int] = {}
    inside = [0]
    real = builtins.__import__

    def rss() -> int:
        return int(Path('/proc/self/statm').read_text().split()[1]) * 4

    def traced(name: str, *arguments: Any) -> Any:
        known = set(sys.modules)
        before = rss()
        inside.append(0)
        try:
            return real(name, *arguments)
        finally:
            added = rss() - before
            children = inside.pop()
            inside[-1] += added
            new = [module for module in sys.modules if module not in known]
            if new:
                level = arguments[3] if len(arguments) > 3 else 0
                label = new[-1] if level or name not in new else name
                own[label] = own.get(label, 0) + added - children

    builtins.__import__ = traced
    try:
        import xparo_bridge.process  # noqa: F401
    finally:
        builtins.__import__ = real
    return sorted(((kb, name) for name, kb in own.items()), reverse=True)


def _table(lines: Sequence[tuple[int, str]]) -> None:
    packages: dict[str, int] = {}
    for kb, name in lines:
        top = name.split('.')[0]
        packages[top] = packages.get(top, 0) + kb
    print('\nby package, kB')
    for name, kb in sorted(packages.items(), key=lambda item: -item[1]):
        if kb >= _LEAST:
            print(f'{kb:8} {name}')
    print('\nby module, kB')
    for kb, name in lines:
        if kb >= _LEAST:
            print(f'{kb:8} {name}')


if __name__ == '__main__':
    words = sys.argv[1:]
    if words == ['imports']:
        _table(imports())
        sys.exit()
    starts = next((int(word) for word in words if word.isdigit()), _STARTS)
    for role, (rss, pss) in of_starts(starts).items():
        print(f'{role:8} RSS {rss:6.1f} MB, PSS {pss:6.1f} MB')
    if 'starts' not in words:
        subprocess.run(
            [sys.executable, __file__, 'imports'], check=True, env=bridge_load.ENVIRONMENT
        )
