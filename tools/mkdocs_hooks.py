# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Pages of the documentation site that are made from the code, each time it is built."""

from __future__ import annotations

from pathlib import Path
import sys
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import document_extension_points, document_interfaces  # noqa: E402

# The changelog and the pages about taking part stand at the root, where people look for them.
FROM_ROOT = {'contributing.md': 'CONTRIBUTING.md', 'reporting.md': 'SECURITY.md'}


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that stand in no file of docs/."""
    pages = {
        'interfaces.md': document_interfaces.page(),
        'extension-points.md': document_extension_points.page(),
    }
    for name, source in FROM_ROOT.items():
        pages[name] = (ROOT / source).read_text().replace('](docs/', '](')
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files
