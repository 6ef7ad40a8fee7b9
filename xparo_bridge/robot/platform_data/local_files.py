# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Reports to a platform what the robot has of the files that both may change, by hash or as they are.

The hash is the platform's own, so that equal texts are found equal whatever editor touched them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import hashlib

from .sandbox import Sandbox
from .sandbox_paths import SandboxError

KINDS = ('custom_aiml', 'custom_maps')
PUSHED = 1 << 20  # bytes of one file that is reported; a larger one is left out
_PIECE = 1 << 18  # bytes of files in one message, so that no peer finds it too large


def text_hash(text: str) -> str:
    """
    SHA-256 of a text, in hex.

    Line ends count as LF, white space at the ends of lines does not count, and there is exactly
    one line end at the end.
    """
    lines = text.replace('\r\n', '\n').replace('\r', '\n').split('\n')
    normal = '\n'.join(line.rstrip(' \t') for line in lines).rstrip('\n') + '\n'
    return hashlib.sha256(normal.encode()).hexdigest()


def state(sandbox: Sandbox) -> dict[str, dict[str, str]]:
    """Return the hash of every file by kind and name."""
    return {
        kind: {
            name: text_hash(text)
            for name in sandbox.names(kind)
            if (text := _text(sandbox, kind, name)) is not None
        }
        for kind in KINDS
    }


def content(
    sandbox: Sandbox, asked: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, dict[str, str]]]:
    """Yield the files that are there of those asked for, in pieces; at least one."""
    piece: dict[str, dict[str, str]] = {}
    size, pieces = 0, 0
    for kind in KINDS:
        for name in asked.get(kind, ()):
            text = _text(sandbox, kind, name)
            if text is None:
                continue
            if size and size + len(text) > _PIECE:
                yield piece
                piece, size, pieces = {}, 0, pieces + 1
            piece.setdefault(kind, {})[name] = text
            size += len(text)
    if piece or not pieces:
        yield piece


def _text(sandbox: Sandbox, kind: str, name: str) -> str | None:
    try:
        return sandbox.read(f'{kind}/{name}', PUSHED).decode()
    except (SandboxError, UnicodeDecodeError):
        return None
