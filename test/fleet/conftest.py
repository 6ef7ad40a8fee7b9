# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Folders of fleets for the tests, and the executable `config`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xparo_bridge.fleet.main import main

FLEET = 'links:\n  - {name: platform, protocol: xparo, url: "wss://a.org/ws/${robot_id}"}\n'


@pytest.fixture
def fleet(tmp_path: Path) -> Callable[..., Path]:
    """Write the folder of a fleet from texts by path; without fleet.yaml one with a link."""

    def write(texts: dict[str, str], name: str = 'fleet') -> Path:
        folder = tmp_path / name
        for path, text in {'fleet.yaml': FLEET, **texts}.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return folder

    return write


@pytest.fixture
def config(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run `config` with arguments; its exit code and what it printed."""

    def run(*arguments: object) -> tuple[int, str]:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run
