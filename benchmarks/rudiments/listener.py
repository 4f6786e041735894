"""Measure what ``sousa listen`` finds in rows of a dataset, against their labels.

Strokes, hands, rudiment, mistakes, scores and tier, whole, by whether drum and room were ever heard, and by
acoustics, with intervals by player::

    python benchmarks/rudiments/listener.py DATASET [--split test] [--rows 1200] [--model listen]
    python benchmarks/rudiments/listener.py DATASET --split validation --model RUN --calibrate FILE

``--changed`` changes recordings first: ``mp3`` (96 kbit/s and back), ``phone`` (300 to 3,400 Hz), ``click``
(a metronome, 10 dB below the drum's RMS) or ``middle`` (they begin in the middle of a figure).

``--calibrate`` writes the numbers of :mod:`sousa.training.listening.calibration` in place of figures: how
much the fit counts beside the model, and how the tier is told by scores and model together.
"""

import argparse
import io
import json
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from sousa.generation.rudiments.players import tiers

LEAST_LOST = 0.001  # accuracy that a larger weight of the fit may cost
TOLERANCE_SEC, MISTAKE_SEC = 0.02, 0.06
_COLUMNS = (
    "sample_id", "profile_id", "rudiment_slug", "skill_tier", "tempo_bpm", "overall_score", "num_mistakes",
    "augmentation_preset", "unseen_sound", "strokes", "omissions", "sample_rate",
)  # fmt: skip


def pairs(truth, guess, tolerance):
    """Matched pairs of times, by mir_eval: int (n, 2)."""
    import mir_eval

    if not len(truth) or not len(guess):
        return np.zeros((0, 2), int)
    return np.array(mir_eval.util.match_events(truth, guess, tolerance)).reshape(-1, 2)


def measure_row(row, listening):
    """Counts of a row, as a flat dict of numbers."""
    rate, judged, heard = row["sample_rate"], listening.judged, listening.hearing.heard
    strokes = row["strokes"]
    truth = np.array([s["onset_sample"] for s in strokes]) / rate
    guess = heard.time_ms / 1000.0
    hit = pairs(truth, guess, TOLERANCE_SEC)
    grace = np.array([s["is_grace_note"] for s in strokes], bool)
    found = heard.grace > 0.5
    hands = np.where(heard.left > 0.5, "L", "R") if judged is None else judged.hands
    first = listening.first.heard
    alone = pairs(truth, first.time_ms / 1000.0, TOLERANCE_SEC)
    raw = np.where(first.left > 0.5, "L", "R")
    hand = np.array([s["hand"] for s in strokes])
    out = {
        "hits": len(hit), "truth": len(truth), "guess": len(guess),
        "grace_hits": int((grace[hit[:, 0]] & found[hit[:, 1]]).sum()),
        "grace_truth": int(grace.sum()), "grace_guess": int(found.sum()),
        "hand_right": int((hand[hit[:, 0]] == hands[hit[:, 1]]).sum()),
        "raw_hits": len(alone), "raw_guess": len(raw),
        "raw_hand_right": int((hand[alone[:, 0]] == raw[alone[:, 1]]).sum()),
    }  # fmt: skip
    wrong = [s["onset_sample"] / rate for s in strokes if s["mistake"]]
    wrong = np.sort(wrong + [o["intended_sample"] / rate for o in row["omissions"]])
    told = np.zeros(0)
    if judged is not None:
        gone = np.flatnonzero(judged.omissions.astype(bool))
        told = np.sort(
            np.concatenate([guess[judged.mistakes.astype(bool)], judged.wanted["time_ms"][gone] / 1000.0])
        )
    out |= {
        "mistake_hits": len(pairs(wrong, told, MISTAKE_SEC)), "mistake_truth": len(wrong),
        "mistake_guess": len(told),
    }  # fmt: skip
    best = judged.fit.form.slug if judged is not None else ""
    classes = listening.hearing.classes
    out |= {
        "rudiment": int(best == row["rudiment_slug"]),
        "top_five": int(row["rudiment_slug"] in [slug for slug, _ in listening.candidates[:5]]),
        "tempo": int(judged is not None and abs(judged.fit.tempo_bpm / row["tempo_bpm"] - 1) < 0.02),
        "rows": 1,
    }  # fmt: skip
    scores = listening.hearing.scores
    return out, {
        "player": row["profile_id"], "tier": row["skill_tier"], "true_score": row["overall_score"],
        "score": np.nan if judged is None else judged.scores["overall_score"],
        "raw_score": scores.get("overall_score", np.nan),
        "told": classes.get("skill_tier"),
        "tier_prob": [listening.tier.get(name, 0.25) for name in tiers()],
        "net": classes.get("rudiment_slug"), "preset": row["augmentation_preset"],
        "unseen": row.get("unseen_sound") or "", "slug": row["rudiment_slug"], "listening": listening,
    }  # fmt: skip


