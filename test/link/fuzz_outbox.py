# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What can a damaged file do to the outbox: nothing but be set aside, whatever the damage."""

from __future__ import annotations

from pathlib import Path
import tempfile

from fuzz import BATCH, repeat
from hypothesis import given, settings
from hypothesis import strategies as st

from xparo_bridge.link.control_lane import ControlLane
from xparo_bridge.link.outbox import from_text, Outbox, to_text
from xparo_bridge.link.store import Store
from xparo_bridge.messages import CommandState, CommandStatus

TIMEOUT = 10.0
FILES = 30  # a batch
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def sound_file(folder: Path) -> bytes:
    """Content of an outbox with a few hundred messages."""
    path = folder / 'sound.sqlite'
    lane, store = open_lane(path)
    for number in range(300):
        lane.add(CommandStatus(str(number), 'go', CommandState.SUCCEEDED))
    store.close()
    return path.read_bytes()


def open_lane(path: Path) -> tuple[ControlLane, Store]:
    """Open an outbox as a bridge does."""
    store = Store(path, 'normal', lambda problem: None)
    outbox = Outbox(store)
    outbox.open()
    return ControlLane(1 << 24, outbox), store


def use(path: Path) -> None:
    """Open a file, add to it, hand out everything, restart."""
    lane, store = open_lane(path)
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
    store.run(lambda db: None).result(TIMEOUT)
    assert not store.problem, store.problem
    store.close()


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
        path = folder / 'damaged.sqlite'
        path.write_bytes(content)
        if with_wal:
            Path(f'{path}-wal').write_bytes(bytes(content[:5000]))
        use(path)


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
