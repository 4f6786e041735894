"""Where graces and bounces go, around primaries that have already been played.

Conventions: times in ms; ``p`` holds the primaries of a batch and their draws, ``trait`` one value
a take for each dimension of its player, ``time_ms`` the primaries as played. *Written* values are
what a label's ``intended_sample`` is made from. Both kinds of ornament shrink with the room they
have: the slot before the primary, and the stroke that is really there.
"""

import numpy as np

FLAM_LEAD_MS = 28.0  # intended; measured quartiles are 19 and 35
FLAM_ROOM = 0.30  # of the slot
DRAG_PAIR_MS, DRAG_LAST_MS = 48.0, 42.0  # intended: between the graces, and to the primary
DRAG_ROOM = 0.55
BOUNCE_MS = (46.0, 38.0, 36.0, 35.0, 35.0, 35.0)  # measured medians
MAX_BOUNCES = len(BOUNCE_MS)
CLEAR_MS = 8.0  # graces stay this far from the stroke before, bounces from the stroke after
MIN_SAME_HAND_GRACES_MS = 35.1
MIN_GRACE_LEAD_MS = 6.1
MIN_DRAG_LAST_MS = 20.0
MIN_BOUNCE_MS = 20.1


def written_leads(slot_ms: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Written leads before a primary whose slot is so long, ms: of a flam, and of both graces of a drag."""
    shrink = np.minimum(1.0, DRAG_ROOM * slot_ms / (DRAG_PAIR_MS + DRAG_LAST_MS))
    flam = np.minimum(FLAM_LEAD_MS, FLAM_ROOM * slot_ms)
    return flam, shrink * (DRAG_PAIR_MS + DRAG_LAST_MS), shrink * DRAG_LAST_MS


def grace_leads(p, trait, time_ms):
    """Leads of the first and second grace before their primary, played and written, in ms."""
    t, slot = p.take, p.slot_ms
    room = time_ms - p.before(time_ms, -np.inf) - CLEAR_MS

    flam_room = np.minimum(0.45 * slot, room)
    flam = np.minimum(trait["flam_lead_ms"][t], 0.4 * slot) + trait["flam_lead_sd_ms"][t] * p.z[:, 4]
    flam = np.maximum(np.minimum(flam, flam_room), MIN_GRACE_LEAD_MS)
    flam_written, drag_written, last_written = written_leads(slot)

    shrink = np.minimum(1.0, DRAG_ROOM * slot / (DRAG_PAIR_MS + DRAG_LAST_MS))
    spread = trait["drag_gap_sd_ms"][t]
    drag_room = np.minimum(0.68 * slot, room)
    pair = np.maximum(shrink * trait["drag_gap_ms"][t] + spread * p.z[:, 4], MIN_SAME_HAND_GRACES_MS)
    last = np.maximum(0.875 * shrink * trait["drag_gap_ms"][t] + spread * p.z[:, 5], MIN_DRAG_LAST_MS)
    pair = np.minimum(pair, np.maximum(drag_room - MIN_DRAG_LAST_MS, MIN_SAME_HAND_GRACES_MS))
    last = np.minimum(last, np.maximum(drag_room - pair, MIN_DRAG_LAST_MS))

    drag = p.graces == 2
    first = np.where(drag, pair + last, flam)
    return first, last, np.where(drag, drag_written, flam_written), last_written


def bounces(p, trait, time_ms):
    """Bounces of each press: which there are and their delays, (P, MAX_BOUNCES), and those written, in ms."""
    t = p.take[:, None]
    steps = np.array(BOUNCE_MS) * trait["buzz_interval_scale"][t]
    steps = steps + trait["buzz_interval_sd_ms"][t] * p.z[:, 9 : 9 + MAX_BOUNCES]
    delay = np.cumsum(np.maximum(steps, MIN_BOUNCE_MS), axis=1)
    fill = np.clip(p.slot_ms / 170.0, 0.6, 1.7)
    wanted = np.rint(trait["buzz_bounces"][p.take] * fill + 0.6 * p.z[:, 8])
    following = np.append(time_ms[1:], np.inf)
    following[p.start[1:] - 1] = np.inf
    room = np.minimum(following - time_ms, p.slot_ms * 1.05) - CLEAR_MS
    kept = p.buzz[:, None] & (np.arange(MAX_BOUNCES) < wanted[:, None]) & (delay < room[:, None])
    return kept, delay, np.cumsum(BOUNCE_MS)
