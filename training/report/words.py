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
}
_MAIN = {"class": "accuracy", "score": "mae", "strokes": "onset_f1_20ms"}
_HEADLINE = {
    "class": ("accuracy", "balanced_accuracy", "macro_f1"),
    "score": ("mae", "spearman"),
    "strokes": ("onset_f1_20ms", "onset_f1_50ms"),
}


def main(target):
    """The metric of a target that breakdowns show."""
    return _MAIN[target["kind"]]


def headline(target):
    """``(name, interval)`` of the metrics of a target that come first."""
    return [(name, target["metrics"][name]) for name in _HEADLINE[target["kind"]]]


def metric(name):
    """A metric or column in words: ``onset_f1_20ms`` is ``onset F1, 20 ms``."""
    if name in NAMES:
        return NAMES[name]
    parts = name.split("_")
    end = f", {parts.pop()[:-2]} ms" if parts[-1].endswith("ms") and parts[-1][:-2].isdigit() else ""
    return " ".join("F1" if part == "f1" else part for part in parts) + end


def is_error(name):
    """Whether a metric is in the unit of its score and better when smaller."""
    return name in ("mae", "rmse")


def number(value, name):
    """A value with the digits its metric deserves; a dash where undefined."""
    if value is None:
        return "–"
    return f"{value:.2f}" if is_error(name) else f"{value:.3f}"


def interval(one, name):
    """``0.842 (0.801 to 0.872)``."""
    text = number(one["value"], name)
    if one["low"] is None:
        return text
    return f"{text} ({number(one['low'], name)} to {number(one['high'], name)})"
