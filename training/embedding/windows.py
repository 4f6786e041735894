"""Where a sound is cut into windows: a function of its length alone.

Conventions: windows begin a hop apart. The last one ends where the sound ends, so it overlaps the one before
it more than others do: nothing is filled up, and nothing comes from the other end of the sound. A sound that
is shorter than a window is one.
"""

SLACK_SEC = 0.05  # a rest as short as this is no window of its own: rates are rounded


def spans(samples: int, rate: int, window_sec: float, hop_sec: float) -> list[tuple[int, int]]:
    """First sample of each window, and the one after its last.

    Args:
        samples: of the sound.
        rate: Hz.
        window_sec, hop_sec: length of a window, and from one to the next.
    """
    size, hop = round(window_sec * rate), round(hop_sec * rate)
    if samples <= size:
        return [(0, samples)]
    starts = list(range(0, samples - size + 1, hop))
    if samples - (starts[-1] + size) > SLACK_SEC * rate:
        starts.append(samples - size)
    return [(start, start + size) for start in starts]
