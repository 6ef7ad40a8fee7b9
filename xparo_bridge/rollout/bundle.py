# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The bundle of one robot's configuration: reads it from a folder or a tar file, and writes it.

    robot.yaml        all of its configuration, with where each value came from
    trees/ …          files that it names
    manifest.json     hashes of all files, version, origin
    signatures.json   one for each key that signed the manifest
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import io
import json
import os
from pathlib import Path

from ..errors import words_of
from ..json_reader import JsonError, read_json
from .manifest import BundleError, MANIFEST, Manifest, SIGNATURES

# Largest bundle, bytes of all files.
MAX_BYTES = 64 * 1024 * 1024
_MAX_MEMBERS = 2000


@dataclass(frozen=True)
class Bundle:
    """Files of a bundle by name, what its manifest says, and its signatures by key."""

    manifest: Manifest
    files: Mapping[str, bytes] = field(repr=False)
    signatures: Mapping[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:  # noqa: A003
        """What the configuration is known by."""
        return self.manifest.hash

    @classmethod
    def read(cls, path: Path) -> Bundle:
        """
        Read a bundle from a folder or a tar file, and compare all files with its manifest.

        :raises BundleError: for anything that is not whole.
        """
        try:
            files = _of_folder(path) if path.is_dir() else _of_tar(path)
        except (OSError, EOFError) as error:
            raise BundleError(f'{path}: cannot be read: {words_of(error)}') from error
        text = files.pop(MANIFEST, None)
        if text is None:
            raise BundleError(f'{path}: no {MANIFEST}: this is no bundle')
        manifest = Manifest.from_bytes(text)
        if manifest.to_bytes() != text:
            raise BundleError(f'{path}: {MANIFEST} is not as config render writes it')
        signatures = _signatures(files.pop(SIGNATURES, b'{}'))
        for name, entry in manifest.files.items():
            if name not in files:
                raise BundleError(f'{path}: {name} is missing')
            if line := entry.changed_line(files[name]):
                raise BundleError(f'{path}: {name}:{line}: changed after the bundle was made')
        if more := sorted(files.keys() - manifest.files.keys()):
            raise BundleError(f'{path}: {more[0]} is not in {MANIFEST}')
        return cls(manifest, files, signatures)

    def all_files(self) -> dict[str, bytes]:
        """Return all files, the manifest and the signatures too."""
        signatures = (json.dumps(dict(sorted(self.signatures.items())), indent=1) + '\n').encode()
        return {**self.files, MANIFEST: self.manifest.to_bytes(), SIGNATURES: signatures}

    def write(self, path: Path) -> None:
        """Write it into a folder, or a tar file if the name ends with .tar."""
        if path.suffix == '.tar':
            path.write_bytes(self.to_tar())
            return
        for name, content in self.all_files().items():
            file = path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    def to_tar(self) -> bytes:
        """Return it as a tar file; the same for the same bundle."""
        import tarfile  # A bridge that runs reads none: 0.5 MB.

        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode='w', format=tarfile.USTAR_FORMAT) as tar:
            for name, content in sorted(self.all_files().items()):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                member.mode = 0o644
                tar.addfile(member, io.BytesIO(content))
        return buffer.getvalue()


def is_bundle(path: Path) -> bool:
    """Whether a folder is a bundle."""
    return (path / MANIFEST).is_file()


def _of_folder(path: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    for root, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith('.')]
        for name in names:
            file = Path(root, name)
            if not file.is_file() or file.is_symlink():
                raise BundleError(f'{file}: only plain files can be in a bundle')
            total += file.stat().st_size
            _bounded(path, total, len(files))
            files[file.relative_to(path).as_posix()] = file.read_bytes()
    return files


def _of_tar(path: Path) -> dict[str, bytes]:
    import tarfile

    files: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isdir():
                    continue
                if not member.isfile():
                    raise BundleError(f'{path}: {member.name}: only plain files can be in it')
                total += member.size
                _bounded(path, total, len(files))
                content = tar.extractfile(member)
                assert content is not None
                name = member.name.removeprefix('./')
                if name in files:
                    raise BundleError(f'{path}: {name} is in it twice')
                files[name] = content.read()
    except tarfile.TarError as error:
        raise BundleError(f'{path}: cannot be read: {error}') from error
    return files


def _bounded(path: Path, total: int, count: int) -> None:
    if total > MAX_BYTES or count >= _MAX_MEMBERS:
        raise BundleError(f'{path}: over {MAX_BYTES} bytes or {_MAX_MEMBERS} files')


def _signatures(text: bytes) -> dict[str, str]:
    try:
        value = read_json(text)
    except JsonError as error:
        raise BundleError(f'{SIGNATURES}: {error}') from error
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise BundleError(f'{SIGNATURES}: expected signatures by key')
    return value
