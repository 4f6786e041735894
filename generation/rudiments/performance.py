"""What is really played: many takes at once, from grid to strokes on integer samples.

The model, in the order of the code (figures: ``players.toml``)
----------------------------------------------------------------
* Asynchrony of a primary = the player's mean + a wandering part (AR(1), one step a stroke) + motor
  noise of the stroke (larger in the weaker hand) + the player's recurring placement of this
  position of the figure + tempo drift + the delay after an accent + the weaker hand's delay + the
  crushing of diddles. AR(1) plus white noise is the two-process account of timing (Wing and
  Kristofferson 1973): intervals then alternate (lag-1 autocorrelation about -0.3) while
  asynchronies persist (about +0.7), as drummers' do.
* Noise shrinks where strokes are dense, so that a stroke keeps its place in the order
  (``ORDER_MARGIN`` standard deviations), and hands can't strike faster than ``MIN_GAP_MS``.
* Graces are placed before the primary as played, bounces after it; both shrink with the room.
* Velocity = the written level at the take's dynamic, the player's offset and contrast, hand ratio,
  fatigue and correlated noise, bent softly at both ends of the MIDI range.

Conventions
-----------
Arrays are flat over all strokes of all takes, in take order and inside a take in time order;
``take`` says whose. A take's result depends on that take alone: nothing here mixes takes, so any
batch gives the same strokes. Times are drawn in ms and quantised once, to samples.
"""

from dataclasses import dataclass

import numpy as np

from sousa.generation.audio.voices import VARIANTS
from sousa.generation.rudiments import ornaments
from sousa.generation.rudiments.players import dimensions
from sousa.generation.rudiments.score import habits, template
from sousa.generation.seeds import stream

TAP, GRACE, BUZZ, BOUNCE = 0, 1, 2, 3

TAP_VELOCITY = 68.0
ACCENT_GAIN = 36.0  # written accent over written tap
DIDDLE_SECOND_VELOCITY = 64.0
GRACE_RATIO = 0.55
BOUNCE_RATIO = 0.8
DYNAMIC_SD = 5.0  # takes are given softer and louder

ORDER_MARGIN = 4.5
# least time between primaries, as (ms, share of the slot): other hand, same hand, before graces
MIN_GAP_MS = {"other": (12.0, 0.25), "same": (30.0, 0.40), 1: (26.0, 0.35), 2: (72.0, 0.50)}

LEAD_IN_SEC = 0.4  # at least; always whole beats
FIRST_STROKE_MS = 20.0  # no stroke before this
RING_OUT_SEC = 0.5


@dataclass
class Performances:
    """Strokes of a batch of T takes: N strokes, in take order and inside a take in time order."""

    takes: list
    start: np.ndarray  # int64 (T+1,), first stroke of each take; those of take t are start[t]:start[t+1]
    lead_in_beats: np.ndarray  # int64 (T,); the grid begins after the lead-in
    lead_in_samples: np.ndarray  # int64 (T,)
    num_samples: np.ndarray  # int64 (T,)
    dynamic: np.ndarray  # float64 (T,), velocity added to the written level of the take
    drift_ms: np.ndarray  # float64 (T,), displacement by tempo drift at the end of the take
    take: np.ndarray  # int64 (N,)
    kind: np.ndarray  # int8 (N,), TAP, GRACE, BUZZ or BOUNCE
    hand: np.ndarray  # int8 (N,), 0 right, 1 left
    accent: np.ndarray  # bool (N,)
    diddle: np.ndarray  # int8 (N,), 1, 2 or 0
    position: np.ndarray  # int64 (N,), place of the stroke's primary in the cycle
    cycle: np.ndarray  # int64 (N,), cycle of the primary
    primary: np.ndarray  # int64 (N,), number of the primary among those of the batch
    beat: np.ndarray  # float64 (N,), of the primary, from the first beat of the figure
    slot_ms: np.ndarray  # float64 (N,), written time since the primary before
    child: np.ndarray  # int8 (N,), 1-based number of a grace or bounce under its primary, else 0
    parent: np.ndarray  # int64 (N,), index in the take of the primary of a grace or bounce, else -1
    onset_sample: np.ndarray  # int64 (N,)
    intended_sample: np.ndarray  # int64 (N,)
    intended_lead_ms: np.ndarray  # float64 (N,), written lead of a grace before its primary, else 0
    velocity: np.ndarray  # int16 (N,)
    intended_velocity: np.ndarray  # int16 (N,)
    variant: np.ndarray  # int64 (N,), round-robin variant of the drum's sound that a rendering plays


