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
* Velocity = the written level at the take's dynamic, the player's offset and contrast, hand ratio,
  fatigue and correlated noise, bent softly at both ends of the MIDI range.
* Mistakes (:mod:`.mistakes`) exchange hands, move accents and displace strokes before all that;
  :mod:`.assembly` places graces and bounces, leaves strokes out and adds others.

Conventions
-----------
Arrays are flat over all strokes of all takes, in take order and inside a take in time order;
``take`` says whose. A take's result depends on that take alone: nothing here mixes takes, so any
batch gives the same strokes. Times are drawn in ms and quantised once, to samples.
"""

from dataclasses import dataclass

import numpy as np

from sousa.generation.rudiments import mistakes, ornaments
from sousa.generation.rudiments.players import dimensions
from sousa.generation.rudiments.score import habits, template
from sousa.generation.seeds import stream

TAP_VELOCITY = 68.0
ACCENT_GAIN = 36.0  # written accent over written tap
DIDDLE_SECOND_VELOCITY = 64.0
DYNAMIC_SD = 5.0  # takes are given softer and louder
# of a second stroke that comes too soon: at most so long after the first, and velocity over what it would be
COLLAPSED_MS, COLLAPSED_SHARE, COLLAPSED_RATIO = 44.0, 0.5, 0.5
LEAST_BOUNCE_MS = 20.0

ORDER_MARGIN = 4.5
# least time between primaries, as (ms, share of the slot): other hand, same hand, before graces
MIN_GAP_MS = {"other": (12.0, 0.25), "same": (30.0, 0.40), 1: (26.0, 0.35), 2: (72.0, 0.50)}


class Primaries:
    """Flat arrays over the primaries of all takes, and the draws that go with them."""

    def __init__(self, takes):
        self.takes = takes
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
        self.written_hand = self.hand

        total = self.start[-1]
        self.z = np.zeros((total, 8 + 1 + 2 * ornaments.MAX_BOUNCES))
        self.take_z = np.empty((len(takes), 2))
        placement = []
        for i, take in enumerate(takes):
            rng = stream(take.seed, "rudiments", "take", take.player.index, take.form.form, take.tempo_index)
            rows = slice(self.start[i], self.start[i + 1])
            self.take_z[i] = rng.standard_normal(2)
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


@dataclass
class Played:
    """How the primaries of a batch are played, before ornaments.

    Attributes:
        time_ms: float64 (P,), from the first beat of the figure.
        velocity, intended_velocity: float64 (P,), before rounding.
        dynamic, drift_ms: float64 (T,), see :class:`.assembly.Performances`.
    """

    time_ms: np.ndarray
    velocity: np.ndarray
    intended_velocity: np.ndarray
    dynamic: np.ndarray
    drift_ms: np.ndarray


def play_primaries(p, trait):
    """Play the primaries of a batch: ``(Played, Mistakes)``.

    Args:
        p: :class:`Primaries`; its hands become those that play.
        trait: see :func:`traits`.
    """
    strain = _strain(p.takes)
    wrong = mistakes.plan(p, trait, strain)
    p.hand = np.where(wrong.swapped, 1 - p.written_hand, p.written_hand).astype(np.int8)
    weaker = np.array([take.player.dominant_hand != "left" for take in p.takes])
    p.weaker = p.hand == weaker[p.take]
    effort = _effort(p, trait, strain)
    drift_ms = trait["tempo_drift_sd_ms"] * p.take_z[:, 0] * np.sqrt(p.beat_ms * p.beats / 6000.0)
    dynamic = DYNAMIC_SD * p.take_z[:, 1]
    time_ms = _primary_times(p, trait, wrong, effort, drift_ms)
    velocity, intended = _primary_velocities(p, trait, wrong, effort, dynamic)
    return Played(time_ms, velocity, intended, dynamic, drift_ms), wrong


def traits(takes):
    """One value a take for each dimension of its player: dict of name to float64 (T,)."""
    values = np.array([take.player.values for take in takes])
    return {d.name: values[:, i] for i, d in enumerate(dimensions())}


def _strain(takes):
    """How near the tempo is to the top of what the player can play: over 0, and 1 at the top."""
    tempi = np.array([(take.tempo_bpm, take.tempo_low_bpm, take.tempo_high_bpm) for take in takes])
    tempo, low, high = tempi.T
    return (tempo - low + 1) / (high - low + 1)


def _effort(p, trait, strain):
    """Growth of fatigue along each take: 0 at its start, the player's coefficient after 6 s of
    playing at the top of the player's range, levelling off at twice that."""
    seconds = p.beat * p.beat_ms[p.take] / 1000.0
    return (trait["fatigue"] * strain)[p.take] * 2.0 * seconds / (seconds + 6.0)


