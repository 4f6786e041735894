"""How simulated professionals play, beside concert pianists. Run::

    python benchmarks/piano/players.py [--pieces 240] [--seed 0] [--markdown]

Pieces are composed and performed; every figure is measured on the labels, by code that knows nothing of the
performers' model, and is the median over performances. A figure with a range is inside or outside; of each
style the median is shown, as styles differ more than ranges are wide.
"""

import argparse
import time

import numpy as np

from sousa.generation.columns import markdown
from sousa.generation.piano.composition import Wanted, compose
from sousa.generation.piano.performance import perform, player
from sousa.generation.piano.score import COMPLEXITIES, STYLES
from sousa.generation.piano.validation import figures, measures

RATE = 44_100
PIECES_SHARED, PLAYERS = 60, 8


def shared(args: argparse.Namespace) -> None:
    """Print how alike the tempo curves of several players of one piece are."""
    alike, own, lag = {style: [] for style in STYLES}, {style: [] for style in STYLES}, []
    for index in range(PIECES_SHARED):
        score = compose(args.seed, index, Wanted(args.level or COMPLEXITIES[index % len(COMPLEXITIES)]))
        curves = []
        for k in range(PLAYERS):
            who = player(args.seed, index, k, (args.tier,))
            performance = perform(score, who, args.seed, index, k, RATE)
            curves.append(measures.beats_heard(figures.of(score, performance)))
        curves = np.log(np.diff(curves))
        curves = curves[:, np.isfinite(curves).all(axis=0)]
        if curves.shape[1] > 15:
            curves -= curves.mean(axis=1, keepdims=True)
            residual = (curves - curves.mean(axis=0)) * np.sqrt(PLAYERS / (PLAYERS - 1))
            alike[score.style].append(np.median(np.corrcoef(curves)[np.triu_indices(PLAYERS, 1)]))
            own[score.style].append(residual.std())
            lag += [measures.lag1(row) for row in residual]
    print(f"\ntempo curves of {PLAYERS} players of a piece (pianists: r .74-.90, SD .060-.122, lag .27-.37)")
    for style in STYLES:
        print(f"  {style:10} r {np.median(alike[style]):.2f}, own SD {np.median(own[style]):.3f}")
    print(f"  lag-1 of the own part {np.median(lag):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", type=int, default=240, help="number of pieces (default: 240)")
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    parser.add_argument("--tier", default="professional", help="tier of the players (default: professional)")
    parser.add_argument("--level", choices=COMPLEXITIES, help="of all pieces (default: each in turn)")
    parser.add_argument("--seconds", type=float, help="least duration of a piece (default: as composed)")
    parser.add_argument("--markdown", action="store_true", help="print a table in Markdown")
    args = parser.parse_args()
    rows, seconds, notes, spent = {style: [] for style in STYLES}, 0.0, 0, 0.0
    for index in range(args.pieces):
        level = args.level or COMPLEXITIES[index % len(COMPLEXITIES)]
        score = compose(args.seed, index, Wanted(level, min_duration_sec=args.seconds))
        who = player(args.seed, index, 0, (args.tier,))
        begin = time.process_time()
        performance = perform(score, who, args.seed, index, 0, RATE)
        spent += time.process_time() - begin
        seconds, notes = seconds + performance.num_samples / RATE, notes + len(performance.notes)
        rows[score.style].append(figures.measure(figures.of(score, performance)))
    everything = figures.summary(row for group in rows.values() for row in group)
    by_style = {style: figures.summary(group) for style, group in rows.items()}
    table, outside = [], []
    for name, (low, median, high, count) in everything.items():
        reference = figures.REFERENCES[name]
        verdict = {True: "inside", False: "OUTSIDE", None: ""}[reference.holds(median)]
        outside += [name] if verdict == "OUTSIDE" else []
        measured = f"{reference.median:g}"
        if reference.low is not None:
            measured += f" [{reference.low:g} – {reference.high:g}]"
        styles = [f"{by_style[s][name][1]:.3g}" if name in by_style[s] else "" for s in STYLES]
        table.append((name, measured, f"{median:.3g} [{low:.3g} – {high:.3g}]", verdict, count, *styles))
    head = ("figure", "pianists", "ours", "", "n", *STYLES)
    if args.markdown:
        print(markdown(head, table))
    else:
        for row in (head, *table):
            print(
                f"{row[0]:27} {row[1]:23} {row[2]:25} {row[3]:8} {row[4]:>4}", *(f"{x:>9}" for x in row[5:])
            )
    ranged = sum(figures.REFERENCES[name].low is not None for name in everything)
    counts = ", ".join(f"{len(group)} {style}" for style, group in rows.items())
    print(f"\n{args.pieces} pieces ({counts}), {seconds:,.0f} s, {notes:,} notes")
    print(f"{1000 * spent / args.pieces:.2f} ms of CPU a performance: {seconds / spent:,.0f} s a CPU-second")
    shared(args)
    print(f"\n{ranged - len(outside)} of {ranged} figures with a range inside; outside: {outside or 'none'}")


if __name__ == "__main__":
    main()
