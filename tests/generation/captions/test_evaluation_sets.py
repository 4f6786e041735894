"""What is kept for evaluation, from the lists that are there."""

import shutil

import pytest

from sousa.generation.captions.evaluation_sets import held_out
from tests.support.captioned import copied

SPLIT = "mtg_jamendo/data/splits/split-0"


@pytest.fixture
def root(tmp_path):
    copied("song_describer", tmp_path)
    copied("mtg_jamendo", tmp_path)
    return tmp_path


def ids(*numbers):
    return {f"jamendo:{number}" for number in numbers}


ALL = ids(42, 1000204, 1000312, 1000353, 1500574)
ARTISTS = ids(79, 81, 900001, 900002, 900003)


def test_tracks_and_artists_of_both_lists(root):
    sets = held_out(root)
    assert (sets.ids, sets.artists, sets.strays, sets.problem) == (ALL, ARTISTS, set(), None)
    assert sets.names == {"the loud", "somebody small"}  # as far as tables name them


def test_tables_of_one_kind_are_the_whole_part_too(root):
    (root / SPLIT / "autotagging-test.tsv").unlink()
    assert (held_out(root).ids, held_out(root).problem) == (ALL, None)
    (root / SPLIT / "autotagging_moodtheme-test.tsv").unlink()
    assert "autotagging-test.tsv is not there" in held_out(root).problem
    assert held_out(root).ids == ALL  # what is known is held out all the same


@pytest.mark.parametrize("missing", ["song_describer", "mtg_jamendo"])
def test_a_list_that_is_not_there_is_a_problem(root, missing):
    shutil.rmtree(root / missing)
    sets = held_out(root)
    assert missing in sets.problem
    assert sets.ids == (ALL if missing == "song_describer" else ids(1000204, 1000312, 1000353))


def test_nothing_is_known_of_an_empty_folder(tmp_path):
    sets = held_out(tmp_path)
    assert sets.ids == sets.artists == set()
    assert "song_describer.csv and " in sets.problem


def test_song_describer_is_known_by_either_of_its_tables(root):
    (root / "song_describer" / "song_describer.csv").unlink()
    shutil.rmtree(root / "mtg_jamendo")
    assert held_out(root).ids == ids(1000204, 1000312, 1000353)


def test_tracks_that_were_not_drawn_from_the_part_are_named(root):
    with open(root / "song_describer" / "song_describer.csv", "a") as file:
        file.write("99,7,a song,True,0,3,4,07/7.mp3,101.5\n")
    sets = held_out(root)
    assert sets.strays == ids(7)
    assert sets.ids == ALL | ids(7)
    assert sets.artists == ARTISTS | ids(3)
