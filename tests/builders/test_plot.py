"""``sousa.plot`` draws rows of every corpus, in every form that loaders give them, and writes pictures."""

import json

import datasets
import matplotlib
import numpy as np
import pyarrow.parquet as pq
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.image import imread

import sousa
from sousa.builders.plot import picture
from sousa.builders.unified import unify
from sousa.generation import corpora
from sousa.generation.errors import UsageError
from tests.support.captioned import usual_options
from tests.support.releases import release

matplotlib.use("Agg")
datasets.disable_progress_bars()


def rows_of(root):
    return [row for file in sorted(root.glob("data/*/*.parquet")) for row in pq.read_table(file).to_pylist()]


def row_of(corpus, folder, **options):
    """The first row of a configuration."""
    kind = corpora.get(corpus)
    config = kind.config(kind.Options.read(usual_options(kind, folder) | options), print)
    return next(kind.rows(config, kind.plan(config)[0])).slice(0, 1).to_pylist()[0]


def lines(axes):
    """Onsets and heights of the lines of events, by colour: dict of its name in the legend to an array."""
    out = {}
    for collection in axes.collections:
        if hasattr(collection, "get_segments") and collection.get_transform() == axes.transData:
            colour = tuple(collection.get_colors()[0])
            ends = [(segment[0][0], segment[1][1]) for segment in collection.get_segments()]
            out.setdefault(colour, []).extend(ends)
    return sorted(end for ends in out.values() for end in ends)


def test_strokes_are_drawn_where_they_are_with_hands_and_accents(tiny):
    row = next(row for row in rows_of(tiny) if row["rudiment_slug"] == "flam")
    axes = sousa.plot(row)
    expected = sorted(
        (s["onset_sample"] / row["sample_rate"], s["actual_velocity"] / 127) for s in row["strokes"]
    )
    np.testing.assert_allclose(lines(axes), expected)
    texts = [text.get_text() for text in axes.texts]
    assert texts == [
        s["hand"].lower() if s["is_grace_note"] else (">\n" if s["is_accent"] else "") + s["hand"]
        for s in row["strokes"]
    ]
    assert axes.get_title(loc="left") == row["sample_id"]
    assert {"L", "R", "bar"} <= set(axes.get_legend_handles_labels()[1])


def test_every_form_of_a_row_gives_the_same_events(tiny):
    stored = rows_of(tiny)[0]
    loaded = sousa.load(tiny, decoder="soundfile")
    split = next(name for name in loaded if stored["sample_id"] in loaded[name]["sample_id"])
    row = loaded[split][loaded[split]["sample_id"].index(stored["sample_id"])]
    raw = datasets.load_dataset(str(tiny), split=split).cast_column("audio", datasets.Audio(decode=False))
    encoded = raw[raw["sample_id"].index(stored["sample_id"])]
    arrays = {name: np.array([s[name] for s in stored["strokes"]]) for name in stored["strokes"][0]}
    resampled = {
        "audio": np.zeros(8000 * 5, np.float32), "sampling_rate": 8000, "start_sample": 0,
        "file_rate": stored["sample_rate"], "strokes": arrays, "sample_id": stored["sample_id"],
    }  # fmt: skip
    expected = lines(sousa.plot(stored))
    assert len(expected) == len(stored["strokes"])
    for form in (
        row,
        encoded,
        resampled,
        {"strokes": stored["strokes"], "sample_rate": stored["sample_rate"]},
    ):
        np.testing.assert_allclose(lines(sousa.plot(form)), expected)


def test_validating_leaves_the_backend_of_a_notebook(tiny):
    matplotlib.use("svg")
    sousa.validate(tiny)
    assert matplotlib.get_backend() == "svg"
    matplotlib.use("Agg")


def test_a_part_of_a_row_on_axes_of_ones_own(tiny):
    axes = Figure().subplots()
    assert sousa.plot(rows_of(tiny)[0], axes, start_sec=0.5, end_sec=1.5) is axes
    assert axes.get_xlim() == (0.5, 1.5)


