"use strict";
// What all that follows uses: elements of the page, facts about it, and values in words.

const byId = (id) => document.getElementById(id);
const meta = JSON.parse(byId("meta").textContent);

function plain(name) {
  return name.replace(/_/g, " ");
}

function say(value) {
  if (value === null || value === undefined) return "-";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  return String(value);
}
