"""How metrics are named and written for people."""

NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "spearman": "rank correlation",
    "rudiment_slug": "rudiment",
    "skill_tier": "skill tier",
    "augmentation_preset": "acoustics",
    "tempo_band_bpm": "tempo (BPM)",
    "difference": "better by",
    "r2": "R2",
    "mae_norm": "mean absolute error (0-1)",
    "rmse_norm": "root mean squared error (0-1)",
    "mae_natural": "mean absolute error",
    "held_out": "kind of test setting",
    "synth": "synthesizer",
}
GROUPS = {"profile_id": ("player", "players"), "setting_id": ("setting", "settings"), "row": ("row", "rows")}
_MAIN = {
    "class": "accuracy", "score": "mae", "strokes": "onset_f1_20ms", "parameter": "r2", "curve": "r2",
}  # fmt: skip
_HEADLINE = {
    "class": ("accuracy", "balanced_accuracy", "macro_f1"),
    "score": ("mae", "spearman"),
    "strokes": ("onset_f1_20ms", "onset_f1_50ms"),
    "parameter": ("r2", "mae_norm", "spearman"),
    "curve": ("r2", "mae_norm"),
}


def main(found):
    """The metric of a target that breakdowns show."""
    return _MAIN[found["kind"]]


def headline(found):
    """``(name, interval)`` of the metrics of a target that come first."""
    return [(name, found["metrics"][name]) for name in _HEADLINE[found["kind"]]]


def metric(name, unit=None):
    """A metric or column in words: ``onset_f1_20ms`` is ``onset F1, 20 ms``; unit: of natural values."""
    if name in NAMES:
        return f"{NAMES[name]} ({unit})" if unit and name.endswith("_natural") else NAMES[name]
    parts = name.split("_")
    end = f", {parts.pop()[:-2]} ms" if parts[-1].endswith("ms") and parts[-1][:-2].isdigit() else ""
    return " ".join("F1" if part == "f1" else part for part in parts) + end


def target(name, found):
    """A target in words; a parameter's name is as its synthesizer has it."""
    return name if found["kind"] in ("parameter", "curve") else metric(name)


def is_error(name):
    """Whether a metric is in the unit of what it is of, and better when smaller."""
    return name.startswith(("mae", "rmse"))


def number(value, name):
    """A value with the digits its metric deserves; a dash where undefined."""
    if value is None:
        return "–"
    if name.endswith("_norm"):
        return f"{value:.4f}"
    if name.endswith("_natural"):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:.2f}" if is_error(name) else f"{value:.3f}"


def groups(metrics):
    """``of 24 players``, or nothing where rows are not grouped."""
    if not metrics["num_groups"]:
        return ""
    one, many = GROUPS[metrics["grouped_by"]]
    return f" of {metrics['num_groups']:,} {many if metrics['num_groups'] != 1 else one}"


def interval(one, name):
    """``0.842 (0.801 to 0.872)``."""
    text = number(one["value"], name)
    if one["low"] is None:
        return text
    return f"{text} ({number(one['low'], name)} to {number(one['high'], name)})"