class _Primaries:
    """Flat arrays over the primaries of all takes, and the draws that go with them."""

    def __init__(self, takes):
        plans = [template(take.form, take.lead_hand) for take in takes]
        per_cycle = [len(plan.beat) for plan in plans]
        cycles = [take.num_cycles for take in takes]
        self.count = np.array([n * c for n, c in zip(per_cycle, cycles, strict=True)])
        self.start = np.concatenate([[0], np.cumsum(self.count)])
        self.take = np.repeat(np.arange(len(takes)), self.count)
        self.index = np.arange(self.start[-1]) - self.start[self.take]
        size = np.array(per_cycle)[self.take]
        self.position = self.index % size
        self.cycle = self.index // size
        first = np.concatenate([[0], np.cumsum(per_cycle)])[:-1][self.take] + self.position

        def gather(name):
            return np.concatenate([getattr(plan, name) for plan in plans])[first]

        self.hand, self.graces = gather("hand"), gather("graces")
        self.diddle, self.accent, self.buzz = gather("diddle"), gather("accent"), gather("buzz")
        cycle_beats = np.array([plan.cycle_beats for plan in plans])
        self.beats = cycle_beats * cycles  # of each take
        self.beat = gather("beat") + self.cycle * cycle_beats[self.take]
        self.beat_ms = np.array([60000.0 / take.tempo_bpm for take in takes])
        self.slot_ms = gather("slot_beats") * self.beat_ms[self.take]
        weaker = np.array([take.player.dominant_hand != "left" for take in takes])
        self.weaker = self.hand == weaker[self.take]

        total = self.start[-1]
        self.z = np.zeros((total, 8 + 1 + 2 * ornaments.MAX_BOUNCES))
        self.miss = np.empty(total)
        self.take_z = np.empty((len(takes), 2))
        placement = []
        for i, take in enumerate(takes):
            rng = stream(take.seed, "rudiments", "take", take.player.index, take.form.form, take.tempo_index)
            rows = slice(self.start[i], self.start[i + 1])
            self.take_z[i] = rng.standard_normal(2)
            self.miss[rows] = rng.random(self.count[i])
            width = 9 + 2 * ornaments.MAX_BOUNCES if take.form.strokes[0].buzz else 8
            self.z[rows, :width] = rng.standard_normal((self.count[i], width))
            _, placed = habits(take.seed, take.player.index, take.form.form, per_cycle[i])
            placement.append(np.tile(placed, take.num_cycles))
        self.placement = np.concatenate(placement)

    def padded(self, values, fill=0.0):
        """Values as a (longest take, takes) matrix, for recursions along a take."""
        out = np.full((int(self.count.max()), len(self.count)), fill)
        out[self.index, self.take] = values
        return out

    def ar1(self, z, phi):
        """Stationary unit-variance AR(1) along each take, driven by ``z``; ``phi`` one a take."""
        noise = self.padded(z)
        gain = np.sqrt(1.0 - phi * phi)
        out = np.empty_like(noise)
        out[0] = noise[0]
        for i in range(1, len(noise)):
            out[i] = phi * out[i - 1] + gain * noise[i]
        return out[self.index, self.take]

    def before(self, values, first):
        """Value of the primary before, ``first`` for the first of a take."""
        out = np.empty_like(values)
        out[1:] = values[:-1]
        out[self.start[:-1]] = first
        return out


def play(takes, sample_rate):
    """Play a batch of takes.

    Args:
        takes: non-empty list of :class:`sousa.generation.rudiments.score.Take`.
        sample_rate: corpus rate in Hz.

    Returns: :class:`Performances`.
    """
    p = _Primaries(takes)
    values = np.array([take.player.values for take in takes])
    trait = {d.name: values[:, i] for i, d in enumerate(dimensions())}
    effort = _effort(takes, p, trait)
    drift_ms = trait["tempo_drift_sd_ms"] * p.take_z[:, 0] * np.sqrt(p.beat_ms * p.beats / 6000.0)
    dynamic = DYNAMIC_SD * p.take_z[:, 1]
    time_ms = _primary_times(p, trait, effort, drift_ms)
    velocity, intended = _primary_velocities(p, trait, effort, dynamic)
    return _assemble(takes, p, trait, time_ms, velocity, intended, dynamic, drift_ms, sample_rate)


