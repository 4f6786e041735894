// What a row is where its corpus says nothing of its own: its name, its classes, and its events in words.

const FAMILY = "Rows of this group:";

function describe(row) {
  const facts = row.facts, onsets = (row.events || {})[meta.onset] || [];
  const classes = Object.keys(meta.classes).map((name) => facts[name]).filter((value) => value !== null);
  row.events = row.events || {};
  return {
    onsets,
    kinds: [...new Set(row.events.kind || [])].sort(),
    title: facts.sample_id,
    about: classes.map(plain),
    chips: [...classes.map(plain), facts.split],
    family: facts[meta.group],
    aligned: 0,
    member: facts.sample_id,
    order: [...Object.entries(meta.classes).map(([name, names]) => names.indexOf(facts[name])), facts.sample_id],
  };
}

const inOrder = (column, names) => (meta.classes[column] ?
  names.sort((a, b) => meta.classes[column].indexOf(a) - meta.classes[column].indexOf(b)) : names.sort());

const ownFacts = () => [];

function labelText(row, i) {
  if (i < 0) return `${row.onsets.length} events`;
  const fields = Object.entries(row.events).map(([name, values]) => `${plain(name)} ${say(values[i])}`);
  return `event ${i}: ${fields.join(", ")}`;
}
