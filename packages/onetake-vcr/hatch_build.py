"""The build's version, read from onetake's own file, and the dependency on exactly that onetake."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class OnetakesVersion(MetadataHookInterface):
    """Fill in `version` and `dependencies`. An sdist has both in its PKG-INFO, and never asks."""

    def update(self, metadata: dict[str, Any]) -> None:
        source = Path(self.root).parents[1] / "src" / "onetake" / "__init__.py"
        found = re.search(r'^__version__ = "(.+)"$', source.read_text("utf-8"), re.MULTILINE)
        assert found is not None, source
        metadata["version"] = found[1]
        metadata["dependencies"] = [f"onetake[vcr]=={found[1]}"]
