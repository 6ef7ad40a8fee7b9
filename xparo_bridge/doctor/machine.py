# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Check this machine: disk, permissions, files, versions, memory that DDS shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib
import fcntl
from importlib.metadata import PackageNotFoundError, version
import importlib.util
import os
from pathlib import Path
import re
import shutil
import sys
import tempfile
from typing import Any

from .. import __version__
from ..rollout.store import Store, StoreError
from ..state.state import state_path
from .finding import Finding, not_checked, ok, problem

_MIB = 1024 * 1024
# What the bridge is tested with, least release each; the package it is of on Ubuntu.
_LEAST = {
    'websockets': ((10, 4), 'python3-websockets'),
    'psutil': ((5, 9), 'python3-psutil'),
    'PyYAML': ((6, 0), 'python3-yaml'),
    'numpy': ((1, 26), 'python3-numpy'),
    'aiohttp': ((3, 9), 'python3-aiohttp'),
    'cryptography': ((41, 0), 'python3-cryptography'),
}
_PYTHON = (3, 11)
# First releases of rclpy by distribution: Jazzy's is 7, Kilted's 9.
_RCLPY = 7
_SHARED_MEMORY = Path('/dev/shm')
# The ports that Fast DDS shares memory by, numbered as those of UDP: 250 a domain from 7400 on.
_PORT_FILE = re.compile(r'(?:fastrtps|fastdds)_port(\d+)')
# Bytes of shared memory below which Fast DDS makes no segment (512 KiB a participant).
_LEAST_SHARED = 16 * _MIB


def check_disk(state: Path, least: int) -> Iterator[Finding]:
    """Check that there is room for the bridge's state; `least` in bytes."""
    folder = _existing(state)
    usage = shutil.disk_usage(folder)
    free = f'{usage.free / _MIB:.0f} MiB free at {folder}'
    if usage.free < least:
        words = f'{free}, expected {least / _MIB:.0f} at least'
        remedy = 'make room on the disk, or set state_dir to another one'
        yield problem('disk', str(state), words, remedy)
    else:
        yield ok('disk', str(state), free)
    nodes = os.statvfs(folder)
    if nodes.f_files and nodes.f_favail < 1000:
        words = f'{nodes.f_favail} files can still be made (inodes)'
        yield problem('disk', str(state), words, 'remove files: the disk has no inodes left')


def _existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def check_permissions(configuration: Mapping[str, Any], robot_id: str) -> Iterator[Finding]:
    """Check that this user can write the state and read the files that are configured."""
    yield _writable('state_dir', state_path(configuration['state_dir'], robot_id))
    for key, folder in (
        ('files.folder', configuration['files']['folder']),
        ('bags.folder', configuration['bags']['folder']),
    ):
        if folder:
            yield _writable(key, Path(folder))
    if configuration['trees']['folder']:
        yield _readable('trees.folder', Path(configuration['trees']['folder']))
    for link in configuration['links']:
        for key in ('ca_file', 'client_certificate', 'client_key'):
            if link[key]:
                yield _readable(f'{key} of link {link["name"]}', Path(link[key]))


def _writable(key: str, folder: Path) -> Finding:
    subject = f'{key} {folder}'
    there = _existing(folder)
    user = f'user {os.geteuid()}'
    remedy = (
        f'run the doctor as the user of the bridge; if it was: give {there} to that user, '
        f'mount it writable, or set {key} to another folder'
    )
    if not there.is_dir():
        words = f'{there} is a file, expected a folder'
        return problem('permissions', subject, words, f'set {key} to a folder')
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        words = f'{user} cannot write to {there}: {error.strerror}'
        return problem('permissions', subject, words, remedy)
    mode = there.stat().st_mode
    if there == folder and key == 'state_dir' and mode & 0o022:
        words = f'others may write to it (mode {mode & 0o777:o})'
        return problem('permissions', subject, words, f'run: chmod go-w {folder}')
    for name in ('lock', 'state.sqlite'):
        if there == folder and (folder / name).exists() and not os.access(folder / name, os.W_OK):
            words = f'{user} cannot write {folder / name}'
            return problem('permissions', subject, words, remedy)
    made = '' if there == folder else ', which is made at the first start'
    return ok('permissions', subject, f'{user} can write it{made}')


def _readable(key: str, path: Path) -> Finding:
    subject = f'{key} {path}'
    try:
        if path.is_dir():
            if key != 'trees.folder':
                words = 'it is a folder, expected a file'
                return problem('permissions', subject, words, f'name a file as {key}')
            list(path.iterdir())
        else:
            with path.open('rb') as file:
                file.read(1)
    except OSError as error:
        words = f'user {os.geteuid()} cannot read it: {error.strerror}'
        remedy = f'correct {key}, or let the user of the bridge read the file'
        return problem('permissions', subject, words, remedy)
    return ok('permissions', subject, 'can be read')


