"""No bit of a dataset or of a release changes without being noticed."""

import pytest

import sousa
from benchmarks.flips import flips


@pytest.mark.parametrize("seed", [1, 2])
def test_every_flipped_bit_is_noticed(tones, tmp_path, seed):
    sousa.generate("tones", tmp_path / "d", duration_sec=0.2, files=seed == 2, check=False)
    sousa.release(tmp_path / "d", tmp_path / "r", "1.0.0", workers=1)
    for root, kinds in ((tmp_path / "d", 6), (tmp_path / "r", 5)):
        made, missed = flips(root, 60, seed)
        assert len(made) >= kinds and not +missed, missed


def test_files_of_the_user_are_not_taken_for_parts_of_a_dataset(tones, tmp_path):
    sousa.generate("tones", tmp_path / "d", duration_sec=0.2, check=False)
    (tmp_path / "d" / "notes.txt").write_text("mine")
    sousa.generate("tones", tmp_path / "d", duration_sec=0.2, check=False)
    (tmp_path / "d" / "notes.txt").write_text("changed")
    assert sousa.validate(tmp_path / "d", workers=1)["passed"]
    (tmp_path / "d" / "about.json").write_text("{}")
    report = sousa.validate(tmp_path / "d", workers=1)
    assert [c["name"] for c in report["checks"] if c["passed"] is False] == ["label tables"]
