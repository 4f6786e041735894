// The row in words: its name, the other renderings of its take, and a table of all its columns.

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text !== null) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// Columns that hold JSON are shown as what is in them.
function unpack(value) {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try { return JSON.parse(value); } catch { return value; }
}

// Table rows of a value; records and lists of records are shown one level deeper.
function tableRows(name, value, title, depth = 0) {
  const row = make("tr", null), head = make("td", plain(name), { class: "depth-" + Math.min(depth, 3) });
  if (title) head.title = title;
  row.append(head);
  const nested = value !== null && typeof value === "object";
  const flat = nested && Array.isArray(value) && value.every((item) => item === null || typeof item !== "object");
  row.append(make("td", nested ? (flat ? value.map(say).join(", ") : "") : say(value)));
  if (!nested || flat) return [row];
  return [row, ...Object.entries(value).flatMap(([key, item]) => tableRows(key, item, "", depth + 1))];
}

function group(title, columns, facts) {
  const table = make("table", null), missing = [];
  for (const [name, unit, meaning] of columns) {
    const value = unpack(facts[name]);
    if (value === null || value === undefined) missing.push(plain(name));
    else table.append(...tableRows(name, value, meaning + (unit ? ` (${unit})` : "")));
  }
  const block = make("details", null, { open: "" });
  block.append(make("summary", title), table);
  if (missing.length) block.append(make("p", "null: " + missing.join(", "), { class: "none" }));
  if (meta.folded.includes(title)) block.open = false;
  return block;
}

function showFacts(row) {
  byId("name").textContent = row.title;
  byId("chips").textContent = row.chips.filter(Boolean).join(" \u00b7 ");
  const opened = [...document.querySelectorAll("#facts details")].map((block) => block.open);
  byId("facts").replaceChildren(...ownFacts(row), ...meta.groups.map((g) => group(g.title, g.columns, row.facts)));
  // what was folded stays folded
  document.querySelectorAll("#facts details").forEach((block, i) => { if (i in opened) block.open = opened[i]; });
}

function showRenderings(row, choose) {
  const place = byId("renderings"), family = rows.filter((other) => other.family === row.family);
  place.hidden = family.length < 2;
  place.replaceChildren(make("span", FAMILY), ...family.map((other) => {
    const button = make("button", other.member, { "aria-pressed": other === row });
    button.onclick = () => choose(other);
    return button;
  }));
}
