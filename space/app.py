"""A page for a dataset: browse its rows, compare players, transcribe piano recordings, listen to drummers.

It is made of what the toolkit's commands are made of: rows are chosen by the filters of ``--where``, drawn by
``sousa.plot``, and recordings are heard by the models of ``sousa transcribe`` and ``sousa listen``.
``SOUSA_DATASET`` names the dataset: a directory, ``org/name`` or ``org/name@REVISION`` on the Hub. Without it
a small dataset is made.
"""

import io
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import sousa
from sousa.builders.browse import listing_of
from sousa.generation import corpora
from sousa.generation.browse.listing import PAGE, Control, Listing
from sousa.generation.columns import Classes, Renditions, having
from sousa.generation.errors import SousaError, UsageError
from sousa.generation.preview.source import Source
from sousa.generation.reopen import rows_at
from sousa.generation.rudiments import definitions
from sousa.training.listening.command import listen
from sousa.training.listening.describing import text_of
from sousa.training.transcription.command import transcribe

_MOST_FILTERS = 6  # on the page; --where has all
_MOST_BESIDE = 4  # sounds that are compared
_LONGEST_SEC = 600.0  # of a recording
_SIZE = (9, 4.5)  # of a picture, inches
_KEPT_SEC = (3600, 24 * 3600)  # how often files are looked through, and how old they get
_SMALL: dict[str, Any] = {"profiles": 4, "tempos": 1}  # what is made where no dataset is named


def dataset(named: str | None) -> str:
    """A directory with the rows that are shown.

    Args:
        named: directory, or ``org/name[@revision]`` on the Hub; None or empty to make some.
    """
    if not named:
        place = Path(tempfile.mkdtemp()) / "dataset"
        sousa.generate(corpora.DEFAULT, place, check=False, **_SMALL)
        return str(place)
    if Path(named).is_dir():
        return named
    from huggingface_hub import snapshot_download

    repo, _, revision = named.partition("@")
    return snapshot_download(repo, repo_type="dataset", revision=revision or None)


class Rows:
    """The rows of a dataset, in the forms that the page shows.

    Attributes:
        filters: what rows can be chosen by.
    """

    def __init__(self, directory: str):
        self.directory = directory  # of a dataset or release
        self.listing: Listing = listing_of(directory)
        self.source: Source = self.listing.source
        named = [control for control in self.listing.controls if control.names]
        self.filters: list[Control] = named[:_MOST_FILTERS]

    def table(self, page: float | None, *values: str | None) -> tuple[pd.DataFrame, str]:
        """A page of rows as a table, the last one where there are fewer, and how many there are."""
        asked = {c.column.name: v for c, v in zip(self.filters, values, strict=True) if v}
        pages = self.listing.part(asked).pages
        part = self.listing.part({**asked, PAGE: str(min(max(int(page or 1), 1), pages))})
        names = ["number", *(column.name for column in self.listing.shown)]
        frame = pd.DataFrame(part.rows, columns=[*names])
        return frame, f"{part.count:,} rows, page {part.page:,} of {part.pages:,}"

    def row(self, number: float | None) -> dict[str, Any]:
        """A row with all its columns.

        Raises: gradio.Error where there is none, or it can't be read.
        """
        count = self.source.facts["num_rows"]
        if number is None or not 0 <= number < count:
            raise gr.Error(f"There is no row {number}; give 0 to {count - 1}.")
        try:
            rows = next(rows_at(self.source.storage, self.source.records, [int(number)]))
        except SousaError as error:
            raise gr.Error(str(error)) from None
        return rows.to_pylist()[0]

    def shown(self, number: float | None) -> tuple[Any, Any, str]:
        """Sound, picture and labels of a row: ``(rate and samples or None, picture or None, Markdown)``."""
        row = self.row(number)
        return _sound(row), self.picture(row), _facts(row, self.source)

    def picture(self, row: dict[str, Any]) -> Any:
        """A drawing of a row, None where it has nothing to draw."""
        try:
            axes = sousa.plot(row, Figure(figsize=_SIZE, layout="constrained", dpi=110).subplots())
        except UsageError:  # it has neither sound nor events
            return None
        return _image(axes.figure)

    @property
    def pairs(self) -> list[str]:
        """Columns whose values can be heard beside each other."""
        names = [c.name for c in having(self.source.columns, Classes)]
        names += [c.role.condition for c in having(self.source.columns, Renditions)]
        counts = {control.column.name: len(control.names) for control in self.listing.controls}
        return [name for name in names if counts.get(name, 0) > 1 and name != "split"]

    def beside(self, number: int, column: str) -> list[int]:
        """Rows like one that have other values of a column, one for each value, that row first.

        Of the rows with such a value, the one that shares most other classes is taken.
        """
        table = self.listing.table
        names = [c.name for c in self.listing.shown if isinstance(c.role, Classes) and c.name != column]
        like = sum(
            (np.asarray(table[name].to_pylist(), object) == table[name][number].as_py()).astype(int)
            for name in names
        )
        values = np.asarray(table[column].to_pylist(), object)
        others = [value for value in dict.fromkeys(values) if value not in (None, values[number])]
        best = [int(np.argmax(np.where(values == value, like, -1))) for value in others]
        return [number, *best][:_MOST_BESIDE]


