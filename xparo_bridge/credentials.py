# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Credentials of a link: from the environment or from a file only its owner can read.

They never come from the configuration, from ROS parameters or from the command line, because all
of those are shown to others. What a platform issues to the robot is kept in such files too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import errno
import os
from pathlib import Path
import stat
import threading

import yaml

from .errors import BadInput, words_of
from .state import State
from .yaml_reader import read_yaml, YamlError


class CredentialsError(BadInput):
    """Credentials are missing or readable by others; says where they are looked for."""


@dataclass(frozen=True)
class Credentials:
    """
    What a link proves itself with; never printed.

    `robot_credential` is what the platform issued to this robot, to be used before the secret.
    """

    secret_key: str = field(repr=False)
    project_id: str = field(repr=False)
    robot_credential: str = field(default='', repr=False)


# What stands in a file whose secret was not filled in.
_NO_SECRET = ('', '~', 'null', 'Null', 'NULL', 'true', 'false')
# Bytes of a file of credentials; what is longer is none.
_MOST = 64 * 1024
SYSTEMD_CREDENTIAL = 'xparo_credentials'
REQUIRED = ('secret_key', 'project_id')


def read_credentials(
    file: str | None,
    environment: Mapping[str, str] = os.environ,
    required: Sequence[str] = REQUIRED,
) -> Credentials:
    """
    Take `secret_key` and `project_id` from a YAML file of mode 0600, or from the environment.

    A file name without a folder is one of systemd's credentials, where the service has it.
    Without a file: XPARO_SECRET_KEY and XPARO_PROJECT_ID, or else systemd's credential named
    xparo_credentials, but only where both are `required`. A peer that needs less is not the
    platform, and must not get the platform's secret.
    """
    from_systemd = None
    folder = environment.get('CREDENTIALS_DIRECTORY')
    if folder and file is not None and '/' not in file:
        from_systemd = Path(folder) / file
    elif (
        folder
        and file is None
        and tuple(required) == REQUIRED
        and 'XPARO_SECRET_KEY' not in environment
    ):
        from_systemd = Path(folder) / SYSTEMD_CREDENTIAL
    if from_systemd is not None and not from_systemd.exists():
        from_systemd = None
    if file is None and from_systemd is None:
        if tuple(required) != REQUIRED:
            if required:
                raise CredentialsError(
                    f'{" and ".join(required)} missing; name a file of mode 0600 with it as '
                    'credentials_file of the link'
                )
            return Credentials('', '')
        secret_key = environment.get('XPARO_SECRET_KEY', '')
        project_id = environment.get('XPARO_PROJECT_ID', '')
        missing = [
            name
            for name, value in (('XPARO_SECRET_KEY', secret_key), ('XPARO_PROJECT_ID', project_id))
            if not value
        ]
        if missing:
            them = 'it' if len(missing) == 1 else 'them'
            raise CredentialsError(
                f'{" and ".join(missing)} not set in the environment; set {them}, or name a file '
                'of mode 0600 with secret_key and project_id as credentials_file of the link'
            )
        return Credentials(secret_key, project_id)
    path = from_systemd or Path(file or '').expanduser()
    try:
        mode = path.stat().st_mode
        text = _read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(f'{path}: cannot be read: {words_of(error)}') from None
    # systemd shows its credentials as 0440, but keeps everybody else out of their folder.
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and from_systemd is None:
        raise CredentialsError(f'{path}: others may read it; run: chmod 600 {path}')
    try:
        # All scalars as their texts: a secret may look like a number, a date or a boolean.
        values = read_yaml(text, yaml.BaseLoader)
    except YamlError:
        # The parser's own words would quote the line, and the line may be the secret.
        raise CredentialsError(
            f'{path}: not YAML; expected two lines, secret_key: … and project_id: …'
        ) from None
    if not isinstance(values, dict):
        values = {}
    found = {
        key: values[key]
        for key in REQUIRED
        if isinstance(values.get(key), str) and values[key] not in _NO_SECRET
    }
    wrong = [key for key in required if not found.get(key)]
    if wrong:
        raise CredentialsError(f'{path}: {" and ".join(wrong)} missing')
    return Credentials(found.get('secret_key', ''), found.get('project_id', ''))


def _read_text(path: Path) -> str:
    """Text of a small regular file; OSError for anything else, which could be read for ever."""
    # Not to wait for whoever writes to a FIFO.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), 'rb') as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, 'not a regular file')
        data = file.read(_MOST + 1)
    if len(data) > _MOST:
        raise OSError(errno.EFBIG, f'over {_MOST} bytes')
    return data.decode('utf-8')


class IssuedCredentials:
    """
    Credentials that platforms issued to this robot, by link; used from several threads.

    What cannot be read is as if nothing had been issued: the link goes on with its secret.
    """

    def __init__(self, state: State) -> None:
        """Take where they are kept."""
        self._lock = threading.Lock()
        self._table = state.table('credentials', max_entries=1000, max_bytes=1024 * 1024)

    def read(self, link: str) -> str:
        """Return what a link is to use instead of the project's secret; empty for nothing."""
        with self._lock:
            return self._table.get(link) or ''

    def keep(self, link: str, value: str) -> None:
        """
        Keep it over restarts in place of the one before; forget it if empty.

        :raises NoRoom: if it is too large.
        """
        with self._lock:
            if value:
                self._table.put(link, value)
            else:
                self._table.delete(link)
