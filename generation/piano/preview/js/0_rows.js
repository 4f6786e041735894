// What a row of piano is: its names, its place in the list, and its notes in words.

const FAMILY = "Renderings of this performance:";
const PEDAL_DOWN = 64;

function describe(row) {
  const facts = row.facts;
  return {
    onsets: row.notes.onset_sample,
    low: Math.min(...row.notes.pitch, 60), high: Math.max(...row.notes.pitch, 60),
    title: facts.title,
    about: [`${facts.key}, ${facts.metre}`, `${facts.complexity}, ${facts.skill_tier}`,
      `${facts.augmentation_preset} ${facts.augmentation_index}`],
    chips: [facts.piece_id, facts.complexity, facts.style, facts.key, facts.metre,
      `${Math.round(facts.performed_tempo_bpm)} BPM (written ${Math.round(facts.tempo_bpm)})`, facts.skill_tier,
      facts.augmentation_preset, facts.piano, facts.split],
    family: facts.augmentation_group_id,
    aligned: 0, // renderings of a performance are shown at the same place
    member: `${facts.augmentation_index}: ${[facts.augmentation_preset, facts.piano].filter(Boolean).join(", ")}`,
    order: [meta.levels.indexOf(facts.complexity), facts.piece_index, facts.performance_index,
      facts.augmentation_preset === "clean" ? 0 : 1, facts.augmentation_index],
  };
}

function inOrder(column, names) {
  const known = { complexity: meta.levels, skill_tier: meta.tiers }[column];
  return known ? names.sort((a, b) => known.indexOf(a) - known.indexOf(b)) : names.sort();
}

const ownFacts = () => [];

const NAMES = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const nameOf = (pitch) => NAMES[pitch % 12] + (Math.floor(pitch / 12) - 1);

// The last of a list of records that begins at or before a sample; undefined before the first.
function lastAt(records, sample) {
  let found;
  for (const record of records) {
    if (record[0] > sample) break;
    found = record;
  }
  return found;
}

function labelText(row, i, sample) {
  const beat = lastAt(row.beats, sample), chord = lastAt(row.chords, sample), parts = [];
  if (beat) parts.push(`bar ${beat[2] + 1}, beat ${beat[3] + 1}`);
  if (chord && chord[1]) parts.push(`${chord[1]} in ${chord[2]}`);
  if (i < 0) return [`${row.onsets.length} notes`, ...parts].join("; ");
  const notes = row.notes, rate = row.facts.sample_rate, kind = notes.kind[i];
  const hand = notes.hand[i] === "r" ? "right hand" : "left hand";
  const held = (notes.key_up_sample[i] - notes.onset_sample[i]) / rate * 1000;
  const rings = (notes.end_sample[i] - notes.onset_sample[i]) / rate * 1000;
  return [`note ${i}: ${notes.name[i] || nameOf(notes.pitch[i])} (${notes.pitch[i]})${kind === "written" ? "" : `, ${kind}`}, ` +
    `${hand}, velocity ${notes.velocity[i]}, held ${held.toFixed(0)} ms, sounds ${rings.toFixed(0)} ms, ` +
    `sample ${notes.onset_sample[i]}`, ...parts].join("; ");
}
