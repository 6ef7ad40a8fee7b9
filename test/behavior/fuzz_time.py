# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How is a fuzz target run for a time given on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
import resource
import sys
import time

from hypothesis import HealthCheck, settings

# A fuzz target is a script, and the package may not be installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

SLOWEST = 5.0  # Seconds one example may take at most.
MEMORY = 2_000_000_000  # Bytes the process may have.


def run_for(check: Callable[[], None], arguments: list[str] | None = None) -> None:
    """Run a hypothesis test again and again, with new examples, until the time is over."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--seconds', type=float, default=60.0)
    options = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    deadline = time.monotonic() + options.seconds
    rounds = 0
    target = settings(
        max_examples=300,
        deadline=SLOWEST * 1000,
        database=None,
        suppress_health_check=list(HealthCheck),
    )(check)
    while time.monotonic() < deadline:
        target()
        rounds += 1
    print(f'{rounds * 300} examples, no failure')
