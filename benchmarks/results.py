"""Results of benchmarks: the file they are kept in, tables, and comparison with others."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "results.json"
TOLERANCE = 0.2


def read(file: Path | None = FILE) -> dict[str, Any]:
    """Results of a file, ``{"benchmarks": {name: figures}}``; none where there is no file."""
    if file is None or not file.exists():
        return {"benchmarks": {}}
    return json.loads(file.read_text(encoding="utf-8"))


def write(file: Path, results: Mapping[str, Any]) -> None:
    """Write results, whole or not at all."""
    from sousa.generation.storage import atomic_file  # here, since processes of lines import this file

    with atomic_file(file) as out:
        out.write((json.dumps(results, indent=1) + "\n").encode())


def figure(value: float) -> str:
    """Three digits, as many as a measurement of a shared machine has."""
    if value >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def table(result: Mapping[str, Any]) -> str:
    """The lines of a benchmark as a Markdown table."""
    from sousa.generation.columns import markdown

    head = ["what", result["unit"], "cost, times the reference", "lowest to highest", "peak memory, MiB"]
    rows = []
    for name, line in result["lines"].items():
        ratios = [figure(line["ratio"]), f"{figure(line['ratio_lowest'])} to {figure(line['ratio_highest'])}"]
        if name == result["reference"]:
            name, ratios = f"{name} (reference)", ["1", ""]
        rows.append([name, figure(line["cost"]), *ratios, f"{line['peak_mib']:,.0f}"])
    return markdown(head, rows)


def machines(results: Mapping[str, Any]) -> str:
    """Machines and packages as Markdown; where there are several machines, with their benchmarks."""
    texts: dict[str, list[str]] = {}
    packages: dict[str, str] = {}
    for name, figures in results["benchmarks"].items():
        about = figures["machine"]
        text = f"{about['cpu']}, {about['cores']} cores, {about['system']}, Python {about['python']}"
        texts.setdefault(text, []).append(name)
        packages |= about["packages"]
    alone = len(texts) == 1
    where = [text if alone else f"{', '.join(names)}: {text}" for text, names in texts.items()]
    return "\n\n".join([*where, ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))])


def changed(before: Mapping[str, Any], after: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Ratios that differ by more than TOLERANCE, a line of text for each."""
    out = []
    for name in names:
        earlier = before[name]["lines"]
        for line, now in after[name]["lines"].items():
            if line not in earlier:
                out.append(f"{name}, {line}: not in the earlier results")
            elif abs(now["ratio"] / earlier[line]["ratio"] - 1) > TOLERANCE:
                out.append(f"{name}, {line}: ratio {now['ratio']:.3f}, {earlier[line]['ratio']:.3f} before")
    return out
