"""Which extractors there are, and what is said of a name that is none."""

from __future__ import annotations

import pytest

from alcore.errors import BadInput
from alcore.extractors import extractor_named, families


def test_families_are_found_and_those_that_need_no_optional_package_come_first():
    names = [name for family in families() for name in family.names]
    assert names[:2] == ["lite0", "lite2"]


@pytest.mark.parametrize("name", ["", "lite9", "Lite0", "timm:", "onnx:"])
def test_an_unknown_name_is_refused_with_those_there_are(name):
    with pytest.raises(BadInput, match=f"unknown extractor '{name}': use lite0, lite2"):
        extractor_named(name)