def check_versions() -> Iterator[Finding]:
    """Check that what the bridge is made of is installed, in releases it works with."""
    running = '.'.join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _PYTHON:
        words = f'{running}, expected 3.11 or later'
        yield problem('versions', 'Python', words, 'use the python3 of Ubuntu 24.04')
    else:
        yield ok('versions', 'Python', running)
    for name, (least, package) in _LEAST.items():
        expected = '.'.join(map(str, least))
        remedy = f'install {package} of the distribution, and remove other copies of {name}'
        try:
            found = version(name)
        except PackageNotFoundError:
            words = f'is not installed, expected {expected} or later'
            yield problem('versions', name, words, remedy)
            continue
        if _numbers(found) < least:
            words = f'{found}, expected {expected} or later'
            yield problem('versions', name, words, remedy)
        else:
            yield ok('versions', name, found)
    yield from _of_ros()


def _of_ros() -> Iterator[Finding]:
    for name, remedy in (
        ('rclpy', 'source the setup file of ROS 2 (/opt/ros/jazzy/setup.bash)'),
        ('xparo_interfaces', "build it beside the bridge, and source the workspace's setup file"),
        ('tf2_msgs', 'install ros-jazzy-tf2-msgs'),
    ):
        if importlib.util.find_spec(name) is None:
            yield problem('versions', name, 'is not installed', remedy)
            continue
        found = _version(name)
        if name == 'rclpy' and found and _numbers(found) < (_RCLPY,):
            words = f'{found}, expected {_RCLPY} or later'
            yield problem('versions', name, words, 'use ROS 2 Jazzy or later')
        elif name == 'xparo_interfaces' and found and found != __version__:
            words = f'{found}, but the bridge is {__version__}'
            remedy = 'build both of the same release; goals and services may not be understood'
            yield problem('versions', name, words, remedy)
        else:
            yield ok('versions', name, found or 'is installed')


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ''


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r'\d+', text)[:3])


def check_shared_memory(folder: Path = _SHARED_MEMORY) -> Iterator[Finding]:
    """Check that nodes of other users can be talked to, and that there is memory to share."""
    subject = str(folder)
    transports = os.environ.get('FASTDDS_BUILTIN_TRANSPORTS', '')
    if not folder.is_dir():
        words = 'there is no shared memory here; DDS talks by UDP'
        yield not_checked('shared memory', subject, words, 'none needed; in a container: --ipc')
        return
    others = _other_users(folder, os.environ.get('ROS_DOMAIN_ID') or '0')
    # With this range ROS chooses the transports itself, whatever the variable says.
    local = os.environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE') == 'LOCALHOST'
    if others and (local or transports.upper() not in ('UDPV4', 'UDPV6')):
        users = ', '.join(map(str, sorted(others)))
        unset = 'unset ROS_AUTOMATIC_DISCOVERY_RANGE, with which it has no effect, and '
        yield problem(
            'shared memory',
            subject,
            f'nodes of user {users} run here, and this is user {os.geteuid()}: Fast DDS shares '
            'memory only within one user, so nothing may arrive from them, and nothing is said',
            (unset if local else '')
            + 'set FASTDDS_BUILTIN_TRANSPORTS=UDPv4 for the bridge, as the systemd unit does, or '
            'run all as one user',
        )
        return
    free = shutil.disk_usage(folder).free
    if free < _LEAST_SHARED:
        words = f'{free / _MIB:.0f} MiB free, expected {_LEAST_SHARED / _MIB:.0f} at least'
        remedy = f'remove what processes left in {folder}; in a container: --shm-size=256m'
        yield problem('shared memory', subject, words, remedy)
        return
    how = f', unused as FASTDDS_BUILTIN_TRANSPORTS is {transports}' if transports else ''
    yield ok('shared memory', subject, f'{free / _MIB:.0f} MiB free{how}')


def _other_users(folder: Path, domain: str) -> set[int]:
    """Return the other users of whom a node runs in this domain, by the ports it shares."""
    users = set()
    for file in folder.iterdir():
        port = _PORT_FILE.fullmatch(file.name)
        if port is None or str((int(port[1]) - 7400) // 250) != domain:
            continue
        with contextlib.suppress(OSError):
            owner = file.stat().st_uid
            if owner != os.geteuid() and _is_held(file.with_name(f'{file.name}_el')):
                users.add(owner)
    return users


def _is_held(lock: Path) -> bool:
    """Whether the process lives that holds this lock: the files of one that was killed stay."""
    try:
        with lock.open('rb') as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def check_store(folder: Path) -> Iterator[Finding]:
    """Check which configuration was applied, and whether it is as it was made."""
    from ..fleet.status import status

    try:
        found = status(Store(folder))
    except StoreError as error:
        words, remedy = str(error), 'apply a bundle with `config apply`'
        yield problem('rollout', str(folder), words, remedy)
        return
    if found['drift']:
        words = f'changed by hand: {", ".join(found["drift"][:3])}'
        remedy = 'put the change into the folder of the fleet, and apply it'
        yield problem('rollout', str(folder), words, remedy)
    elif found['reason']:
        words = f'{found["state"]}: {found["reason"]}'
        yield problem('rollout', str(folder), words, 'mend the configuration and apply it again')
    else:
        yield ok('rollout', str(folder), f'{found["current"]}: {found["state"]}')
