# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Are the interfaces of Nav2 and tf2 that we bring the same as upstream's.

The hashes and constants beside this file were made from upstream's own definitions, of Nav2
1.3.13 and tf2 0.36.4 for Jazzy, by ROS 2's generators. A type hash (RIHS01, REP 2016) covers the
names, types and order of all fields and of the types they have; it does not cover constants.
"""

from importlib import import_module
import json
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
import pytest

from xparo_bridge.behavior.ros.fields import is_installed
from xparo_bridge.behavior.ros.robot_registry import nav2_release

HERE = Path(__file__).parent
OURS = HERE.parent.parent / 'interfaces'


def data(name):
    return json.loads((HERE / name).read_text())


def installed_hash(name):
    package, kind, type_name = name.split('/')
    description = Path(get_package_share_directory(package), kind, f'{type_name}.json')
    hashes = json.loads(description.read_text())['type_hashes']
    return next(item['hash_string'] for item in hashes if item['type_name'] == name)


@pytest.mark.parametrize('package', ['nav2_msgs', 'tf2_msgs'])
def test_every_interface_we_bring_has_a_hash_to_compare(package):
    ours = {
        f'{package}/{path.parent.name}/{path.stem}'
        for kind in ('msg', 'srv', 'action')
        for path in (OURS / package).glob(f'{kind}/*')
    }
    assert ours == set(data(f'{package}_type_hashes.json'))


def of_another_release(name):
    """Whether the interface differs in the release of the distribution that this runs on."""
    package, kind, type_name = name.split('/')
    own = OURS / nav2_release() / package
    return own.exists() and (
        (own / kind / f'{type_name}.{kind}').exists() or not is_installed(name)
    )


@pytest.mark.parametrize('package', ['nav2_msgs', 'tf2_msgs'])
def test_the_type_hashes_equal_upstreams(package):
    hashes = data(f'{package}_type_hashes.json')
    expected = {name: each for name, each in hashes.items() if not of_another_release(name)}
    assert expected
    assert {name: installed_hash(name) for name in expected} == expected


@pytest.mark.parametrize(('name', 'constants'), data('nav2_msgs_constants.json').items())
def test_the_constants_equal_upstreams(name, constants):
    if not is_installed(
        name.partition('_Result')[0].partition('_Feedback')[0].partition('_Goal')[0]
    ):
        pytest.skip('an interface of another release of Nav2')
    package, kind, type_name = name.split('/')
    module = import_module(f'{package}.{kind}')
    outer, _, inner = type_name.partition('_')
    message = getattr(module, outer)
    if inner:
        message = getattr(message, inner)
    assert {key: getattr(message, key) for key in constants} == constants