def _effort(takes, p, trait):
    """Growth of fatigue along each take: 0 at its start, the player's coefficient after 6 s of
    playing at the top of the player's range, levelling off at twice that."""
    tempi = np.array([(take.tempo_bpm, take.tempo_low_bpm, take.tempo_high_bpm) for take in takes])
    tempo, low, high = tempi.T
    strain = (tempo - low + 1) / (high - low + 1)
    seconds = p.beat * p.beat_ms[p.take] / 1000.0
    return (trait["fatigue"] * strain)[p.take] * 2.0 * seconds / (seconds + 6.0)


def _primary_times(p, trait, effort, drift_ms):
    """Time of each primary in ms from the first beat of the figure, in order along each take."""
    t = p.take
    phi = trait["asynchrony_phi"]
    wander, motor = trait["asynchrony_sd_ms"], trait["motor_sd_ms"]
    interval_sd = np.sqrt(2 * wander**2 * (1 - phi) + 2 * motor**2)
    densest = np.minimum.reduceat(p.slot_ms, p.start[:-1])
    calm = np.minimum(1.0, densest / (ORDER_MARGIN * interval_sd))[t]

    noise = wander[t] * p.ar1(p.z[:, 0], phi)
    noise += motor[t] * p.z[:, 1] * np.where(p.weaker, trait["hand_noise_ratio"][t], 1.0)
    progress = p.beat / p.beats[t]
    interval = np.minimum(p.slot_ms, 250.0)
    error = trait["mean_asynchrony_ms"][t] + calm * noise * (1.0 + effort)
    error += calm * trait["systematic_sd_ms"][t] * p.placement
    error += drift_ms[t] * progress**2
    error += np.where(p.before(p.accent, False), trait["accent_lengthening"][t] * interval, 0.0)
    error += np.where(p.weaker, calm * trait["hand_delay_ms"][t], 0.0)
    ratio = trait["diddle_timing_ratio"][t]
    error -= np.where(p.diddle == 2, interval * (ratio - 1.0) / (ratio + 1.0), 0.0)
    return _keep_order(p, p.beat * p.beat_ms[t] + error)


def _keep_order(p, time_ms):
    """Hold back strokes that would come sooner after the one before than hands can strike."""
    least = {kind: np.maximum(ms, share * p.slot_ms) for kind, (ms, share) in MIN_GAP_MS.items()}
    gap = np.where(p.hand == p.before(p.hand, -1), least["same"], least["other"])
    for graces in (1, 2):
        gap = np.where(p.graces == graces, np.maximum(gap, least[graces]), gap)
    gap[p.start[:-1]] = 0.0
    earliest = np.cumsum(p.padded(gap), axis=0)
    held = np.maximum.accumulate(p.padded(time_ms, fill=-np.inf) - earliest, axis=0) + earliest
    return held[p.index, p.take]


def _primary_velocities(p, trait, effort, dynamic):
    """Played and written velocity of each primary, floats before rounding."""
    t = p.take
    level = np.where(p.diddle == 2, DIDDLE_SECOND_VELOCITY, TAP_VELOCITY) + dynamic[t]
    intended = level + np.where(p.accent, ACCENT_GAIN, 0.0)
    missed = p.miss < trait["accent_miss_rate"][t]
    contrast = trait["accent_contrast"][t] * np.where(missed, 0.25, 1.0)
    noise = 0.8 * p.z[:, 2] + 0.6 * p.ar1(p.z[:, 3], np.full(len(p.count), 0.6))
    noise *= trait["velocity_sd"][t]
    hand = np.where(p.weaker, trait["hand_velocity_ratio"][t], 1.0)
    meant = TAP_VELOCITY + dynamic[t] + trait["velocity_offset"][t]
    meant += np.where(p.accent, contrast * ACCENT_GAIN, 0.0)
    played = meant * hand * (1.0 - 0.4 * effort) + noise
    # the second of a diddle follows from the first, unless that one was an accent
    first = np.where(p.before(p.accent, False), meant * hand, p.before(played, 0.0))
    second = first * trait["diddle_velocity_ratio"][t] + 0.5 * noise
    played = np.where((p.diddle == 2) & ~p.accent, second, played)
    return played, intended


def _bend(velocity):
    """Bend velocities softly into 2-126: the rails are approached, not hit."""
    over, under = np.maximum(velocity - 108.0, 0.0), np.maximum(14.0 - velocity, 0.0)
    bent = np.clip(velocity, 14.0, 108.0) + 18.0 * over / (over + 18.0) - 12.0 * under / (under + 12.0)
    return np.clip(np.rint(bent), 1, 127).astype(np.int16)