def figures(counts, facts):
    """Figures of some rows: dict of name to number."""
    from scipy.stats import spearmanr

    total = defaultdict(float)
    for row in counts:
        for name, value in row.items():
            total[name] += value

    def f1(name):
        hits, truth, guess = (total[f"{name}{part}"] for part in ("hits", "truth", "guess"))
        return 2 * hits / max(truth + guess, 1)

    truth = np.array([tiers().index(fact["tier"]) for fact in facts])
    prob = np.array([fact["tier_prob"] for fact in facts])
    players = np.array([fact["player"] for fact in facts])
    of_player = {p: np.log(np.maximum(prob[players == p], 1e-9)).mean(0) for p in dict.fromkeys(players)}
    tier_of = {fact["player"]: tiers().index(fact["tier"]) for fact in facts}
    labels, guesses = (
        np.array(list(x)) for x in (tier_of.values(), (of_player[p].argmax() for p in tier_of))
    )

    def rank(name):
        a = np.array([fact["true_score"] for fact in facts], float)
        b = np.array([fact[name] for fact in facts], float)
        known = ~np.isnan(a) & ~np.isnan(b)
        return float(spearmanr(a[known], b[known])[0]) if known.sum() > 2 else float("nan")

    return {
        "onset_f1": f1(""), "precision": total["hits"] / max(total["guess"], 1),
        "recall": total["hits"] / max(total["truth"], 1), "grace_f1": f1("grace_"),
        "hand_accuracy": total["hand_right"] / max(total["hits"], 1),
        "onset_f1_model": 2 * total["raw_hits"] / max(total["truth"] + total["raw_guess"], 1),
        "hand_accuracy_model": total["raw_hand_right"] / max(total["raw_hits"], 1),
        "rudiment": total["rudiment"] / total["rows"], "top_five": total["top_five"] / total["rows"],
        "rudiment_model": float(np.mean([_is_best(fact) for fact in facts])),
        "tempo": total["tempo"] / total["rows"], "mistake_f1": f1("mistake_"),
        "mistake_precision": total["mistake_hits"] / max(total["mistake_guess"], 1),
        "mistake_recall": total["mistake_hits"] / max(total["mistake_truth"], 1),
        "tier_by_take": balanced(truth, prob.argmax(1)), "tier_by_player": balanced(labels, guesses),
        "overall_score_rho": rank("score"), "overall_score_rho_model": rank("raw_score"),
        "rows": int(total["rows"]), "players": len(tier_of),
    }  # fmt: skip


def _is_best(fact):
    from sousa.generation.rudiments import definitions

    if fact["net"] is None:
        return 0.0
    slugs = [form.slug for form in definitions.main_forms()]
    return float(slugs[int(np.argmax(fact["net"]))] == fact["slug"])


def balanced(truth, guess):
    """Mean over classes of the share that is told right."""
    return float(np.mean([np.mean(guess[truth == k] == k) for k in np.unique(truth)]))


