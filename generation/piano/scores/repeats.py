"""Repeats of a score, written out."""

from typing import Any

MOST_BARS = 10_000


def playing_order(part: Any) -> list[int]:
    """Numbers of the bars of a part in the order in which they are played."""
    from music21 import repeat, stream

    measures = list(part.getElementsByClass(stream.Measure))
    plain = list(range(len(measures)))
    if not any(
        isinstance(e, repeat.RepeatMark)
        for measure in measures
        for e in (*measure, measure.leftBarline, measure.rightBarline)
    ):
        return plain
    if _most_bars(measures) > MOST_BARS:
        return plain
    bare = stream.Part()  # a copy of the marks alone: notes would be copied for nothing
    for number, measure in enumerate(measures):
        copy = stream.Measure(number=measure.number)
        copy.editorial["place"] = number
        copy.leftBarline, copy.rightBarline = measure.leftBarline, measure.rightBarline
        for mark in measure.getElementsByClass(repeat.RepeatExpression):
            copy.insert(mark.offset, mark)
        copy.append(_rest(measure))
        bare.append(copy)
    _copy_endings(part, measures, bare)
    try:
        order = [
            measure.editorial["place"] for measure in bare.expandRepeats().getElementsByClass(stream.Measure)
        ]
    except Exception:  # marks that contradict each other end in one of a dozen kinds
        return plain
    return order if order and len(order) <= MOST_BARS else plain


def _most_bars(measures: list[Any]) -> int:
    """How many bars repeats with their numbers of times lead to, endings left aside.

    A file may ask for a million times, which music21 would write out.
    """
    from music21 import bar

    total, counts = 0, [0]
    for measure in measures:
        if isinstance(measure.leftBarline, bar.Repeat) and measure.leftBarline.direction == "start":
            counts.append(0)
        counts[-1] += 1
        end = measure.rightBarline
        if isinstance(end, bar.Repeat) and end.direction == "end":
            repeated = counts.pop() * max(abs(end.times or 2), 2)
            if counts:
                counts[-1] += repeated
            else:  # from the last repeat on, or the beginning
                total += repeated
                counts.append(0)
    return total + sum(counts)


def _rest(measure: Any) -> Any:
    from music21 import note

    return note.Rest(quarterLength=measure.highestTime or measure.barDuration.quarterLength)


def _copy_endings(part: Any, measures: list[Any], bare: Any) -> None:
    from music21 import spanner, stream

    copies = list(bare.getElementsByClass(stream.Measure))
    places = {id(measure): copy for measure, copy in zip(measures, copies, strict=True)}
    for bracket in part.recurse().getElementsByClass(spanner.RepeatBracket):
        inside = [places[id(m)] for m in bracket.getSpannedElements() if id(m) in places]
        if inside:
            bare.insert(0, spanner.RepeatBracket(inside, number=bracket.number))
