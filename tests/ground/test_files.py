"""Files that appear whole or not at all."""

from __future__ import annotations

import pytest

from alcore.files import PART, part_of, written_whole

# ---- whole files


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "a.npy"
    with written_whole(path, lasting=True) as file:
        file.write(b"old")
    with pytest.raises(KeyError), written_whole(path) as file:
        file.write(b"new")
        assert [bool(PART.fullmatch(p.name)) for p in sorted(path.parent.iterdir())] == [True, False]
        raise KeyError
    assert [p.name for p in path.parent.iterdir()] == ["a.npy"]
    assert path.read_bytes() == b"old"
    assert PART.fullmatch(part_of(path).name)