def _assemble(takes, p, trait, time_ms, velocity, intended, dynamic, drift_ms, sample_rate):
    """Interleave graces, primaries and bounces in time order and put everything on samples."""
    kept, delay, delay_written = ornaments.bounces(p, trait, time_ms)
    size = p.graces + 1 + kept.sum(1)
    first = np.concatenate([[0], np.cumsum(size)])
    place = first[:-1] + p.graces  # of the primary itself
    primary = np.repeat(np.arange(len(p.take)), size)
    offset = np.arange(first[-1]) - place[primary]  # <0 graces, 0 primary, >0 bounces
    ornament = is_grace, is_bounce = offset < 0, offset > 0
    child = np.where(is_grace, offset + p.graces[primary] + 1, np.maximum(offset, 0)).astype(np.int8)

    lead1, lead2, written1, written2 = ornaments.grace_leads(p, trait, time_ms)
    second = is_grace & (child == 2)
    lead = np.where(second, lead2[primary], lead1[primary])
    lead_written = np.where(second, written2[primary], written1[primary])
    step = np.where(is_bounce, offset - 1, 0)
    played = time_ms[primary]
    played = np.select(ornament, (played - lead, played + delay[primary, step]), played)
    written = (p.beat * p.beat_ms[p.take])[primary]
    written = np.select(ornament, (written - lead_written, written + delay_written[step]), written)

    t = p.take[primary]
    start = np.concatenate([[0], np.cumsum(np.bincount(t, minlength=len(takes)))])
    earliest = np.minimum(np.minimum.reduceat(played, start[:-1]), 0.0)
    lead_in_beats = np.ceil(np.maximum(LEAD_IN_SEC * 1000.0, FIRST_STROKE_MS - earliest) / p.beat_ms - 1e-9)
    lead_in_ms = lead_in_beats * p.beat_ms
    per_ms = sample_rate / 1000.0
    onset = np.rint((lead_in_ms[t] + played) * per_ms).astype(np.int64)
    target = np.rint((lead_in_ms[t] + written) * per_ms).astype(np.int64)

    z_child = p.z[primary, np.where(is_bounce, 9 + ornaments.MAX_BOUNCES + step, np.where(second, 7, 6))]
    graces_ratio = trait["grace_velocity_ratio"][t] * (1.0 + 0.12 * z_child)
    bounces_ratio = _powers(trait["buzz_decay"])[t, step] * (1.0 + 0.06 * z_child)
    ratio = np.select(ornament, (graces_ratio, bounces_ratio), 1.0)
    ratio_written = np.select(ornament, (GRACE_RATIO, _powers(np.array([BOUNCE_RATIO]))[0, step]), 1.0)
    hand, is_child = p.hand[primary], is_grace | is_bounce
    return Performances(
        takes=takes,
        start=start,
        lead_in_beats=lead_in_beats.astype(np.int64),
        lead_in_samples=np.rint(lead_in_ms * per_ms).astype(np.int64),
        num_samples=onset[start[1:] - 1] + round(RING_OUT_SEC * sample_rate),
        dynamic=dynamic,
        drift_ms=drift_ms,
        take=t,
        kind=np.select((*ornament, p.buzz[primary]), (GRACE, BOUNCE, BUZZ), TAP).astype(np.int8),
        hand=np.where(is_grace, 1 - hand, hand).astype(np.int8),
        accent=p.accent[primary] & ~is_child,
        diddle=np.where(is_child, 0, p.diddle[primary]).astype(np.int8),
        primary=primary,
        **{name: getattr(p, name)[primary] for name in ("position", "cycle", "beat", "slot_ms")},
        child=child,
        parent=np.where(is_child, place[primary] - start[t], -1),
        onset_sample=onset,
        intended_sample=target,
        intended_lead_ms=np.where(is_grace, lead_written, 0.0),
        velocity=_bend(velocity[primary] * ratio),
        intended_velocity=_bend(intended[primary] * ratio_written),
        variant=_round_robin(takes, start),
    )


def _round_robin(takes, start):
    """A variant of the drum's sound for each stroke, never the same twice running."""
    steps = [
        stream(t.seed, "round robin", t.player.index, t.form.form, t.tempo_index).integers(1, VARIANTS, size)
        for t, size in zip(takes, np.diff(start), strict=True)
    ]
    return np.concatenate([np.cumsum(part) % VARIANTS for part in steps])


def _powers(base):
    """Powers 1 to MAX_BOUNCES of each element, by multiplication: the same on every machine."""
    return np.cumprod(np.repeat(base[:, None], ornaments.MAX_BOUNCES, axis=1), axis=1)
