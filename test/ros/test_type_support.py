# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Messages work without the generator of their code, and the generator is there when asked for."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

import pytest

GENERATOR = ('em', 'lark', 'rosidl_parser.parser', 'rosidl_generator_py.generate_py_impl')
USE = """
import sys
from xparo_bridge.ros.type_support import leave_out_generator

leave_out_generator()
import rclpy
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import String

rclpy.init()
node = rclpy.create_node('messages')
node.create_publisher(String, 'words', 1).publish(String(data='hello'))
assert deserialize_message(serialize_message(String(data='hello')), String).data == 'hello'
loaded = [name for name in {generator} if name in sys.modules]
"""


def run(program: str, **settings: str) -> list[str]:
    """Run a program of Python, and return what it printed."""
    result = subprocess.run(
        [sys.executable, '-c', program.format(generator=GENERATOR)],
        capture_output=True,
        text=True,
        **settings,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_messages_are_written_and_read_without_the_generator():
    assert run(USE + 'print(*loaded)') == []


def test_the_generator_is_there_when_it_is_asked_for():
    asked = 'from rosidl_generator_py import generate_py, import_type_support\n'
    assert run(USE + asked + 'print(generate_py.__name__, import_type_support.__name__)') == [
        'generate_py',
        'import_type_support',
    ]


def test_a_package_that_was_imported_before_stays_as_it_is():
    assert 'em' in run('import rosidl_generator_py\n' + USE + 'print(*loaded)')


@pytest.mark.parametrize(
    ('text', 'impl'),
    [
        ('from .elsewhere import import_type_support', None),
        ('from .elsewhere import import_type_support', 'something_else = 1'),
    ],
)
def test_a_package_of_another_layout_is_imported_as_it_is(tmp_path: Path, text, impl):
    package = tmp_path / 'rosidl_generator_py'
    package.mkdir()
    (package / '__init__.py').write_text(text)
    (package / 'elsewhere.py').write_text('def import_type_support(name): pass\n')
    if impl is not None:
        (package / 'import_type_support_impl.py').write_text(impl)
    program = (
        f'import sys\nsys.path.insert(0, {str(tmp_path)!r})\n'
        'from xparo_bridge.ros.type_support import leave_out_generator\n'
        'leave_out_generator()\nimport rosidl_generator_py\n'
        'print(rosidl_generator_py.import_type_support.__module__)\n'
    )
    assert run(program) == ['rosidl_generator_py.elsewhere']
