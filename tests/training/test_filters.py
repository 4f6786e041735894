"""Filters: the rows pandas would keep, and not a byte of audio read for it."""

import itertools
import os
import pickle
import random
import shutil

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")

from sousa.generation.errors import UsageError  # noqa: E402
from sousa.generation.rudiments import definitions, settings  # noqa: E402
from sousa.generation.rudiments.columns import columns  # noqa: E402
from sousa.training import sources  # noqa: E402
from sousa.training.filters import Filter, clean_pairs, select  # noqa: E402
from sousa.training.stream import open_rows  # noqa: E402

SCALARS = [column.name for column in columns() if column.name not in ("strokes", "measures", "midi", "audio")]


@pytest.fixture(scope="module")
def frame(small):
    """The scalar columns by another reader, in the order of the rows."""
    source = sources.find(small[0])
    tables = [pq.ParquetFile(file.path).read(columns=SCALARS) for file in source.files]
    return pa.concat_tables(tables).to_pandas()


CASES = {
    "everything": ({}, lambda f: f.sample_id.notna()),
    "tiers": (
        {"tiers": ["beginner", "advanced"]},
        lambda f: f.skill_tier.isin(["beginner", "advanced"]),
    ),
    "one tier": ({"tiers": "professional"}, lambda f: f.skill_tier == "professional"),
    "rudiments": ({"rudiments": ["flam", "drag:*"]}, lambda f: f.rudiment_slug.isin(["flam", "drag"])),
    "categories": ({"categories": ["roll"]}, lambda f: f.category == "roll"),
    "tempo": ({"tempo_bpm": (80, 120)}, lambda f: f.tempo_bpm.between(80, 120)),
    "tempo from": ({"tempo_bpm": [100, None]}, lambda f: f.tempo_bpm >= 100),
    "score": ({"scores": {"overall_score": (60, None)}}, lambda f: f.overall_score >= 60),
    "score that is often null": (
        {"scores": {"flam_quality": (None, None), "timing_accuracy": (None, 80)}},
        lambda f: f.flam_quality.notna() & (f.timing_accuracy <= 80),
    ),
    "banks": ({"banks": ["fluidr3_gm_power_38"]}, lambda f: f.bank == "fluidr3_gm_power_38"),
    "presets": ({"presets": ["clean"]}, lambda f: f.augmentation_preset == "clean"),
    "players": (
        {"players": ["int000", 3]},
        lambda f: (f.profile_id == "int000") | (f.profile_index == 3),
    ),
    "confidence": ({"tier_confidence": (0.3, 0.9)}, lambda f: f.tier_confidence.between(0.3, 0.9)),
    "several": (
        {"tiers": ["beginner"], "tempo_bpm": (None, 110), "scores": {"overall_score": (20, 45)}},
        lambda f: (f.skill_tier == "beginner") & (f.tempo_bpm <= 110) & f.overall_score.between(20, 45),
    ),
}


def kept(small, where, **options):
    rows = open_rows(small[0], audio=None, where=where, **options)
    return rows.table["sample_id"].to_pylist()


@pytest.mark.parametrize("name", CASES)
def test_as_pandas(small, frame, name):
    arguments, oracle = CASES[name]
    where, wanted = select(**arguments), frame.sample_id[oracle(frame)].tolist()
    assert wanted and kept(small, where) == wanted
    assert set(where.columns) <= set(SCALARS)
    # the complement is the rest, nulls among it
    rest = frame.sample_id[~oracle(frame)].tolist()
    if rest:
        assert kept(small, ~where) == rest
    assert kept(small, pickle.loads(pickle.dumps(where))) == wanted
    assert kept(small, Filter.parse(arguments)) == wanted


def test_combinations(frame):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    draw = random.Random(7)
    one = [(select(**arguments), oracle(frame)) for arguments, oracle in CASES.values()]

    def combined(depth):
        if not depth:
            return draw.choice(one)
        (a, x), (b, y) = combined(depth - 1), combined(depth - 1)
        return draw.choice([(a & b, x & y), (a | b, x | y), (~a, ~x)])

    for _ in range(60):
        where, wanted = combined(3)
        assert table.select(where.columns).num_columns == len(set(where.columns))
        assert table.filter(where.expression)["sample_id"].to_pylist() == frame.sample_id[wanted].tolist()


