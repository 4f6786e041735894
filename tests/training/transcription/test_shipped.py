"""The model that is shipped hears pieces it was not trained on."""

import numpy as np
import soundfile

from sousa.generation.piano import sampler
from sousa.generation.piano.composition import Wanted, compose
from sousa.generation.piano.performance import perform, player
from sousa.training.metrics import note_metrics
from sousa.training.models.model import Model
from sousa.training.models.places import SHIPPED
from sousa.training.transcription.command import transcribe

RATE = 16000


def test_it_is_small_and_hears_most_notes_of_a_new_piece(tmp_path):
    assert sum(path.stat().st_size for path in SHIPPED["notes"].iterdir()) < 8e6
    score = compose(20_000, 0, Wanted("medium"))
    played = perform(score, player(20_000, 0, 0, ("professional",)), 20_000, 0, 0, RATE)
    pcm, _ = sampler.render(sampler.shipped(), played)
    soundfile.write(tmp_path / "piece.flac", pcm, RATE)
    out = transcribe(tmp_path / "piece.flac", output=tmp_path / "out", formats=["json"])
    heard = [dict(zip(out.notes.dtype.names, note.tolist(), strict=True)) for note in out.notes]
    notes = played.notes[np.argsort(played.notes["onset_sample"], kind="stable")]
    true = [
        {"onset_sec": note["onset_sample"] / RATE, "offset_sec": note["end_sample"] / RATE,
         "pitch": int(note["pitch"]), "velocity": int(note["velocity"])}
        for note in notes
    ]  # fmt: skip
    scores = note_metrics.match([heard], [true], brief=True).score(resamples=0)["metrics"]
    assert scores["onset_f1"]["value"] > 0.85
    assert scores["onset_offset_sound_f1"]["value"] > 0.55


def test_its_settings_say_what_it_is():
    model = Model.from_pretrained("notes")
    assert model.task == "transcription" and model.front_end.sampling_rate == RATE
    card = (SHIPPED["notes"] / "README.md").read_text()
    assert "muon_lr" in card and "/tmp" not in card
