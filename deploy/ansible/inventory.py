#!/usr/bin/env python3
# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A fleet's folder as an inventory of Ansible: ansible-playbook -i inventory.py …

The folder is $XPARO_FLEET, or fleet/ where Ansible is started. Groups of the folder are groups
here; what `x-ansible` says in its files (ansible_host …) are the variables of a robot.
"""

import os
import sys

try:
    from xparo_bridge.fleet.main import main
except ImportError:
    sys.exit('xparo_bridge is not installed for python3: source the workspace that has it')

sys.exit(main(['inventory', os.environ.get('XPARO_FLEET', 'fleet'), *sys.argv[1:]]))