def test_own_expressions(small, frame):
    """Any expression will do; a null it gives is not true, so the complement keeps it."""
    fast_hands = Filter(["flam_quality"], pc.field("flam_quality") > 50)
    assert kept(small, fast_hands) == frame.sample_id[frame.flam_quality > 50].tolist()
    assert kept(small, ~fast_hands) == frame.sample_id[~(frame.flam_quality > 50)].tolist()
    assert kept(small, ~~fast_hands) == kept(small, fast_hands)
    with pytest.raises(TypeError):
        fast_hands & fast_hands.expression


def test_only_its_columns(small):
    """The rows have the columns asked for, not those tested."""
    rows = open_rows(small[0], audio=None, where=select(tiers=["beginner"]), columns=("tempo_bpm",))
    assert rows.table.column_names == ["tempo_bpm", "sample_id"]


def test_live_rows(small, small_config):
    where = select(rudiments=["flam"], tiers=["beginner"])
    assert open_rows(small_config, audio=None, where=where).table["sample_id"].to_pylist() == kept(
        small, where
    )


def test_variants():
    variant = next(name for name in definitions.load() if ":" in name)
    slug, _, name = variant.partition(":")
    table = pa.table({"rudiment_slug": [slug, slug, "other", slug], "variant": [None, name, name, "z"]})
    for names, wanted in (([slug], [0, 1, 3]), ([variant], [1]), ([f"{slug}:*"], [0, 1, 3])):
        numbered = table.append_column("n", pa.array(range(4)))
        assert numbered.filter(select(rudiments=names).expression)["n"].to_pylist() == wanted


def test_yaml():
    text = "{tiers: beginner, tempo_bpm: [null, 120], scores: {overall_score: [60, null]}}"
    same = select(tiers=["beginner"], tempo_bpm=(None, 120), scores={"overall_score": (60, None)})
    assert Filter.parse(text).expression.equals(same.expression)
    assert Filter.parse(None).columns == Filter.parse({}).columns == Filter.parse("").columns == []
    assert Filter.parse(same) is same


BAD = {
    "tiers: unknown 'begginer' (did you mean beginner?)": {"tiers": ["begginer"]},
    "unknown rudiment 'flamm' (did you mean flam?)": {"rudiments": ["flamm"]},
    "unknown variant of flam": {"rudiments": ["flam:backwards"]},
    "categories: unknown 'rolls'": {"categories": "rolls"},
    "presets: unknown 'gymn' (did you mean gym?)": {"presets": ["gymn"]},
    "unknown score 'overal_score' (did you mean overall_score?)": {"scores": {"overal_score": [0, 1]}},
    "unknown player 'xyz001'": {"players": ["xyz001"]},
    "unknown player -1": {"players": [-1]},
    "unknown player True": {"players": True},
    "tempo_bpm from 120 to 60": {"tempo_bpm": [120, 60]},
    "tempo_bpm is 120; give two numbers": {"tempo_bpm": 120},
    "tempo_bpm is [nan, 2]": {"tempo_bpm": [float("nan"), 2]},
    "tempo_bpm is ['60', 80]": {"tempo_bpm": ["60", 80]},
    "tier_confidence from 60 to None keeps no row; its values are 0 to 1": {"tier_confidence": [60, None]},
    "overall_score from 101 to None keeps no row": {"scores": {"overall_score": [101, None]}},
    "scores is ['overall_score']": {"scores": ["overall_score"]},
    "tiers is empty": {"tiers": []},
    "banks has 3": {"banks": [3]},
    "unknown filter 'tier' (did you mean tiers?)": {"tier": ["beginner"]},
}


@pytest.mark.parametrize("text", BAD)
def test_bad(text):
    with pytest.raises(UsageError) as caught:
        Filter.parse(BAD[text])
    assert text in str(caught.value) and "problems" not in str(caught.value)


def test_all_problems_at_once():
    with pytest.raises(UsageError) as caught:
        Filter.parse({"tiers": ["a", "b"], "tempo_bpm": [2, 1], "scores": {"x": [0, 1]}, "colour": "red"})
    for text in ("5 problems", "'a'", "'b'", "tempo_bpm", "'x'", "'colour'"):
        assert text in str(caught.value)
    for data in ("[1, 2]", "tiers: [", 7):
        with pytest.raises(UsageError, match=r"split: \[train\]"):
            Filter.parse(data)


def test_nothing_left(small):
    with pytest.raises(UsageError, match="no row of split test is left by the filter"):
        open_rows(small[0], "test", where=select(tempo_bpm=(1, 2)))


class Counted:
    """A file that says which bytes were read of it."""

    def __init__(self, file, spans):
        self.file, self.spans = file, spans

    def read(self, size=-1):
        start = self.file.tell()
        data = self.file.read(size)
        self.spans.append((start, start + len(data)))
        return data

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


