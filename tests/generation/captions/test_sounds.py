"""Sounds are read from files and from rows of Parquet files, and from nowhere else."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sousa.generation.captions.sounds import name_of, sound_bytes
from sousa.generation.errors import RunError


def test_files_and_rows(tmp_path):
    (tmp_path / "a, b").mkdir()
    (tmp_path / "a, b/c#1.mp3").write_bytes(b"file")
    rows = [{"bytes": str(number).encode(), "path": "x.mp3"} for number in range(7)]
    pq.write_table(pa.table({"audio": [*rows, None]}), tmp_path / "p.parquet", row_group_size=3)
    assert sound_bytes(tmp_path, "a, b/c#1.mp3") == b"file" and name_of("a, b/c#1.mp3") == "c#1.mp3"
    order = (0, 6, 3, 2)
    assert [sound_bytes(tmp_path, f"p.parquet#{row}") for row in order] == [b"0", b"6", b"3", b"2"]
    for row in (7, 8):
        with pytest.raises(RunError, match="there is no such row, or it has no sound"):
            sound_bytes(tmp_path, f"p.parquet#{row}")


@pytest.mark.parametrize("place", ["../secret", "/etc/passwd", "a/../../secret", "../p.parquet#0", "a\0b"])
def test_no_path_leads_out(tmp_path, place):
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "root").mkdir()
    with pytest.raises(RunError, match="leads out of the folder of its corpus"):
        sound_bytes(tmp_path / "root", place)


def test_what_is_no_sound_file_is_named(tmp_path):
    (tmp_path / "folder.mp3").mkdir()
    (tmp_path / "p.parquet").write_bytes(b"none")
    for place in ("none.mp3", "folder.mp3", "p.parquet#0"):
        with pytest.raises(RunError, match=f"the sound {place} can't be read: "):
            sound_bytes(tmp_path, place)
