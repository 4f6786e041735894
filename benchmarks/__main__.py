"""All benchmarks, or some, beside their references, as Markdown and JSON.

    python -m benchmarks [NAME ...] [--rounds 3] [--json FILE] [--against FILE]

``--list`` names them. Results are printed as tables and, with ``--json``, written to a file; results of
benchmarks that were not run stay in it. The figures of the documents come from benchmarks/results.json::

    python -m benchmarks --json benchmarks/results.json && python benchmarks/documents.py

``--against`` compares ratios with those of a file, and ends with status 1 where one differs by more than a
fifth. It needs the environment for training. Packages of others are in benchmarks/peers.txt; lines whose
package is not installed are left out and named.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import measuring, results


def run(
    names: list[str], rounds: int, scratch: Path | None, file: Path | None
) -> tuple[dict[str, Any], list[str]]:
    """Measure benchmarks, print their tables, and write results after each.

    Returns: all results of the file, and a text for each benchmark that failed.
    """
    known, out, failed = measuring.benchmarks(), results.read(file), []
    for name in names:
        begin = time.perf_counter()
        say(f"{name}: making its data")
        try:
            with tempfile.TemporaryDirectory(dir=scratch) as place:
                known[name].make(Path(place))
                out["benchmarks"][name] = measuring.measure(known[name], Path(place), rounds, say)
        except RuntimeError as error:  # the others are measured all the same
            failed.append(f"{name}: {error}")
            say(failed[-1])
            continue
        print(f"\n## {name}\n\n{known[name].about}\n\n{results.table(out['benchmarks'][name])}\n", flush=True)
        for line, missing in out["benchmarks"][name]["missing"].items():
            say(f"{name}: left out: {line}, which needs {', '.join(missing)}; {measuring.INSTALL}")
        say(f"{name}: {time.perf_counter() - begin:.0f} s")
        if file:
            results.write(file, out)
    return out, failed


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__, formatter_class=plain)
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks (default: all)")
    parser.add_argument("--list", action="store_true", help="name them and what they compare")
    parser.add_argument("--rounds", type=int, default=measuring.ROUNDS, help="times (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where results are kept")
    parser.add_argument("--against", type=Path, metavar="FILE", help="earlier results to compare ratios with")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="where data is made (default: temporary)")
    parser.add_argument("--line", nargs=3, metavar=("NAME", "LINE", "DIR"), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.line:
        name, line, place = options.line
        print(json.dumps(measuring.run_line(name, line, Path(place))))
        return 0
    known = measuring.benchmarks()
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"there is no benchmark {unknown[0]!r}; choose from {', '.join(known)}")
    if options.rounds < 1:
        parser.error(f"--rounds is 1 or more, not {options.rounds}")
    if options.list:
        for name, benchmark in known.items():
            print(f"{name}: {benchmark.about}\n  " + "\n  ".join(benchmark.lines))
        return 0
    names = options.names or [*known]
    earlier = results.read(options.against)["benchmarks"]
    if options.against and (unknown := [name for name in names if name not in earlier]):
        parser.error(f"{options.against} has no results of {', '.join(unknown)}")
    if options.json and not options.json.resolve().parent.is_dir():
        parser.error(f"--json: there is no folder {options.json.parent}")
    out, failed = run(names, options.rounds, options.scratch, options.json)
    if failed:
        print(f"{len(failed)} of {len(names)} benchmarks failed:", *failed, sep="\n", file=sys.stderr)
        return 1
    if options.against:
        changed = results.changed(earlier, out["benchmarks"], names)
        print("\n".join(changed) or f"all ratios are within {results.TOLERANCE:.0%} of {options.against}")
        return int(bool(changed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
