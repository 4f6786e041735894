// What a row of textures is: its names, its place in the list, its events and parameters in words.

const FAMILY = "Rows of this setting:";

// Rows of one setting stand together in the list, settings in the order of their sound.
function describe(row) {
  const facts = row.facts, swept = row.params.filter((p) => p.role === "swept");
  const moving = Object.keys(row.curves);
  const values = swept.map((p) => `${p.name} ${say(round(p.natural))}`);
  return {
    onsets: row.events.onset_sample,
    kinds: [...new Set(row.events.kind.filter((kind) => kind !== null))].sort(),
    title: `${facts.sound} ${facts.setting_index}`,
    about: [...values, ...moving.map((name) => `${name} moves`),
      meta.examples > 1 && `example ${facts.example_index}`, `chunk ${facts.chunk_index}`],
    chips: [facts.synth, facts.split + (facts.held_out ? `, held out: ${facts.held_out}` : ""),
      `example ${facts.example_index}, chunk ${facts.chunk_index}`,
      facts.num_events === null ? "no events" : `${facts.num_events} events`,
      ...swept.map((p) => `${p.name} ${say(round(p.natural))}${p.unit ? " " + p.unit : ""}`)],
    family: facts.setting_id,
    aligned: `${facts.example_index} ${facts.chunk_index}`, // another chunk is another time
    member: `example ${facts.example_index}, chunk ${facts.chunk_index}`,
    order: [meta.sounds.indexOf(facts.sound), facts.setting_index, facts.example_index, facts.chunk_index],
  };
}

const inOrder = (column, names) =>
  column === "sound" ? names.sort((a, b) => meta.sounds.indexOf(a) - meta.sounds.indexOf(b)) : names.sort();

// Four digits are enough to be read.
function round(value) {
  return typeof value === "number" ? Number(value.toPrecision(4)) : value;
}

// All parameters: natural value and unit, the configuration's own label, and the share of the range.
function ownFacts(row) {
  const table = make("table", null, { class: "params" }), head = make("tr", null);
  head.append(...["parameter", "natural", "user", "norm", ""].map((text) => make("th", text)));
  table.append(head);
  for (const p of row.params) {
    const line = make("tr", null), unit = p.unit ? " " + p.unit : "";
    const curve = row.curves[p.name];
    const ends = (values) => `${say(round(Math.min(...values)))} to ${say(round(Math.max(...values)))}`;
    const natural = curve ? ends(curve.natural) : say(round(p.natural));
    const user = p.user === null ? "" : `${p.user_name && p.user_name !== p.name ? p.user_name + " " : ""}${say(round(p.user))}`;
    line.append(make("td", p.name), make("td", natural + unit), make("td", user),
      make("td", curve ? ends(curve.norm) : say(round(p.norm))), make("td", p.role === "default" ? "" : p.role));
    if (p.role === "default") line.className = "quiet";
    table.append(line);
  }
  const block = make("details", null, { open: "", class: "wide" });
  block.append(make("summary", "Parameters"), table);
  return [block];
}

// The last event, and the moving values, at a sample.
function labelText(row, i, at) {
  const events = row.events, count = row.onsets.length;
  const frame = Math.floor(at / row.facts.sample_rate * meta.frame_rate_hz);
  const moving = Object.entries(row.curves).map(([name, { natural }]) =>
    `${name} ${say(round(natural[Math.min(Math.max(frame, 0), natural.length - 1)]))}`);
  let text = row.facts.num_events === null ? "no events in this sound" : `${count} events`;
  if (i >= 0) {
    text = `event ${i + 1} of ${count}${events.kind[i] === null ? "" : ": " + events.kind[i]}` +
      `${events.velocity[i] === null ? "" : `, velocity ${events.velocity[i]}`}, sample ${row.onsets[i]}`;
  }
  return [text, ...moving].join(" \u00b7 ");
}
