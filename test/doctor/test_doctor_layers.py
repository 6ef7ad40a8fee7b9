# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Which files does the doctor read below those it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from xparo_bridge.doctor.finding import State
from xparo_bridge.doctor.main import diagnose, parse

# Right over the package's own files only: the rest of the command stands in those.
TEXT = """\
links: [{name: platform, protocol: xparo, url: "ws://127.0.0.1:9/ws"}]
commands: {stop: {description: stand}}
places: {dock: !remove }
"""


@pytest.mark.parametrize(
    ('arguments', 'state', 'words'),
    [
        ([], State.OK, 'checked over bridge.yaml, commands.yaml, places.yaml of the package'),
        (['--alone'], State.PROBLEM, ''),
    ],
)
def test_files_lie_over_those_of_the_package(
    tmp_path: Path, arguments: list[str], state: State, words: str
) -> None:
    file = tmp_path / 'robot.yaml'
    file.write_text(TEXT)
    options = parse([str(file), '--only', 'machine', *arguments])
    finding = next(one for one in diagnose(options, ()) if one.check == 'configuration')
    assert finding.state is state
    assert words in finding.line()
