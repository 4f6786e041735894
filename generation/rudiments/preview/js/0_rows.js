// What a row of rudiments is: its names, its place in the list, and its strokes in words.

const FAMILY = "Renderings of this take:";

// Renderings of one take stand together in the list, the clean one first.
function describe(row) {
  const facts = row.facts, form = facts.rudiment_slug + (facts.variant ? ":" + facts.variant : "");
  return {
    form,
    onsets: row.strokes.onset_sample,
    strokeCount: row.strokes.onset_sample.length,
    title: facts.rudiment_name + (facts.variant ? ` (${plain(facts.variant)})` : ""),
    about: [`${facts.tempo_bpm} BPM`, `${facts.skill_tier} ${facts.profile_id}`,
      `${facts.augmentation_preset} ${facts.augmentation_index}`],
    chips: [`${facts.tempo_bpm} BPM`, facts.metre, `${facts.skill_tier} ${facts.profile_id}`,
      facts.augmentation_preset, facts.bank, facts.split,
      facts.overall_score === null ? null : `score ${say(facts.overall_score)}`,
      facts.num_mistakes ? `${facts.num_mistakes} mistake${facts.num_mistakes > 1 ? "s" : ""}` : null],
    family: facts.augmentation_group_id,
    aligned: 0, // renderings of a take are shown at the same place
    member: `${facts.augmentation_index}: ${[facts.augmentation_preset, facts.bank].filter(Boolean).join(", ")}`,
    order: [facts.rudiment_number, form, meta.tiers.indexOf(facts.skill_tier), facts.augmentation_group_id,
      facts.augmentation_preset === "clean" ? 0 : 1, facts.augmentation_index],
  };
}

function inOrder(column, names) {
  if (column === "skill_tier") return names.sort((a, b) => meta.tiers.indexOf(a) - meta.tiers.indexOf(b));
  return column === "form" ? names : names.sort();
}

const ownFacts = () => [];

function labelText(row, i) {
  if (i < 0) {
    const left = row.omissions.length;
    return `${row.strokeCount} strokes${left ? `, ${left} written ${left > 1 ? "ones" : "one"} left out` : ""}`;
  }
  const strokes = row.strokes, error = strokes.timing_error_ms[i];
  return `stroke ${i}: ${strokes.hand[i]} ${strokes.stroke_type[i]}` +
    `${strokes.is_accent_played[i] && strokes.stroke_type[i] !== "accent" ? ", accented" : ""}, ` +
    (strokes.mistake[i] ? `mistake: ${plain(strokes.mistake[i])}, ` : "") +
    `velocity ${strokes.actual_velocity[i]}, ` +
    (error === null ? "" : `${Math.abs(error).toFixed(1)} ms ${error < 0 ? "early" : "late"}, `) +
    `sample ${strokes.onset_sample[i]}`;
}
