# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Raw input for each decoder, led by what code it reaches: atheris, begun from the files of `seeds/`.

`python test/coverage_fuzz.py <decoder> <seconds>`; `make fuzz` runs all after hypothesis. An input
that fails is printed by atheris: put it into `seeds/<decoder>/`, where the suite tries it for
ever.
"""

from __future__ import annotations

from collections.abc import Callable
import contextlib
from functools import partial
import importlib.util
from pathlib import Path
import subprocess
import sys
import tempfile

HERE = Path(__file__).parent
SEEDS = HERE / 'seeds'
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE / 'link' / 'protocols')]


def _frame(protocol: str, data: bytes) -> None:
    import fuzzing
    import vectors

    adapter = vectors.adapter(protocol)
    for frame in (data, data.decode(errors='replace')):
        fuzzing.check(fuzzing.feed(adapter, frame))


def _row(data: bytes) -> None:
    from xparo_bridge.link.outbox import from_text, to_text

    with contextlib.suppress(ValueError):
        to_text(from_text(data.decode(errors='replace'), 'id-1', True))


def _tree(data: bytes) -> None:
    from xparo_bridge.behavior import builtin_registry, Limits, load, nav2, TreeErrors

    registry = builtin_registry()
    nav2.register(registry)
    with contextlib.suppress(TreeErrors):
        load(data.decode(errors='replace'), registry, Limits(size=20_000, nodes=500))


def _configuration(data: bytes) -> None:
    from xparo_bridge.configuration import ConfigurationError, load

    with tempfile.NamedTemporaryFile(suffix='.yaml') as file:
        Path(file.name).write_bytes(data)
        with contextlib.suppress(ConfigurationError):
            load([file.name])


def decoders() -> dict[str, Callable[[bytes], None]]:
    """What reads from outside, by the folder of its seeds."""
    import vectors

    return {
        'outbox': _row,
        'tree': _tree,
        'configuration': _configuration,
        **{protocol: partial(_frame, protocol) for protocol in vectors.ADAPTERS},
    }


def seeds(decoder: str) -> list[Path]:
    """Files to begin with."""
    return sorted((SEEDS / decoder).glob('*'))


def run_all(seconds: float) -> None:
    """Share the time among the decoders; AssertionError for one that fails."""
    if importlib.util.find_spec('atheris') is None:
        print('guided by coverage: skipped, atheris is not installed here', flush=True)
        return
    names = decoders()
    for name in names:
        done = subprocess.run(
            [sys.executable, __file__, name, str(max(1, round(seconds / len(names))))],
            capture_output=True,
            text=True,
        )
        reported = (done.stderr + done.stdout).strip().splitlines()
        assert done.returncode == 0, '\n'.join([f'{name}:', *reported[-40:]])
        print(f'guided by coverage: {name}: {reported[-1]}', flush=True)


def main() -> None:
    """Feed one decoder; atheris ends the process."""
    import atheris

    name, seconds = sys.argv[1:]
    with atheris.instrument_imports(include=['xparo_bridge']):
        feed = decoders()[name]
        for seed in seeds(name):
            feed(seed.read_bytes())
    with tempfile.TemporaryDirectory() as found:
        atheris.Setup(
            [
                sys.argv[0],
                f'-max_total_time={seconds}',
                '-timeout=10',
                f'-artifact_prefix={found}/',
                found,
                str(SEEDS / name),
            ],
            feed,
        )
        atheris.Fuzz()


if __name__ == '__main__':
    main()
