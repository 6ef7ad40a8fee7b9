# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Folders of fleets for the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from fixtures.robot_with_store import Robot
from fixtures.system import start_platform
import pytest

FLEET = 'links:\n  - {name: platform, protocol: xparo, url: "wss://a.org/ws/${robot_id}"}\n'


@pytest.fixture
def fleet(tmp_path: Path) -> Callable[..., Path]:
    """Write the folder of a fleet from texts by path; without fleet.yaml one with a link."""

    def write(texts: dict[str, str] | None = None, name: str = 'fleet') -> Path:
        folder = tmp_path / name
        for path, text in {'fleet.yaml': FLEET, **(texts or {})}.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return folder

    return write


@pytest.fixture
def robot(tmp_path: Path) -> Iterator[Robot]:
    """Give a robot that has no configuration yet, and a platform that runs."""
    platform, port = start_platform()
    with platform:
        yield Robot(tmp_path, port)
