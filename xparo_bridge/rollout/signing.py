# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Sign bundles and check their signatures: Ed25519, by the package cryptography.

A public key is written as `ed25519:` and 43 characters of base64, as `config render` prints it, or
is the text of a PEM file. It is known by the first digits of its SHA-256.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
import hashlib
from pathlib import Path
from typing import Any

from .bundle import Bundle
from .manifest import BundleError

_PREFIX = 'ed25519:'
_ID_DIGITS = 16


class NotTrusted(BundleError):
    """A bundle that this robot may not apply; says why."""


def public_key_of(text: str) -> Any:
    """
    Read a public key.

    :raises BundleError: if it is none.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        if 'BEGIN' in text:
            key = load_pem_public_key(text.encode())
        else:
            raw = text.strip().removeprefix(_PREFIX)
            key = Ed25519PublicKey.from_public_bytes(
                base64.urlsafe_b64decode(raw + '=' * (-len(raw) % 4))
            )
    except (ValueError, binascii.Error) as error:
        raise BundleError(f'not a public key: {text[:60]}') from error
    if not isinstance(key, Ed25519PublicKey):
        raise BundleError('expected a key of Ed25519')
    return key


def private_key_of(file: Path) -> Any:
    """
    Read a private key from a PEM file, as `openssl genpkey -algorithm ed25519` writes it.

    :raises BundleError: if it is none.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise BundleError(
            f'{file}: not a private key without a password, as openssl genpkey -algorithm '
            f'ed25519 writes it: {error}'
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BundleError(f'{file}: expected a key of Ed25519')
    return key


def written(public_key: Any) -> str:
    """Return a public key as trusted_keys has it."""
    raw = public_key.public_bytes_raw()
    return _PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip('=')


def key_id(public_key: Any) -> str:
    """Return what a public key is known by."""
    return hashlib.sha256(public_key.public_bytes_raw()).hexdigest()[:_ID_DIGITS]


def sign(bundle: Bundle, keys: Sequence[Any]) -> Bundle:
    """Return a bundle with the signatures of private keys beside those that it has."""
    text = bundle.manifest.to_bytes()
    made = {key_id(key.public_key()): base64.b64encode(key.sign(text)).decode() for key in keys}
    return replace(bundle, signatures={**bundle.signatures, **made})


def check(
    bundle: Bundle, *, robot: str, trusted_keys: Sequence[str], version: int, now: datetime
) -> None:
    """
    Refuse a bundle that is not for a robot, is older than `version`, expired, or not trusted.

    Without trusted keys a signature is not asked for.

    :raises NotTrusted: that says why.
    """
    manifest = bundle.manifest
    if manifest.robot != robot:
        raise NotTrusted(f'the bundle is for robot {manifest.robot}, this is {robot}')
    if trusted_keys:
        _check_signature(bundle, trusted_keys)
    if manifest.version < version:
        raise NotTrusted(
            f'the bundle has version {manifest.version}, this robot had {version} already; '
            'versions only go up, config undo goes back'
        )
    if manifest.expires is not None and manifest.expires < now:
        raise NotTrusted(f'the bundle has expired at {manifest.expires.isoformat()}')


def _check_signature(bundle: Bundle, trusted_keys: Sequence[str]) -> None:
    from cryptography.exceptions import InvalidSignature

    if not bundle.signatures:
        raise NotTrusted('the bundle is not signed, and this robot has trusted_keys')
    text = bundle.manifest.to_bytes()
    for trusted in trusted_keys:
        key = public_key_of(trusted)
        signature = bundle.signatures.get(key_id(key))
        if signature is None:
            continue
        try:
            key.verify(base64.b64decode(signature, validate=True), text)
        except (InvalidSignature, ValueError):
            raise NotTrusted(
                f'the signature of key {key_id(key)} is not one of this manifest'
            ) from None
        return
    raise NotTrusted(
        f'the bundle is signed by {", ".join(sorted(bundle.signatures))}, none of which is in '
        'trusted_keys'
    )
