"""Datasets of an earlier data version, as the sousa of that time wrote them.

``tests/data/CORPUS-2.0.0.tar.xz`` hold what the last commit of data version 2.0.0 (fed3275) made by::

    sousa generate -p 10 -t 1 -a 2 --rudiments flam,single_drag_tap --duration 1 --sample-rate 8000
    sousa generate textures --configfile space.yaml --records params  # 24 settings of 3 synthesizers, 8 kHz
"""

import tarfile

from tests.conftest import ROOT

VERSION = "2.0.0"
ROWS = {"rudiments": 40, "textures": 48}


def unpacked(corpus, place):
    """Unpack the dataset of a corpus into a folder; returns its directory."""
    with tarfile.open(ROOT / "tests" / "data" / f"{corpus}-{VERSION}.tar.xz") as archive:
        archive.extractall(place, filter="data")
    return place / corpus