def audio_spans(path):
    """Byte ranges of the column chunks of the audio and the MIDI file, as pyarrow knows them."""
    metadata = pq.read_metadata(path)
    for group, column in itertools.product(range(metadata.num_row_groups), range(metadata.num_columns)):
        chunk = metadata.row_group(group).column(column)
        if chunk.path_in_schema in ("audio.bytes", "midi"):
            yield chunk.data_page_offset, chunk.data_page_offset + chunk.total_compressed_size


def test_no_audio_is_read(small, monkeypatch):
    """Of a Parquet file the filter reads nothing within the audio's or the MIDI files' pages."""
    spans, reads, whole = {}, [], sources.open_file
    monkeypatch.setattr(
        sources, "open_file",
        lambda file, token=None: Counted(whole(file, token), spans.setdefault(file.path, [])),
    )  # fmt: skip
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda *a: reads.append(a) or pread(*a))
    rows = open_rows(small[0], where=select(tiers=["beginner"], scores={"overall_score": (20, None)}))
    assert not reads and len(spans) == 10
    for path, read in spans.items():
        assert sum(stop - start for start, stop in read) < os.path.getsize(path) / 10
        for start, stop in read:
            footer = stop == os.path.getsize(path) and stop - start <= 1 << 16  # pyarrow guesses its size
            assert footer or not any(start < end and begin < stop for begin, end in audio_spans(path)), path
    rows[0]
    assert len(reads) == 1  # and a row is one read


def test_damaged_audio(small, tmp_path):
    """DamagedError audio hurts only who listens to it."""
    root = shutil.copytree(small[0], tmp_path / "dataset")
    where = select(rudiments=["flam"], tempo_bpm=(None, 120))
    source = sources.find(root)
    wanted = kept(small, where)
    for file in source.files:
        with open(file.path, "r+b") as handle:
            for begin, end in audio_spans(file.path):
                handle.seek(begin)
                handle.write(os.urandom(end - begin))
    assert kept((root,), where) == wanted
    rows = open_rows(root, audio=None, where=where, columns=("strokes",))
    assert len(rows[0]["strokes"]["hand"])


def test_stock_datasets(small, frame, tmp_path):
    """The expression is what ``filters=`` of the Parquet loader takes."""
    datasets = pytest.importorskip("datasets")
    where = select(tiers=["beginner"], scores={"flam_quality": (50, None)}, tempo_bpm=(60, 140))
    beginner = (
        (frame.skill_tier == "beginner") & (frame.flam_quality >= 50) & frame.tempo_bpm.between(60, 140)
    )
    for one, wanted in ((where, beginner), (~where, ~beginner)):
        loaded = datasets.load_dataset(
            "parquet", data_files=[file.path for file in sources.find(small[0]).files], split="train",
            columns=["sample_id", *one.columns], filters=one.expression, cache_dir=str(tmp_path),
        )  # fmt: skip
        assert loaded["sample_id"] == frame.sample_id[wanted].tolist()


class Table:
    """Rows as far as pairs need them."""

    def __init__(self, **columns):
        self.table = pa.table(columns)


def test_pairs_by_hand():
    rows = Table(
        augmentation_group_id=["a", "b", "a", "c", None, "b", "a", "b", None, "c"],
        augmentation_preset=["gym", "clean", "clean", "gym", "clean", "gym", "clean", "lo_fi", "gym", None],
    )
    pairs = clean_pairs(rows)
    assert pairs.dtype == "int64" and pairs.tolist() == [[2, 0], [1, 5], [1, 7]]
    empty = Table(augmentation_group_id=pa.array([], "string"), augmentation_preset=pa.array([], "string"))
    assert clean_pairs(empty).shape == (0, 2)
    with pytest.raises(UsageError, match="open them with columns="):
        clean_pairs(Table(augmentation_group_id=["a"]))


def test_pairs_of_a_corpus():
    """Every augmented rendering has its clean one, of the same take."""
    config = settings.make_config("small", profiles=2, augmentations=4, rudiments=["flam", "drag"])
    names = ("augmentation_group_id", "augmentation_preset")
    rows = open_rows(config, audio=None, columns=names)
    groups, presets = (rows.table[name].to_pylist() for name in names)
    pairs = clean_pairs(rows)
    assert sorted(pairs[:, 1]) == [i for i, preset in enumerate(presets) if preset != "clean"]
    for clean, other in pairs:
        assert presets[clean] == "clean" != presets[other] and groups[clean] == groups[other]
