# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What can a configuration file do: be refused with its place, or load, and nothing else."""

from __future__ import annotations

from pathlib import Path
import tempfile
from typing import Any

from fuzz import BATCH, repeat
from hypothesis import given
from hypothesis import strategies as st
import yaml

from xparo_bridge.configuration import ConfigurationError, load
from xparo_bridge.credentials import CredentialsError, read_credentials
from xparo_bridge.share import share

_SEEDS = [
    share('config', name).read_text()
    for name in ('bridge.yaml', 'commands.yaml', 'places.yaml', 'demo.yaml')
]
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.dates()
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=8)
            | st.integers()
            | st.sampled_from(['links', 'name', 'url', 'telemetry', 'places', 'commands', 'kind']),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@st.composite
def texts(draw: Any) -> str:
    """Build a file of ours with something put in, cut or repeated, or something else."""
    if draw(st.booleans()):
        return str(yaml.safe_dump(draw(_values)))
    text = draw(st.sampled_from(_SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        end = draw(st.integers(at, min(len(text), at + 40)))
        put = draw(
            st.text(max_size=8)
            | st.sampled_from(
                ['&a ', '*a', '!!python/object:os.system ', '<<: *a', '\t', '- ', '{', '? ', '|\n']
            )
        )
        text = text[:at] + put + text[end:]
    return text


@BATCH
@given(texts() | st.binary(max_size=200))
def read(content: str | bytes) -> None:
    """Load it as a robot's own file over the package's, and as credentials."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'robot.yaml'
        path.write_bytes(
            content if isinstance(content, bytes) else content.encode(errors='surrogatepass')
        )
        path.chmod(0o600)
        try:
            load([share('config', 'bridge.yaml'), path])
        except ConfigurationError as error:
            assert all(problem for problem in error.problems)
        try:
            read_credentials(str(path), {})
        except CredentialsError:
            pass


def fuzz(seconds: float) -> None:
    """Read for a time."""
    repeat('configuration', read, seconds)
