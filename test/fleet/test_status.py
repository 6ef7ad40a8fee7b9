# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config status` and `config undo`, of a robot on which no bridge runs."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
import pytest

from xparo_bridge.fleet import ros_checking
from xparo_bridge.rollout.signing import written
from xparo_bridge.rollout.store import Store, version_of


@pytest.fixture
def store(fleet, config, tmp_path, monkeypatch) -> Store:
    """Give a store in which version 1 was good and version 2 is on trial."""
    # What needs ROS is another test's.
    monkeypatch.setattr(ros_checking, 'installed', lambda: False)
    folder = fleet({'robots/r7.yaml': ''})
    store = Store(tmp_path / 'store')
    for version in ('1', '2'):
        tar = tmp_path / f'{version}.tar'
        config('render', 'r7', '--folder', folder, '-o', tar, '--version', version)
        code, said = config('apply', tar, '--store', store.path)
        assert code == 0, said
        if version == '1':
            store.confirm()
    return store


def test_a_store_says_how_it_stands(store, config):
    code, said = config('status', '--store', store.path)
    assert code == 1
    assert said.startswith('2-')
    assert ': trial, made from no repository' in said
    store.confirm()
    assert config('status', '--store', store.path)[0] == 0


def test_drift_and_the_reason_of_going_back_are_said(store, config):
    store.roll_back('link platform is not connected')
    file = store.folder(store.state.current) / 'robot.yaml'
    file.write_text('# changed\n')
    code, said = config('status', '--store', store.path, '--format', 'json')
    found = json.loads(said)
    assert (code, found['version'], found['state']) == (1, 1, 'rolled back')
    assert found['reason'].endswith('link platform is not connected')
    assert found['drift'] == [f'{file}:1']


def test_undo_goes_back_to_the_one_before(store, config):
    store.confirm()
    code, said = config('undo', '--store', store.path)
    assert (code, 'on trial at the next start' in said) == (0, True)
    assert version_of(store.state.current) == 1


def test_a_store_without_anything_says_so(config, tmp_path):
    code, said = config('status', '--store', tmp_path)
    assert (code, said) == (1, 'no configuration was applied here\n')
    code, said = config('undo', '--store', tmp_path)
    assert code == 1
    assert 'there is no configuration before' in said


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        (['--robot', 'r8'], 'this robot is r7, not r8'),
        ([], 'versions only go up'),
    ],
)
def test_what_may_not_be_applied_is_refused_and_changes_nothing(
    store, fleet, config, tmp_path, arguments, expected
):
    store.confirm()
    before = store.state
    code, said = config('apply', tmp_path / '1.tar', '--store', store.path, *arguments)
    assert code != 0
    assert expected in said
    assert store.state == before


def test_a_robot_with_trusted_keys_takes_no_bundle_that_is_not_signed(store, config, tmp_path):
    (store.path / 'trusted_keys').write_text(
        '# ours\ned25519:T2gmhpxUELTIZZaPo6KOw0c7dL4aZlUI-IeUWqxEdvU\n'
    )
    before = store.state
    code, said = config('apply', tmp_path / '2.tar', '--store', store.path)
    assert code == 1
    assert 'is not signed, and this robot has trusted_keys' in said
    assert store.state == before


def test_keys_of_the_configuration_that_counts_are_trusted(fleet, config, tmp_path, monkeypatch):
    monkeypatch.setattr(ros_checking, 'installed', lambda: False)
    keys = []
    for name in ('ours', 'foreign'):
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / f'{name}.pem').write_bytes(pem)
        keys.append(key)
    folder = fleet(
        {'robots/r7.yaml': f'rollout: {{trusted_keys: ["{written(keys[0].public_key())}"]}}\n'}
    )
    store = Store(tmp_path / 'store')

    def apply(version: int, *signers: str) -> tuple[int, str]:
        tar = tmp_path / f'{version}.tar'
        signed = [word for name in signers for word in ('--key', tmp_path / f'{name}.pem')]
        config('render', 'r7', '--folder', folder, '-o', tar, '--version', str(version), *signed)
        return config('apply', tar, '--store', store.path)

    assert apply(1)[0] == 0, 'nothing is trusted before the first configuration'
    store.confirm()
    assert 'is not signed' in apply(2)[1]
    assert 'none of which is in trusted_keys' in apply(3, 'foreign')[1]
    assert version_of(store.state.current) == 1
    assert apply(4, 'foreign', 'ours')[0] == 0
    assert version_of(store.state.current) == 4