def _image(figure: Any) -> Any:
    """A figure as a picture in memory."""
    from PIL import Image

    data = io.BytesIO()
    figure.savefig(data)
    return Image.open(data)


def _sound(row: dict[str, Any]) -> tuple[int, np.ndarray] | None:
    from sousa.generation.plot.rows import sound_of

    sound = sound_of(row)
    if sound is None:
        return None
    peak = max(float(np.abs(sound.samples).max(initial=0.0)), 1e-9)
    return int(sound.rate), np.round(sound.samples * min(1.0, 0.99 / peak) * 32767).astype(np.int16)


def _facts(row: dict[str, Any], source: Source) -> str:
    """Scalar columns of a row as a table in Markdown."""
    from sousa.generation.text import code

    lines = ["| column | value | |", "| --- | --- | --- |"]
    for column in source.columns:
        value = row.get(column.name)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and column.type != "binary":
            number = f"{value:,.4g}" if isinstance(value, float) else str(value)
            lines.append(f"| {code(column.name)} | {code(number)} | {column.unit} |")
    return "\n".join(lines)


def transcription(recording: str | None) -> tuple[Any, list[str], str]:
    """Notes of a recording: ``(picture, files, a sentence)``.

    Raises: gradio.Error that says what is wrong with the recording.
    """
    formats = ["mid", "musicxml", "csv", "html"]
    out = _of_recording(recording, lambda file, place: transcribe(file, output=place, formats=formats))
    files = [str(path) for path in out.files.values()]
    said = (
        f"{len(out.notes)} notes in {out.duration_sec:.1f} s. The page with `.html` plays both, note by note."
    )
    return _roll(out), files, said


def practice(recording: str | None, rudiment: str | None, tempo: float | None) -> tuple[str, list[str]]:
    """What a drummer played: ``(text, files)``.

    Args:
        rudiment: slug, where it is known; empty to find it.
        tempo: quarter notes a minute, where it is known; 0 or None to find it.

    Raises: gradio.Error that says what is wrong with the recording.
    """
    known: dict[str, Any] = {"rudiment": rudiment or None, "tempo": tempo or None}
    (heard,) = _of_recording(
        recording, lambda file, place: listen(file, output=place, formats=["csv", "mid", "html"], **known)
    )
    return f"```\n{text_of(heard.listening)}\n```", [str(path) for path in heard.files.values()]


def _of_recording(recording: str | None, hear: Callable[[str, Path], Any]) -> Any:
    """What a function of a recording and a directory gives; gradio.Error where it can't be heard."""
    import soundfile

    if not recording:
        raise gr.Error("Choose a recording first, or play one into the microphone.")
    try:
        length = soundfile.info(recording).duration
        if length > _LONGEST_SEC:
            raise gr.Error(f"The recording has {length:.0f} s; up to {_LONGEST_SEC:.0f} s are taken here.")
        # beside the recording, which Gradio removes with what it keeps
        return hear(recording, Path(recording).parent)
    except (SousaError, soundfile.LibsndfileError) as error:
        raise gr.Error(str(error).replace(recording, Path(recording).name)) from None


def _roll(out: Any) -> Any:
    """A piano roll of a transcription, as a picture."""
    figure = Figure(figsize=(10, 3.5), layout="constrained", dpi=110)
    axes = figure.subplots()
    notes = out.notes
    length = np.maximum(notes["offset_sec"] - notes["onset_sec"], 0.02)
    shade = 0.25 + 0.75 * notes["velocity"] / 127.0
    colours = [(0.1, 0.35, 0.65, float(value)) for value in shade]
    axes.barh(notes["pitch"], length, left=notes["onset_sec"], height=0.9, color=colours)
    axes.set(xlabel="time (s)", ylabel="MIDI note number", xlim=(0, out.duration_sec))
    return _image(figure)


