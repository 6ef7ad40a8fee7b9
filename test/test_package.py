# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the descriptions of the package agree with each other and with the rules for them."""

from importlib.metadata import distribution
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from catkin_pkg.package import parse_package
import pytest

import xparo_bridge

ROOT = Path(__file__).parent.parent
MANIFESTS = [ROOT / 'package.xml', *sorted(ROOT.glob('interfaces/*/package.xml'))]


@pytest.mark.parametrize('path', MANIFESTS, ids=lambda path: path.parent.name)
def test_the_manifest_is_valid(path):
    warnings = []
    package = parse_package(path, warnings=warnings)
    package.validate(warnings=warnings)
    assert not warnings


def test_the_versions_are_the_same():
    assert parse_package(ROOT).version == xparo_bridge.__version__
    assert distribution('xparo_bridge').version == xparo_bridge.__version__


def test_the_package_is_found_in_the_ament_index():
    share = Path(get_package_share_directory('xparo_bridge'))
    assert (share / 'package.xml').read_text() == (ROOT / 'package.xml').read_text()