def test_notes_are_a_piano_roll(tmp_path):
    row = row_of("piano", tmp_path, samples=3)
    axes = sousa.plot(row)
    low, high = axes.get_ylim()
    pitches = [note["pitch"] for note in row["notes"]]
    assert low < min(pitches) and max(pitches) < high
    rolls = [c for c in axes.collections if type(c) is PolyCollection]
    edges = np.concatenate([path.vertices[:, 0] for roll in rolls for path in roll.get_paths()])
    onsets = np.array([note["onset_sample"] for note in row["notes"]]) / row["sample_rate"]
    assert np.abs(edges[:, None] - onsets).min(axis=0).max() < 1e-9
    assert {"left", "right", "bar", "beat"} <= set(axes.get_legend_handles_labels()[1])


def test_parameters_are_told_and_moving_ones_are_curves(tmp_path):
    config = {
        "synth": "pop", "sample_rate": 8000, "duration_sec": 2, "chunk_sec": 2,
        "parameters": {"rate_exp": {"values": [1, 3]}, "Q": {"curve": [[0, 5], [2, 45]]}},
    }  # fmt: skip
    file = tmp_path / "space.json"
    file.write_text(json.dumps(config))
    row = row_of("textures", tmp_path, configfile=str(file))
    axes = sousa.plot(row)
    assert "rate_exp 1 log2 events/s" in axes.get_title(loc="left")
    assert any(label.startswith("Q 5") for label in axes.get_legend_handles_labels()[1])
    assert len(lines(axes)) == len(row["events"])


def test_a_caption_stands_above_the_sound(tmp_path):
    row = row_of("captions", tmp_path)
    title = sousa.plot(row).get_title(loc="left")
    assert " ".join(title.split()).endswith(" ".join(row["caption"].split()))


def test_a_corpus_of_another_package(tones, tmp_path):
    root = tmp_path / "tones"
    sousa.generate("tones", root)
    row = rows_of(root)[3]
    expected = [(pulse["onset_sample"] / row["sample_rate"], 1.0) for pulse in row["pulses"]]
    np.testing.assert_allclose(lines(sousa.plot(row)), expected)
    path, name = picture(root, tmp_path / "tone.png", row["sample_id"])
    assert name == row["sample_id"] and imread(path).shape[2] == 4


def test_rows_of_all_corpora_in_one_schema(tiny):
    row = rows_of(tiny)[0]
    np.testing.assert_allclose(lines(sousa.plot(unify("rudiments", row))), lines(sousa.plot(row)))


def test_the_command_writes_a_picture_of_datasets_and_releases(sousa, tiny, tmp_path):
    ids = [row["sample_id"] for row in rows_of(tiny)]
    made = release(tiny, tmp_path / "v1")
    for root, row in ((tiny, ids[0]), (made, "2")):
        done = sousa("plot", root, "--row", row, "-o", tmp_path / "row.png", "--start", 1, "--end", 2)
        assert done.returncode == 0, done.stderr
        assert imread(tmp_path / "row.png").std() > 0.01
    assert sousa("plot", tiny, "-o", tmp_path / "row.svg", "-q").stdout == ""
    assert (tmp_path / "row.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--row", "flam", "-o", "a.png"], "has no row 'flam'; give a sample_id, such as"),
        (["--row", "9", "-o", "a.png"], "has no row 9; give 0 to 8"),
        (["-o", "a.bmp"], "unknown ending 'bmp'; choose from png, svg, pdf"),
        (["-o", "mine.png"], "was not made by this command"),
        (["--start", "2", "--end", "1", "-o", "a.png"], "the part from 2.0 to 1.0 s is none"),
    ],
)
def test_what_can_not_be_drawn_is_said(sousa, tiny, tmp_path, arguments, said):
    (tmp_path / "mine.png").write_bytes(b"a picture of somebody")
    done = sousa("plot", tiny, *arguments, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.png"]


@pytest.mark.parametrize("row", [5, [{}], {}, {"audio": None, "strokes": None}])
def test_what_is_no_row_is_refused(row):
    with pytest.raises(UsageError, match="row"):
        sousa.plot(row)
