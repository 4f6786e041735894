// Filters and the list of rows.

const filters = [...document.querySelectorAll("#filters select")];
const valueOf = (row, column) => (column in row ? row[column] : row.facts[column]);
let listed = rows;

function passes(row, except) {
  if (!byId("search").value.toLowerCase().split(/\s+/).every((word) => row.text.includes(word))) return false;
  return filters.every((select) =>
    select === except || !select.value || valueOf(row, select.dataset.column) === select.value);
}

// Each choice says how many rows it would leave, given the other filters.
function fillFilters() {
  for (const select of filters) {
    const column = select.dataset.column, chosen = select.value, counts = new Map();
    for (const row of rows) counts.set(valueOf(row, column), 0);
    const others = rows.filter((row) => passes(row, select));
    for (const row of others) counts.set(valueOf(row, column), counts.get(valueOf(row, column)) + 1);
    let names = [...counts.keys()].filter((name) => name !== null);
    names = inOrder(column, names);
    const option = (value, text) => Object.assign(make("option", text), { value });
    select.replaceChildren(option("", `all (${others.length})`),
      ...names.map((name) => option(name, `${plain(name)} (${counts.get(name)})`)));
    select.value = chosen;
  }
}

function fillList(current, choose) {
  fillFilters();
  listed = rows.filter((row) => passes(row, null));
  byId("count").textContent = `${listed.length} of ${rows.length} rows`;
  byId("list").replaceChildren(...listed.map((row) => {
    const item = make("li", null), button = make("button", row.title);
    button.append(make("small", row.about.filter(Boolean).join(" \u00b7 ")));
    button.onclick = () => choose(row);
    item.append(button);
    item.dataset.row = row.number;
    return item;
  }));
  markCurrent(current);
}

function markCurrent(current) {
  for (const item of byId("list").children) {
    const here = current && Number(item.dataset.row) === current.number;
    if (here) {
      item.setAttribute("aria-current", "true");
      // only the list scrolls, never the page
      const list = byId("list"), box = item.getBoundingClientRect(), frame = list.getBoundingClientRect();
      if (box.top < frame.top) list.scrollTop -= frame.top - box.top;
      if (box.bottom > frame.bottom) list.scrollTop += box.bottom - frame.bottom;
    } else item.removeAttribute("aria-current");
  }
}

function neighbour(current, step) {
  if (!listed.length) return null;
  const place = listed.indexOf(current);
  if (place < 0) return listed[0];
  return listed[Math.min(Math.max(place + step, 0), listed.length - 1)];
}