def with_intervals(counts, facts, resamples=200):
    """Figures with 95 % intervals by player: dict of name to ``[value, low, high]``."""
    value = figures(counts, facts)
    rows = defaultdict(list)
    for i, fact in enumerate(facts):
        rows[fact["player"]].append(i)
    names, rng = list(rows), np.random.default_rng(0)
    drawn = []
    for _ in range(resamples):
        chosen = [i for k in rng.integers(0, len(names), len(names)) for i in rows[names[k]]]
        drawn.append(figures([counts[i] for i in chosen], [facts[i] for i in chosen]))
    out = {}
    for name, number in value.items():
        low, high = np.nanpercentile([d[name] for d in drawn], [2.5, 97.5])
        out[name] = (
            number if name in ("rows", "players") else [round(float(x), 4) for x in (number, low, high)]
        )
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data")
    parser.add_argument("--split", default="test", help="or all")
    parser.add_argument("--rows", type=int, default=1200, help="so many, taken evenly")
    parser.add_argument("--model", default="listen")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--calibrate", type=Path, metavar="FILE")
    parser.add_argument("--changed", choices=("mp3", "phone", "click", "middle"))
    parser.add_argument("--where", default="{}", help="filters of rows, as JSON")
    arguments = parser.parse_args()
    import torch

    from sousa.training.listening import calibration, listener
    from sousa.training.models.model import Model
    from sousa.training.stream import open_rows

    torch.set_num_threads(arguments.threads)
    model = Model.from_pretrained(arguments.model)
    numbers = None if arguments.calibrate else calibration.beside(model.place or Path())
    split = None if arguments.split == "all" else arguments.split
    rate, where = model.front_end.sampling_rate, json.loads(arguments.where)
    rows = open_rows(arguments.data, split, columns=_COLUMNS, sample_rate=rate, where=where)
    chosen = sorted({i * len(rows) // arguments.rows for i in range(arguments.rows)})
    # lists of records as rows have them
    records = {name: rows.table[name] for name in ("strokes", "omissions")}
    counts, facts, seconds, spent = [], [], 0.0, 0.0
    for i in chosen:
        row = rows[i]
        row |= {name: column[i].as_py() for name, column in records.items()}
        row = changed(arguments.changed, row)
        begin = time.process_time()
        listening = listener.listen_to(model, row["audio"], row["sample_id"], calibration=numbers)
        spent += time.process_time() - begin
        seconds += len(row["audio"]) / row["sampling_rate"]
        one, fact = measure_row(row, listening)
        counts.append(one)
        facts.append(fact)
    if arguments.calibrate:
        calibrate(facts).save(arguments.calibrate)
        return
    out = {"all": with_intervals(counts, facts), "times_real_time": round(seconds / spent, 1)}
    for key in ("unseen", "preset"):
        for value in dict.fromkeys(fact[key] for fact in facts):
            part = [i for i, fact in enumerate(facts) if fact[key] == value]
            out[f"{key}: {value}"] = figures([counts[i] for i in part], [facts[i] for i in part])
    for part, values in out.items():
        print(part)
        for name, number in values.items() if isinstance(values, dict) else [("", values)]:
            shown = number if isinstance(number, int) else np.round(number, 3)
            print(f"  {name:<26} {shown}")
    if arguments.json:
        arguments.json.write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


def changed(how, row):
    """A row whose sound, and where it begins, are changed; see the module."""
    import soundfile
    from scipy.signal import butter, sosfilt

    audio, rate = row["audio"], row["sampling_rate"]
    if how == "mp3":
        data = io.BytesIO()
        level = (320 - 96) / (320 - 32)  # libsndfile's, for 96 kbit/s
        options = {"format": "MP3", "compression_level": level, "bitrate_mode": "CONSTANT"}
        soundfile.write(data, audio, rate, **options)
        audio = soundfile.read(io.BytesIO(data.getvalue()), dtype="float32")[0]
    elif how == "phone":
        audio = sosfilt(butter(4, (300, 3400), "bandpass", fs=rate, output="sos"), audio).astype(np.float32)
    elif how == "click":
        length = round(0.02 * rate)
        burst = np.sin(2 * np.pi * 1500 * np.arange(length) / rate) * np.linspace(1, 0, length)
        clicks = np.zeros(len(audio) + len(burst), np.float32)
        for start in np.arange(0.1, len(audio) / rate, 60.0 / row["tempo_bpm"]):
            clicks[round(start * rate) :][: len(burst)] = burst
        peak = 10 ** (-10 / 20) * np.sqrt(np.mean(audio**2)) / np.sqrt(np.mean(burst**2))
        audio = audio + np.float32(peak) * clicks[: len(audio)]
    elif how == "middle":
        first = round((1.0 + 1.5 * np.random.default_rng(len(audio)).random()) * rate)
        shift = round(first * row["sample_rate"] / rate)
        audio = audio[first:]
        for name, key in (("strokes", "onset_sample"), ("omissions", "intended_sample")):
            row[name] = [{**s, key: s[key] - shift} for s in row[name] if s[key] >= shift]
    return row | {"audio": audio}


def calibrate(facts):
    """The calibration by what was heard of some rows."""
    from sousa.generation.rudiments import definitions
    from sousa.generation.rudiments.listening import fitting
    from sousa.training.listening.calibration import FEATURES, Calibration, features_of

    forms = {form.slug: form for form in definitions.main_forms()}
    slugs, tables = np.array(list(forms)), []
    for fact in facts:
        if fact["net"] is None:
            continue
        logs = np.log(np.maximum(fact["net"], 1e-9))
        likely = np.argsort(-logs)[:16]
        fits = fitting.best_fits(fact["listening"].first.heard, [forms[slugs[i]] for i in likely])
        costs = {fit.form.slug: fit.cost for fit in fits}
        if costs:
            cost = np.array([costs[slugs[i]] for i in likely])
            tables.append((slugs[likely], logs[likely], cost, fact["slug"]))
    tried = []
    for weight in (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5):
        for temperature in (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0):
            right, loss = [], []
            for names, logs, cost, slug in tables:
                score = (logs - weight * cost) / temperature
                score -= np.logaddexp.reduce(score)
                right.append(names[score.argmax()] == slug)
                loss.append(-score[names == slug][0] if (names == slug).any() else 8.0)
            tried.append((float(np.mean(loss)), weight, temperature, float(np.mean(right))))
    # these rows are of drums that the model knows; of those it does not know the fit can be trusted more
    enough = max(right for *_, right in tried) - LEAST_LOST
    weight = max(weight for _, weight, _, right in tried if right >= enough)
    loss, weight, temperature, right = min(one for one in tried if one[1] == weight)
    for other in sorted({one[1] for one in tried}):
        print(f"weight {other}: accuracy {max(right for _, w, _, right in tried if w == other):.3f}")
    print(f"weight {weight}, temperature {temperature}: accuracy {right:.3f}, loss {loss:.3f}")
    known = [fact for fact in facts if fact["listening"].judged is not None and fact["told"] is not None]
    raw = np.array([features_of(fact["listening"].judged, fact["raw_score"]) for fact in known])
    mean, scale = np.nanmean(raw, axis=0), np.nanstd(raw, axis=0) + 1e-6
    numbers = Calibration(weight, temperature, tuple(mean.tolist()), tuple(scale.tolist()))
    x = np.array([numbers.inputs(fact["told"], row) for fact, row in zip(known, raw, strict=True)])
    y = np.array([tiers().index(fact["tier"]) for fact in known])
    assert x.shape[1] == len(FEATURES) + len(tiers()) + 1
    weights = _logistic(x, y)
    print(f"tier: balanced accuracy {balanced(y, (x @ weights.T).argmax(1)):.3f} where it was fitted")
    return Calibration(weight, temperature, numbers.mean, numbers.scale, tuple(map(tuple, weights.tolist())))


def _logistic(x, y, ridge=0.02):
    """Weights of a multinomial logistic regression, every class weighing the same: (classes, inputs)."""
    import torch

    inputs, labels = torch.tensor(x), torch.tensor(y)
    share = 1.0 / torch.bincount(labels, minlength=len(tiers())).clamp(min=1)
    weights = torch.zeros(len(tiers()), x.shape[1], dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([weights], max_iter=300, line_search_fn="strong_wolfe")

    def loss():
        search.zero_grad()
        out = torch.nn.functional.cross_entropy(inputs @ weights.T, labels, weight=share.double())
        out = out + ridge * weights[:, :-1].square().sum()
        out.backward()
        return out

    search.step(loss)
    return weights.detach().numpy().round(5)


if __name__ == "__main__":
    main()
