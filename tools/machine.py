# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What does this machine lack for making the environment.

It is read by whatever `python3` is, so it keeps to the syntax of Python 3.6.
"""

import configparser
import json
import os
from pathlib import Path
import platform
import shutil
import socket
import subprocess
import sys
from urllib.parse import urlsplit
from urllib.request import getproxies

PYTHONS = ((3, 11), (3, 12), (3, 13))
DISK_SPACE = 1.5e9  # bytes; .venv takes half of it, building and pip's cache come on top

# The programs of which one must be there, with the variable that names another, and the apt
# package of the first.
PROGRAMS = (
    ('a C++ compiler', 'CXX', ('g++', 'c++', 'clang++'), 'g++'),
    ('a C compiler', 'CC', ('gcc', 'cc', 'clang'), 'gcc'),
    ('make', 'MAKE', ('make',), 'make'),
)
LINT_PROGRAMS = (('xmllint', 'XMLLINT', ('xmllint',), 'libxml2-utils'),)

PROBE = """
import importlib.util, json, platform, sys, sysconfig
print(json.dumps({
    'executable': getattr(sys, '_base_executable', None) or sys.executable,
    'version': sys.version_info[:2],
    'cpython': platform.python_implementation() == 'CPython',
    'venv': all(map(importlib.util.find_spec, ('venv', 'ensurepip'))),
    'include': sysconfig.get_paths()['include'],
}))
"""


def clean_environment():
    """Return the variables of this process less those that lead to another ROS or Python."""
    leading = {
        'AMENT_PREFIX_PATH',
        'CMAKE_PREFIX_PATH',
        'COLCON_PREFIX_PATH',
        'LD_LIBRARY_PATH',
        'PIP_PREFIX',
        'PIP_REQUIRE_VIRTUALENV',
        'PIP_TARGET',
        'PIP_USER',
        'PYTHONHOME',
        'PYTHONPATH',
        'VIRTUAL_ENV',
        '_ROS_WHEELS_BOOTSTRAP_COMPLETE',
    }
    return {key: value for key, value in os.environ.items() if key not in leading}


class Interpreter:
    """A Python the environment could be made with, and (what, apt package) it lacks for that."""

    def __init__(self, command):
        output = subprocess.check_output(
            [command, '-I', '-c', PROBE], env=clean_environment(), stderr=subprocess.DEVNULL
        )
        facts = json.loads(output.decode())
        self.executable = facts['executable']
        self.version = tuple(facts['version'])
        self.suitable = facts['cpython'] and self.version in PYTHONS
        self.lacks = []
        package = self._apt_package()
        if not facts['venv']:
            self.lacks.append(
                (
                    f'the modules venv and ensurepip of {self.executable}',
                    package and package + '-venv',
                )
            )
        if not Path(facts['include'], 'Python.h').exists():
            self.lacks.append(
                (f'the header Python.h of {self.executable}', package and package + '-dev')
            )

    def _apt_package(self):
        """Return the apt package the executable is of, None if it is not apt's."""
        path = os.path.realpath(self.executable)
        if os.path.dirname(path) != '/usr/bin':
            return None
        if path == os.path.realpath('/usr/bin/python3'):
            return 'python3'
        return 'python{}.{}'.format(*self.version)


def find_python(without):
    """
    Return the Python to make an environment with, or None, and what is missing for it.

    The one that runs this file is preferred, then any on PATH; one that lacks a part is taken
    only if none is complete.

    :param without: a folder whose Pythons do not count
    """
    names = ['python{}.{}'.format(*version) for version in PYTHONS]
    candidates = [sys.executable, *filter(None, map(shutil.which, names)), '/usr/bin/python3']
    found = {}
    for candidate in candidates:
        try:
            python = Interpreter(candidate)
        except (OSError, subprocess.CalledProcessError, ValueError):
            continue
        if without not in Path(python.executable).parents:
            found.setdefault(python.executable, python)
    suitable = [python for python in found.values() if python.suitable]
    if suitable:
        python = min(suitable, key=lambda python: len(python.lacks))
        return python, python.lacks
    there = ', '.join(
        '{} is {}.{}'.format(python.executable, *python.version) for python in found.values()
    )
    # If there is an unsuitable one of apt's, apt has no other.
    package = None if Path('/usr/bin/python3').exists() else 'python3 python3-venv python3-dev'
    return None, [(f'Python 3.11, 3.12 or 3.13 ({there or "there is none"})', package)]


def default_index():
    """Return the address pip goes to when nobody told it another; '' if pip does not say."""
    try:
        from pip._internal.models.index import PyPI
    except ImportError:
        return ''
    return PyPI.simple_url


def index_address():
    """Return (host, port) pip goes to, the proxy's if there is one; None if pip stays local."""
    home = Path(os.path.expanduser('~'))
    settings = configparser.RawConfigParser(strict=False)
    settings.read(
        str(path)
        for path in (
            '/etc/pip.conf',
            home / '.pip' / 'pip.conf',
            home / '.config' / 'pip' / 'pip.conf',
            os.environ.get('PIP_CONFIG_FILE', os.devnull),
        )
    )

    def setting(name):
        value = os.environ.get('PIP_' + name.upper().replace('-', '_'))
        return value or settings.get('global', name, fallback=None)

    if setting('no-index'):
        return None
    address = urlsplit(setting('index-url') or default_index())
    proxies = getproxies()
    proxy = setting('proxy') or proxies.get(address.scheme) or proxies.get('all')
    if proxy:
        address = urlsplit(proxy if '//' in proxy else '//' + proxy)
    if not address.hostname:
        return None
    return address.hostname, address.port or (80 if address.scheme == 'http' else 443)


def find_missing(folder, download, lint):
    """
    Return the Python to use and a list of (what the machine lacks, its apt packages or None).

    :param folder: where the environment is or will be
    :param download: whether packages have to be downloaded
    :param lint: whether `make lint` is to run
    """
    here = (sys.platform, platform.machine(), platform.libc_ver()[0])
    if here != ('linux', 'x86_64', 'glibc'):
        return None, [
            (
                'Linux with glibc on x86-64, which ROS 2 on PyPI is built for '
                f'(this is {" ".join(filter(None, here))})',
                None,
            )
        ]
    python, missing = find_python(without=folder)
    for what, variable, programs, package in PROGRAMS + (LINT_PROGRAMS if lint else ()):
        if not any(map(shutil.which, (os.environ.get(variable, ''), *programs))):
            missing.append((what, package))
    if download:
        if shutil.disk_usage(str(folder.parent)).free < DISK_SPACE:
            missing.append((f'{DISK_SPACE / 1e9} GB of free disk for {folder}', None))
        address = index_address()
        try:
            if address:
                socket.create_connection(address, timeout=10).close()
        except OSError as error:
            missing.append(('a connection to {}:{} ({})'.format(*address, error), None))
    return python, missing


def describe(missing):
    """Return what an operator has to read about missing things."""
    lines = ['This machine lacks:', *('  ' + what for what, _ in missing)]
    packages = [package for _, package in missing if package]
    if packages:
        lines += ['Install it by:', '  sudo apt-get install ' + ' '.join(packages)]
    return '\n'.join([*lines, 'Nothing was changed.'])
