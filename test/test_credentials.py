# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Credentials: environment or a file of mode 0600, never in an error's words."""

import pytest

from xparo_bridge.credentials import CredentialsError, read_credentials

SECRET = 'hunter2hunter2'


def write(path, text, mode=0o600):
    """Write a file with a mode."""
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_the_environment_gives_them():
    found = read_credentials(None, {'XPARO_SECRET_KEY': SECRET, 'XPARO_PROJECT_ID': '7'})
    assert (found.secret_key, found.project_id) == (SECRET, '7')


def test_a_missing_variable_is_named():
    with pytest.raises(CredentialsError, match='^XPARO_PROJECT_ID not set in .*; set it, or'):
        read_credentials(None, {'XPARO_SECRET_KEY': SECRET})


def test_a_private_file_gives_them(tmp_path):
    file = write(tmp_path / 'key.yaml', f'secret_key: {SECRET}\nproject_id: 42\n')
    assert read_credentials(file, {}).project_id == '42'


def test_a_file_that_others_can_read_is_refused(tmp_path):
    file = write(tmp_path / 'key.yaml', f'secret_key: {SECRET}\nproject_id: 42\n', 0o640)
    with pytest.raises(CredentialsError, match='chmod 600'):
        read_credentials(file, {})


@pytest.mark.parametrize(
    'text',
    [f'secret_key: [{SECRET}\n', f'secret_key: {SECRET}\n', SECRET, f'{SECRET}: : :\n', '\0'],
)
def test_a_bad_file_is_refused_without_quoting_it(tmp_path, text):
    with pytest.raises(CredentialsError) as caught:
        read_credentials(write(tmp_path / 'key.yaml', text), {})
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CredentialsError, match=r'none\.yaml: cannot be read: No such file or dir'):
        read_credentials(str(tmp_path / 'none.yaml'), {})


def test_they_do_not_print(tmp_path):
    found = read_credentials(None, {'XPARO_SECRET_KEY': SECRET, 'XPARO_PROJECT_ID': '7'})
    assert SECRET not in repr(found)


def test_a_peer_that_is_not_the_platform_is_never_given_the_platform_s_secret():
    environment = {'XPARO_SECRET_KEY': SECRET, 'XPARO_PROJECT_ID': '7'}
    assert read_credentials(None, environment, required=()).secret_key == ''


def test_a_file_may_give_less_to_a_peer_that_needs_less(tmp_path):
    file = write(tmp_path / 'key.yaml', f'secret_key: {SECRET}\n')
    assert read_credentials(file, {}, required=()).secret_key == SECRET
    with pytest.raises(CredentialsError, match='project_id missing'):
        read_credentials(file, {})
