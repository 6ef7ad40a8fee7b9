# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Describe the configuration of one robot when it is made: its files, version and origin.

The manifest is the file manifest.json beside the configuration's files. Its SHA-256 is the hash by
which the configuration is known; what is signed are its bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import BadInput
from ..json_reader import JsonError, read_json

MANIFEST, SIGNATURES, ROBOT_FILE = 'manifest.json', 'signatures.json', 'robot.yaml'
FORMAT = 1
_MAX_FILES = 1000
# Hexadecimal digits that a line of a file is known by.
_LINE_DIGITS = 8


class BundleError(BadInput):
    """A bundle that cannot be used; says why, and what would be right."""


@dataclass(frozen=True)
class FileEntry:
    """A file: its SHA-256 and, of each line, the first digits of that."""

    sha256: str
    lines: tuple[str, ...]

    @classmethod
    def of(cls, content: bytes) -> FileEntry:
        """Return the entry of a file's content."""
        return cls(hashlib.sha256(content).hexdigest(), _lines(content))

    def changed_line(self, content: bytes) -> int:
        """Return the number of the first line that is not as it was; 0 if all are."""
        if hashlib.sha256(content).hexdigest() == self.sha256:
            return 0
        lines = _lines(content)
        for number, (was, now) in enumerate(zip(self.lines, lines, strict=False), 1):
            if was != now:
                return number
        return min(len(self.lines), len(lines)) + 1


def _lines(content: bytes) -> tuple[str, ...]:
    return tuple(hashlib.sha256(line).hexdigest()[:_LINE_DIGITS] for line in content.splitlines())


@dataclass(frozen=True)
class Manifest:
    """
    What a bundle says of itself.

    `version` only goes up, `made_from` is the revision it was made from, `layers` the files that
    were merged, lowest first; `expires` is when it may no longer be applied. `content` is a hash
    of what the configuration says, the same for two versions that differ in nothing else; bundles
    of older releases have none.
    """

    robot: str
    version: int
    made_from: str
    made_at: datetime
    layers: tuple[str, ...]
    files: Mapping[str, FileEntry]
    expires: datetime | None = None
    content: str = ''

    def to_bytes(self) -> bytes:
        """Return the text of manifest.json; the same for the same content."""
        value: dict[str, Any] = {
            'format': FORMAT,
            'robot': self.robot,
            'version': self.version,
            'made_from': self.made_from,
            'made_at': self.made_at.isoformat(),
            'expires': self.expires.isoformat() if self.expires else None,
            'layers': list(self.layers),
            **({'content': self.content} if self.content else {}),
            'files': {
                name: {'sha256': entry.sha256, 'lines': list(entry.lines)}
                for name, entry in sorted(self.files.items())
            },
        }
        return (json.dumps(value, indent=1) + '\n').encode()

    @classmethod
    def from_bytes(cls, text: bytes) -> Manifest:
        """
        Read manifest.json.

        :raises BundleError: if it is none.
        """
        try:
            value: Any = read_json(text)
            if value['format'] != FORMAT:
                raise BundleError(
                    f'{MANIFEST} has format {value["format"]!r}; this bridge reads {FORMAT}'
                )
            files = {
                _safe(name): FileEntry(str(entry['sha256']), tuple(map(str, entry['lines'])))
                for name, entry in value['files'].items()
            }
            expires = value['expires']
            made = cls(
                robot=_text(value['robot']),
                version=_whole(value['version']),
                made_from=_text(value['made_from']),
                made_at=_time(value['made_at']),
                layers=tuple(map(_text, value['layers'])),
                files=files,
                expires=None if expires is None else _time(expires),
                content=_text(value.get('content', '')),
            )
        except (JsonError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(f'{MANIFEST} is not one of a bundle: {error}') from error
        if ROBOT_FILE not in files or len(files) > _MAX_FILES:
            raise BundleError(f'{MANIFEST}: expected {ROBOT_FILE} and at most {_MAX_FILES} files')
        return made

    @property
    def hash(self) -> str:  # noqa: A003
        """What the configuration is known by."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def changed_files(entries: Mapping[Path, FileEntry]) -> Iterator[str]:
    """Say which files are not as their entries have them, each as file:line."""
    for file, entry in entries.items():
        try:
            line = entry.changed_line(file.read_bytes())
        except OSError as error:
            yield f'{file}: cannot be read: {error.strerror}'
            continue
        if line:
            yield f'{file}:{line}'


def drift(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Say which files of a configuration are not as they were made, each as file:line."""
    yield from changed_files({folder / name: entry for name, entry in manifest.files.items()})
    known = {MANIFEST, SIGNATURES, *manifest.files}
    for file in sorted(folder.rglob('*')):
        if file.is_file() and file.relative_to(folder).as_posix() not in known:
            yield f'{file}: a file that was not there'


def _safe(name: Any) -> str:
    path = PurePosixPath(_text(name))
    if path.is_absolute() or '..' in path.parts or str(path) != name or '\\' in name:
        raise BundleError(f'{MANIFEST}: {name!r} is no path below the bundle')
    if name in (MANIFEST, SIGNATURES):
        raise BundleError(f'{MANIFEST}: {name} cannot name itself')
    return str(name)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f'expected text, not {value!r}')
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f'expected a whole number, not {value!r}')
    return value


def _time(value: Any) -> datetime:
    time = datetime.fromisoformat(_text(value))
    if time.tzinfo is None:
        raise ValueError(f'{value} has no time zone')
    return time
