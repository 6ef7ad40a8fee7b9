# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is the example in docs/new-protocol.md complete, and does it do what its vector says?"""

import json
from pathlib import Path
import re
import subprocess
import sys

import fuzzing
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
import vectors
import yaml

from xparo_bridge.credentials import Credentials, CredentialsError, read_credentials
from xparo_bridge.link.protocols.base import load_protocol, Protocol

DOCUMENT = Path(__file__).parents[1] / 'docs' / 'new-protocol.md'
SETTINGS = {'url': 'ws://127.0.0.1:7000/', 'robot_id': 'r'}


def block(language, number=0):
    """Return a code block of the document."""
    text = DOCUMENT.read_text(encoding='utf-8')
    return re.findall(rf'```{language}\n(.*?)```', text, re.DOTALL)[number]


@pytest.fixture
def kiosk(tmp_path, monkeypatch):
    """Give the adapter, found as an installed package's would be."""
    (tmp_path / 'kiosk.py').write_text(block('python'), encoding='utf-8')
    installed = tmp_path / 'kiosk-1.0.dist-info'
    installed.mkdir()
    (installed / 'METADATA').write_text('Metadata-Version: 2.1\nName: kiosk\nVersion: 1.0\n')
    point = re.search(r"'(kiosk = kiosk:Kiosk)'", block('python', 1))
    (installed / 'entry_points.txt').write_text(f'[xparo_bridge.protocols]\n{point[1]}\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, 'kiosk', raising=False)
    return load_protocol('kiosk').configured(SETTINGS, Credentials('k-1', ''))


def test_the_adapter_speaks_as_its_vector_says(kiosk):
    last = []
    for step in json.loads(block('json'))['steps']:
        last = vectors.play(kiosk, vectors.Clock(), step, last)


ENVIRONMENT = {'XPARO_SECRET_KEY': 'the platform-s', 'XPARO_PROJECT_ID': '7'}


def test_the_platform_s_secret_is_not_for_the_kiosk(kiosk):
    required = type(kiosk).required_credentials
    with pytest.raises(CredentialsError, match='secret_key missing.*credentials_file'):
        read_credentials(None, ENVIRONMENT, required)


def test_the_kiosk_has_its_own_secret_by_the_file_that_the_page_names(kiosk, tmp_path):
    (link,) = yaml.safe_load(block('yaml'))['links']
    file = tmp_path / Path(link['credentials_file']).name
    file.touch(mode=0o600)
    file.write_text('secret_key: k-1\n')
    found = read_credentials(str(file), ENVIRONMENT, type(kiosk).required_credentials)
    adapter = type(kiosk).configured(SETTINGS, found)
    assert adapter.on_open() == ('HELLO k-1',)


def test_a_protocol_that_asks_for_nothing_is_given_nothing():
    assert read_credentials(None, ENVIRONMENT, Protocol.required_credentials).secret_key == ''


def test_any_frame_is_read_or_refused(kiosk):
    words = st.sampled_from(['DO', 'TOLD', 'PING', 'DO 7 dock'])
    lines = st.tuples(words, st.text()).map(' '.join)

    @settings(max_examples=100, deadline=None)
    @given(frame=lines | st.text() | st.binary())
    def read(frame):
        fuzzing.feed(kiosk, frame)

    read()


def test_the_example_is_as_short_as_the_page_says():
    lines = [line for line in block('python').splitlines() if line.strip()]
    assert len(lines) <= 62


def test_the_example_keeps_the_house_style(tmp_path):
    ruff = pytest.importorskip('ruff')
    (tmp_path / 'kiosk.py').write_text(block('python'), encoding='utf-8')
    result = subprocess.run(
        [
            ruff.find_ruff_bin(),
            'check',
            '--config',
            str(DOCUMENT.parents[1] / 'pyproject.toml'),
            str(tmp_path / 'kiosk.py'),
        ],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout
