# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What git knows of a fleet's folder: its revision, and how it was in others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, UTC
import io
from pathlib import Path
import subprocess
import tarfile
import tempfile
from typing import Any

from .subject import UsageError

_TIMEOUT = 60.0
# Python 3.11 has filters since 3.11.4. Git itself writes this archive: neither a path that leads
# out of it nor a file below a link can be in a tree of git's.
_FILTER: dict[str, Any] = {'filter': 'data'} if hasattr(tarfile, 'data_filter') else {}


@dataclass(frozen=True)
class Revision:
    """The last commit of a folder: its name, its time, and whether files differ from it."""

    name: str = ''
    time: datetime | None = None
    changed: bool = False

    @property
    def words(self) -> str:
        """How it is written into a manifest."""
        if not self.name:
            return 'no repository'
        return f'git {self.name}' + (' with changes' if self.changed else '')


def revision_of(folder: Path) -> Revision:
    """Return the revision of a folder; an empty one if it is in no repository."""
    try:
        last = _git(folder, 'log', '-1', '--format=%H %ct', '--', '.').decode().split()
        changed = bool(_git(folder, 'status', '--porcelain', '--', '.').strip())
    except (OSError, subprocess.SubprocessError):
        return Revision()
    if not last:
        return Revision()
    return Revision(last[0][:12], datetime.fromtimestamp(int(last[1]), UTC), changed)


def version_of(revision: Revision) -> tuple[datetime, int]:
    """Return when what a folder holds was made, and its version: that time, Unix s."""
    now = datetime.now(UTC).replace(microsecond=0)
    made_at = revision.time if revision.time is not None and not revision.changed else now
    return made_at, int(made_at.timestamp())


def is_revision(folder: Path, name: str) -> bool:
    """Whether git knows a commit by a name."""
    try:
        _git(folder, 'rev-parse', '--verify', '--quiet', '--end-of-options', f'{name}^{{commit}}')
    except (OSError, subprocess.SubprocessError):
        return False
    return True


@contextmanager
def checked_out(folder: Path, name: str) -> Iterator[Path]:
    """
    Give the folder as it was in a revision, for as long as it is looked at.

    :raises UsageError: if it was not there.
    """
    with tempfile.TemporaryDirectory(prefix='xparo_config_') as temporary:
        try:
            text = _git(folder, 'archive', '--format=tar', name)
        except (OSError, subprocess.SubprocessError) as error:
            reason = getattr(error, 'stderr', b'') or str(error).encode()
            raise UsageError(f'{name}: {reason.decode(errors="replace").strip()}') from error
        with tarfile.open(fileobj=io.BytesIO(text)) as tar:
            tar.extractall(temporary, **_FILTER)
        yield Path(temporary)


def _git(folder: Path, *arguments: str) -> bytes:
    done = subprocess.run(
        ['git', '-C', str(folder), *arguments], capture_output=True, check=True, timeout=_TIMEOUT
    )
    return done.stdout
