# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The files an operator installs: the service unit and the policy of SROS2."""

import re
import shutil
import subprocess

from defusedxml.ElementTree import parse
import pytest

from xparo_bridge.share import share

UNIT = share('config', 'systemd', 'xparo_bridge.service')


@pytest.mark.skipif(shutil.which('systemd-analyze') is None, reason='no systemd-analyze here')
def test_the_service_is_walled_in():
    done = subprocess.run(
        ['systemd-analyze', 'security', '--offline=true', '--no-pager', str(UNIT)],
        capture_output=True,
        text=True,
    )
    score = re.search(r'exposure level for \S+: ([\d.]+)', done.stdout)
    if score is None:
        pytest.skip('this systemd-analyze judges no files')
    assert float(score[1]) < 3.0


def test_the_policy_names_what_the_bridge_has_of_its_own():
    policy = parse(share('config', 'sros2_policy.xml'))
    names = {
        element.text for element in policy.iter() if element.tag in ('topic', 'service', 'action')
    }
    assert {'~/status', '~/command_status', '~/execute_command', '~/chat', '/diagnostics'} <= names
    assert not any('*' in (name or '') for name in names)