def _primary_times(p, trait, wrong, effort, drift_ms):
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
    error += np.where(p.before(wrong.accent, False), trait["accent_lengthening"][t] * interval, 0.0)
    error += np.where(p.weaker, calm * trait["hand_delay_ms"][t], 0.0)
    ratio = trait["diddle_timing_ratio"][t]
    error -= np.where(p.diddle == 2, interval * (ratio - 1.0) / (ratio + 1.0), 0.0)
    error += wrong.delay_ms
    time_ms = p.beat * p.beat_ms[t] + error
    soon = p.before(time_ms, 0.0) + np.minimum(COLLAPSED_MS, COLLAPSED_SHARE * p.slot_ms)
    return _keep_order(p, np.where(wrong.collapsed, np.minimum(soon, time_ms), time_ms), wrong.collapsed)


def _keep_order(p, time_ms, bounced):
    """Hold back strokes that come sooner than hands can strike, or, where ``bounced``, sticks bounce."""
    least = {kind: np.maximum(ms, share * p.slot_ms) for kind, (ms, share) in MIN_GAP_MS.items()}
    gap = np.where(p.hand == p.before(p.hand, -1), least["same"], least["other"])
    for graces in (1, 2):
        gap = np.where(p.graces == graces, np.maximum(gap, least[graces]), gap)
    gap = np.where(bounced, LEAST_BOUNCE_MS, gap)
    gap[p.start[:-1]] = 0.0
    earliest = np.cumsum(p.padded(gap), axis=0)
    held = np.maximum.accumulate(p.padded(time_ms, fill=-np.inf) - earliest, axis=0) + earliest
    return held[p.index, p.take]


def _primary_velocities(p, trait, wrong, effort, dynamic):
    """Played and written velocity of each primary, floats before rounding."""
    t = p.take
    level = np.where(p.diddle == 2, DIDDLE_SECOND_VELOCITY, TAP_VELOCITY) + dynamic[t]
    intended = level + np.where(p.accent, ACCENT_GAIN, 0.0)
    # of an accent that is not made, or made elsewhere, something is left
    contrast = trait["accent_contrast"][t] * np.where(wrong.accent, 1.0, 0.25)
    noise = 0.8 * p.z[:, 2] + 0.6 * p.ar1(p.z[:, 3], np.full(len(p.count), 0.6))
    noise *= trait["velocity_sd"][t]
    hand = np.where(p.weaker, trait["hand_velocity_ratio"][t], 1.0)
    meant = TAP_VELOCITY + dynamic[t] + trait["velocity_offset"][t]
    meant += np.where(p.accent | wrong.accent, contrast * ACCENT_GAIN, 0.0)
    played = meant * hand * (1.0 - 0.4 * effort) + noise
    # the second of a diddle follows from the first, unless that one was an accent
    first = np.where(p.before(wrong.accent, False), meant * hand, p.before(played, 0.0))
    second = first * trait["diddle_velocity_ratio"][t] * np.where(wrong.collapsed, COLLAPSED_RATIO, 1.0)
    second += 0.5 * noise
    played = np.where((p.diddle == 2) & ~(p.accent | wrong.accent), second, played)
    return played, intended
