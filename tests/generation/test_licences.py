"""Licences that users name: one rule, whoever asks."""

import pytest

from sousa.generation.errors import UsageError
from sousa.generation.licences import identifier
from sousa.generation.piano.options import PianoOptions
from tests.conftest import run_sousa

WRONG = ["<b>x", "", "MTI", "free to use", "MIT\nx", "(" * 5000 + "MIT", "LicenseRef-"]


@pytest.mark.parametrize("text", WRONG)
def test_what_spdx_does_not_know_is_no_licence(text):
    with pytest.raises(ValueError, match="give an SPDX identifier, such as MIT"):
        identifier(text)
    with pytest.raises(UsageError, match=r"--score-licence is .*; give an SPDX identifier"):
        PianoOptions.read({"score_licence": text}, "command")


def test_licences_are_written_as_spdx_writes_them():
    assert identifier("mit") == "MIT" and identifier("LicenseRef-Own") == "LicenseRef-Own"
    assert identifier("cc0-1.0 or mit") == "CC0-1.0 OR MIT"
    assert PianoOptions.read({"score_licence": "cc0-1.0"}).score_licence == "CC0-1.0"


@pytest.mark.parametrize("kind", ["banks", "pianos"])
def test_builders_report_a_wrong_licence_beside_the_rest(kind, tmp_path):
    done = run_sousa(kind, "build", tmp_path / "none.sf2", "--licence", "<b>x")
    assert done.returncode == 2 and "2 problems" in done.stderr
    assert "--licence is '<b>x'; give an SPDX identifier" in done.stderr and "none.sf2" in done.stderr
