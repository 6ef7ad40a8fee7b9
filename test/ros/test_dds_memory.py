# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does DDS set aside less for the bridge, and only where nobody chose otherwise."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

from xparo_bridge.ros.dds_memory import small_pools
from xparo_bridge.share import share

_PROFILES = share('config', 'fast_dds.xml')
_VARIABLES = (
    'FASTRTPS_DEFAULT_PROFILES_FILE',
    'FASTDDS_DEFAULT_PROFILES_FILE',
    'RMW_FASTRTPS_USE_QOS_FROM_XML',
)

# Prints what 60 services, which have a reader and a writer each, add to RSS, in kB; and whether a
# burst of 200 samples, more than were set aside, arrives whole.
_PROGRAM = """
from pathlib import Path
import sys
import rclpy
from rclpy.node import Node
from std_srvs.srv import Trigger
from std_msgs.msg import String
from xparo_bridge.ros.dds_memory import small_pools

def rss():
    return int(Path('/proc/self/statm').read_text().split()[1]) * 4

with small_pools(Path(sys.argv[1])):
    rclpy.init()
    node = Node('pools')
node.create_service(Trigger, 'first', lambda request, response: response)
before = rss()
for index in range(60):
    node.create_service(Trigger, f'service_{index}', lambda request, response: response)
added = rss() - before
got = []
node.create_subscription(String, 'burst', lambda message: got.append(message.data), 300)
publisher = node.create_publisher(String, 'burst', 300)
while not publisher.get_subscription_count():
    rclpy.spin_once(node, timeout_sec=0.1)
for index in range(200):
    publisher.publish(String(data=f'{index:05}' + 'x' * index))
clock = node.get_clock()
end = clock.now().nanoseconds + 20e9
while len(got) < 200 and clock.now().nanoseconds < end:
    rclpy.spin_once(node, timeout_sec=0.1)
assert [int(text[:5]) for text in got] == list(range(200)), len(got)
print(added)
"""

# Prints how much memory, in kB, is in use after large samples than before: nine of ten topics get
# twenty of 100 kB, and all are taken.
_LARGE_SAMPLES = """
import ctypes
from pathlib import Path
import sys
import rclpy
from rclpy.node import Node
from std_msgs.msg import String
from xparo_bridge.ros.dds_memory import small_pools

class Allocated(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        'arena', 'ordblks', 'smblks', 'hblks', 'hblkhd', 'usmblks', 'fsmblks', 'used', 'free',
        'keepcost')]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Allocated

def used():
    allocated = libc.mallinfo2()
    return (allocated.used + allocated.hblkhd) // 1024

with small_pools(Path(sys.argv[1])):
    rclpy.init()
    node = Node('pools')
got = dict.fromkeys(range(10), 0)

def hear(index):
    def take(message):
        got[index] += 1
    return node.create_subscription(String, f'topic_{index}', take, 10)

heard = [hear(index) for index in got]
other = Node('other')

def flood(index, count, size):
    publisher = other.create_publisher(String, f'topic_{index}', 10)
    while not publisher.get_subscription_count():
        rclpy.spin_once(node, timeout_sec=0.1)
    for first in range(0, count, 10):
        expected = got[index] + 10
        for _ in range(10):
            publisher.publish(String(data='x' * size))
        while got[index] < expected:
            rclpy.spin_once(node, timeout_sec=1.0)
    other.destroy_publisher(publisher)

flood(0, 20, 100_000)
before = used()
for index in range(1, 10):
    flood(index, 20, 100_000)
print(used() - before)
"""


def _added(profiles: Path, folder: Path, program: str = _PROGRAM) -> int:
    environment = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    # By UDP: shared memory is left in disorder by tests that kill.
    environment |= {
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4',
    }
    done = subprocess.run(
        [sys.executable, '-c', program, str(profiles)],
        env=environment,
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not done.stderr
    return int(done.stdout)


def test_what_carries_nothing_takes_less_memory_and_loses_nothing(tmp_path: Path) -> None:
    small, usual = _added(_PROFILES, tmp_path), _added(tmp_path / 'none.xml', tmp_path)
    assert small < usual - 500, (small, usual)


def test_the_room_of_large_samples_is_given_back(tmp_path: Path) -> None:
    kept = _added(_PROFILES, tmp_path, _LARGE_SAMPLES)
    usual = _added(tmp_path / 'none.xml', tmp_path, _LARGE_SAMPLES)
    # Ten samples of each of nine topics, of which the middleware's own setup keeps all.
    assert kept < 1000 < 5000 < usual, (kept, usual)


@pytest.mark.parametrize('name', _VARIABLES)
def test_what_the_user_set_stands(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for other in _VARIABLES:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, '1')
    before = dict(os.environ)
    with small_pools(_PROFILES):
        assert dict(os.environ) == before


@pytest.mark.parametrize('name', ['DEFAULT_FASTRTPS_PROFILES.xml', 'DEFAULT_FASTDDS_PROFILES.xml'])
def test_profiles_of_the_current_folder_stand(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for other in _VARIABLES:
        monkeypatch.delenv(other, raising=False)
    (tmp_path / name).write_text('')
    with small_pools(_PROFILES):
        assert not any(other in os.environ for other in _VARIABLES)


def test_programs_started_later_inherit_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match='inside'), small_pools(_PROFILES):
        # One alone: Fast DDS 3 complains of the name that Fast DDS 2 reads.
        assert [os.environ.get(name) for name in _VARIABLES].count(str(_PROFILES)) == 1
        raise ValueError('inside')
    assert not any(name in os.environ for name in _VARIABLES)
