# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A robot with trusted keys takes what it may take and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, UTC

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
import pytest

from xparo_bridge.rollout.bundle import Bundle
from xparo_bridge.rollout.manifest import BundleError, FileEntry, Manifest
from xparo_bridge.rollout.signing import (
    check,
    key_id,
    NotTrusted,
    private_key_of,
    public_key_of,
    sign,
    written,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLD, NEW, FOREIGN = (Ed25519PrivateKey.generate() for _ in range(3))


def bundle(**changes: object) -> Bundle:
    content = b'a: 1\n'
    manifest = Manifest(
        robot='r7',
        version=5,
        made_from='git abc',
        made_at=NOW,
        layers=(),
        files={'robot.yaml': FileEntry.of(content)},
    )
    return Bundle(replace(manifest, **changes), {'robot.yaml': content})


def taken(of: Bundle, *trusted: Ed25519PrivateKey, robot: str = 'r7', version: int = 5) -> None:
    keys = [written(key.public_key()) for key in trusted]
    check(of, robot=robot, trusted_keys=keys, version=version, now=NOW)


def test_what_is_signed_by_a_trusted_key_is_taken():
    taken(sign(bundle(), [OLD]), OLD)


def test_keys_overlap_while_they_are_changed():
    both = sign(sign(bundle(), [OLD]), [NEW])
    taken(both, OLD)
    taken(both, NEW)
    taken(sign(bundle(), [NEW]), OLD, NEW)


def test_without_trusted_keys_a_signature_is_not_asked_for():
    taken(bundle())
    taken(sign(bundle(), [FOREIGN]))


@pytest.mark.parametrize(
    ('of', 'expected'),
    [
        (bundle(), 'is not signed, and this robot has trusted_keys'),
        (sign(bundle(), [FOREIGN]), 'none of which is in trusted_keys'),
        (sign(bundle(robot='r8'), [OLD]), 'is for robot r8, this is r7'),
        (sign(bundle(version=4), [OLD]), 'versions only go up'),
        (sign(bundle(expires=NOW - timedelta(seconds=1)), [OLD]), 'has expired'),
        (
            replace(bundle(version=6), signatures=sign(bundle(), [OLD]).signatures),
            'is not one of this manifest',
        ),
        (
            replace(bundle(), signatures={key_id(OLD.public_key()): 'no base64!'}),
            'is not one of this manifest',
        ),
    ],
)
def test_everything_else_is_refused_with_the_reason(of, expected):
    with pytest.raises(NotTrusted, match=expected):
        taken(of, OLD)


def test_what_expires_later_is_taken():
    taken(sign(bundle(expires=NOW + timedelta(seconds=1)), [OLD]), OLD)


def test_a_public_key_is_read_as_it_is_written_and_as_pem():
    public = OLD.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for text in (written(public), pem):
        assert key_id(public_key_of(text)) == key_id(public)


@pytest.mark.parametrize('text', ['', 'ed25519:', 'ed25519:abc', 'rsa', '-----BEGIN X-----'])
def test_what_is_no_public_key_is_refused(text):
    with pytest.raises(BundleError, match='not a public key'):
        public_key_of(text)


def test_what_is_no_private_key_is_refused(tmp_path):
    (tmp_path / 'key.pem').write_text('no key')
    with pytest.raises(BundleError, match='openssl genpkey'):
        private_key_of(tmp_path / 'key.pem')
    with pytest.raises(BundleError, match='openssl genpkey'):
        private_key_of(tmp_path / 'none.pem')