def build(directory: str) -> gr.Blocks:
    """The page of a dataset directory."""
    rows = Rows(directory)
    with gr.Blocks(title=f"SOUSA: {rows.source.facts['dataset']}", delete_cache=_KEPT_SEC) as page:
        count = f"{rows.source.facts['num_rows']:,} rows"
        gr.Markdown(f"# {rows.source.facts['dataset']}\n{rows.listing.corpus.name}, {count}")
        with gr.Tab("Browse"):
            _browse(rows)
        if rows.pairs:
            with gr.Tab("Compare"):
                _compare(rows)
        with gr.Tab("Piano"):
            _transcribe()
        with gr.Tab("Drums"):
            _listen()
    return page


def _browse(rows: Rows) -> None:
    with gr.Row():
        chosen = [
            gr.Dropdown(["", *control.names], label=control.column.name, value="") for control in rows.filters
        ]
    first, count = rows.table(1, *([""] * len(rows.filters)))
    page = gr.Number(1, label="page", precision=0, minimum=1)
    said = gr.Markdown(count)
    table = gr.Dataframe(first, interactive=False, label="rows; click one to hear it")
    number = gr.Number(0, label="row number; press Enter to see it", precision=0, minimum=0)
    sound = gr.Audio(label="sound", interactive=False)
    drawing = gr.Image(label="sound and labels", interactive=False)
    with gr.Accordion("all columns of the row", open=False):
        facts = gr.Markdown()
    for box in (page, *chosen):
        box.change(rows.table, [page, *chosen], [table, said], api_name="rows" if box is page else False)

    def show(event: gr.SelectData) -> tuple[Any, Any, str]:
        return rows.shown(int(event.row_value[0]))

    table.select(show, None, [sound, drawing, facts], api_name=False)
    number.submit(rows.shown, [number], [sound, drawing, facts], api_name="row")


def _compare(rows: Rows) -> None:
    gr.Markdown("Rows that differ in one property, and otherwise as little as possible.")
    with gr.Row():
        number = gr.Number(0, label="row number", precision=0, minimum=0)
        column = gr.Dropdown(rows.pairs, value=rows.pairs[0], label="what differs")
        button = gr.Button("Compare", variant="primary")
    titles, sounds, drawings = [], [], []
    for _ in range(_MOST_BESIDE):
        with gr.Row():
            titles.append(gr.Markdown())
            sounds.append(gr.Audio(interactive=False, label="sound"))
            drawings.append(gr.Image(interactive=False, label="sound and labels"))

    def compare(first: float | None, name: str) -> Sequence[Any]:
        rows.row(first)
        numbers = rows.beside(int(first or 0), name)
        texts, heard, drawn = [], [], []
        for each in numbers:
            row = rows.row(each)
            texts.append(f"**{row[name]}**\n\n{row['sample_id']}")
            heard.append(_sound(row))
            drawn.append(rows.picture(row))
        empty = [None] * (_MOST_BESIDE - len(numbers))
        return [*texts, *[""] * len(empty), *heard, *empty, *drawn, *empty]

    button.click(compare, [number, column], [*titles, *sounds, *drawings], api_name="compare")


def _transcribe() -> None:
    gr.Markdown("A recording of a piano: its notes as MIDI, a score, a table, and a page that plays both.")
    recording = gr.Audio(type="filepath", sources=["upload", "microphone"], label="recording")
    button = gr.Button("Transcribe", variant="primary")
    said = gr.Markdown()
    roll = gr.Image(label="notes", interactive=False)
    files = gr.Files(label="files")
    button.click(transcription, [recording], [roll, files, said], api_name="transcribe")


def _listen() -> None:
    gr.Markdown("A recording of a snare drum: what was played, how well, and a page to see and hear it.")
    recording = gr.Audio(type="filepath", sources=["upload", "microphone"], label="recording")
    names = [(form.name, form.slug) for form in definitions.main_forms()]
    with gr.Row():
        rudiment = gr.Dropdown([("find it", ""), *names], value="", label="rudiment")
        tempo = gr.Number(0, label="tempo, quarter notes a minute; 0 to find it", minimum=0)
    button = gr.Button("Listen", variant="primary")
    said = gr.Markdown()
    files = gr.Files(label="files")
    button.click(practice, [recording, rudiment, tempo], [said, files], api_name="listen")


if __name__ == "__main__":
    build(dataset(os.environ.get("SOUSA_DATASET"))).launch()
