# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What can a damaged file do to the outbox: nothing but be set aside, whatever the damage."""

from __future__ import annotations

from pathlib import Path
import tempfile

from fixtures.kept_state import on_record
from fuzz import BATCH, repeat
from hypothesis import given, settings
from hypothesis import strategies as st

from xparo_bridge.link.control_lane import ControlLane
from xparo_bridge.link.outbox import from_text, Outbox, to_text
from xparo_bridge.messages import CommandState, CommandStatus
from xparo_bridge.state import State
from xparo_bridge.state.database import FILE_NAME

TIMEOUT = 10.0
FILES = 30  # a batch
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def sound_file(folder: Path) -> bytes:
    """Content of an outbox with a few hundred messages."""
    lane, state = open_lane(folder / 'sound')
    for number in range(300):
        lane.add(CommandStatus(str(number), 'go', CommandState.SUCCEEDED))
    state.close()
    return (folder / 'sound' / FILE_NAME).read_bytes()


def open_lane(folder: Path) -> tuple[ControlLane, State]:
    """Open an outbox as a bridge does."""
    state = State(folder, lambda problem: None)
    assert state.writer is not None
    outbox = Outbox(state.writer, 'platform.xparo')
    outbox.open()
    return ControlLane(1 << 24, outbox), state


def use(folder: Path) -> None:
    """Open a file, add to it, hand out everything, restart."""
    lane, state = open_lane(folder)
    lane.add(CommandStatus('new', 'go', CommandState.SUCCEEDED))
    seen = set()
    while len(lane):
        try:
            while (message := lane.next()) is not None:
                seen.add(getattr(message, 'command_id', ''))
        except ValueError:
            continue
        lane.confirm(lane.sent)
    assert 'new' in seen
    on_record(state, TIMEOUT)
    assert not state.problem, state.problem
    state.close()


@settings(BATCH, max_examples=FILES)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=600)), max_size=4),
    st.none() | st.floats(0, 1),
    st.booleans(),
)
def damage(writes: list[tuple[float, bytes]], cut: float | None, with_wal: bool) -> None:
    """Overwrite parts of a sound file, cut it off, put a foreign log beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = bytearray(sound_file(folder))
        for place, data in writes:
            at = int(place * len(content))
            content[at : at + len(data)] = data
        if cut is not None:
            del content[int(cut * len(content)) :]
        (folder / 'damaged').mkdir()
        path = folder / 'damaged' / FILE_NAME
        path.write_bytes(content)
        if with_wal:
            Path(f'{path}-wal').write_bytes(bytes(content[:5000]))
        use(path.parent)


@BATCH
@given(
    st.text(max_size=200)
    | _values.map(repr)
    | st.tuples(st.sampled_from(['CommandStatus', 'ChatRequest', 'RobotInfo', 'x']), _values)
)
def rows(row: object) -> None:
    """Read texts that another version, or nobody, wrote."""
    import json

    text = row if isinstance(row, str) else json.dumps(row)
    try:
        message = from_text(text, 'id-1', True)
    except ValueError:
        return
    to_text(message)
    ControlLane(1 << 20).add(message)


def fuzz(seconds: float) -> None:
    """Share the time between whole files and single rows."""
    repeat('outbox file', damage, seconds * 0.8, FILES)
    repeat('outbox rows', rows, seconds * 0.2)
