# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Everything that a run started is gone when it ends, also what its processes started."""

from __future__ import annotations

from collections.abc import Iterable
import contextlib

import psutil

_PATIENCE = 2.0  # s between asking and killing


def family(pids: Iterable[int]) -> list[psutil.Process]:
    """Return processes and all below them, as they are now."""
    found: dict[int, psutil.Process] = {}
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            for each in (process, *process.children(recursive=True)):
                found[each.pid] = each
    return list(found.values())


def end(processes: Iterable[psutil.Process]) -> list[str]:
    """End those that still run, first politely; the names of those that had to be killed."""
    left = [process for process in processes if process.is_running()]
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, left = psutil.wait_procs(left, timeout=_PATIENCE)
    killed = []
    for process in left:
        with contextlib.suppress(psutil.Error):
            killed.append(process.name())
            process.kill()
    psutil.wait_procs(left, timeout=_PATIENCE)
    return killed
