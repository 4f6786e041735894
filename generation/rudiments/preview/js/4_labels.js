// How labels look: strokes by hand and kind, the written grid, and bars.

const LANE = 60;
const isPrimary = (row, i) => row.strokes.parent_stroke_index[i] === null;

// Look of a kind of stroke: size of its letter, weight, width of its line, strength of the line.
const KINDS = {
  accent: { size: 17, weight: 700, line: 2, alpha: 1 },
  tap: { size: 13, weight: 400, line: 1, alpha: 0.9 },
  diddle: { size: 13, weight: 400, line: 1, alpha: 0.9, mark: "double" },
  grace: { size: 12, weight: 600, line: 1, alpha: 0.7, small: true },
  buzz: { size: 13, weight: 400, line: 1, alpha: 0.9, mark: "z" },
  bounce: { size: 0, weight: 400, line: 1, alpha: 0.45, mark: "dot" },
  stray: { size: 12, weight: 600, line: 1, alpha: 0.7, mark: "cross" },
  omitted: { size: 12, weight: 400, line: 1, alpha: 0.7, mark: "ring" },
};

function kindOf(row, i) {
  const kind = row.strokes.stroke_type[i];
  return kind !== "grace" && kind !== "bounce" && row.strokes.is_accent_played[i] ?
    { ...(KINDS[kind] || KINDS.tap), size: 17, weight: 700, line: 2, alpha: 1, accent: true } :
    kind === "accent" ? KINDS.tap : KINDS[kind] || KINDS.tap;
}

// A letter with its mark, centred on x, in a space 30 high whose top is y.
function drawGlyph(pen, x, y, hand, kind, colour) {
  pen.fillStyle = pen.strokeStyle = colour;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  if (kind.mark === "dot") {
    pen.beginPath();
    pen.arc(x, y + 16, 2, 0, 7);
    pen.fill();
    return;
  }
  if (kind.mark === "cross" || kind.mark === "ring") {
    pen.lineWidth = 1.4;
    pen.beginPath();
    if (kind.mark === "ring") pen.arc(x, y + 16, 4.5, 0, 7);
    else { pen.moveTo(x - 4, y + 12); pen.lineTo(x + 4, y + 20); pen.moveTo(x + 4, y + 12); pen.lineTo(x - 4, y + 20); }
    pen.stroke();
    return;
  }
  // a small l of most other fonts looks like a line
  pen.font = `${kind.weight} ${kind.size}px ${kind.small ? "ui-monospace, monospace" : "system-ui, sans-serif"}`;
  pen.fillText(kind.small ? hand.toLowerCase() : hand, x, y + (kind.small ? 18 : kind.size > 13 ? 17.5 : 16));
  pen.lineWidth = 1.2;
  pen.beginPath();
  if (kind.accent || kind === KINDS.accent) {
    pen.moveTo(x - 4, y + 2); pen.lineTo(x + 4, y + 4.5); pen.lineTo(x - 4, y + 7);
  } else if (kind.mark === "double") {
    pen.moveTo(x - 4, y + 25); pen.lineTo(x + 4, y + 25);
    pen.moveTo(x - 4, y + 27.5); pen.lineTo(x + 4, y + 27.5);
  } else if (kind.mark === "z") {
    pen.moveTo(x - 3, y + 24.5); pen.lineTo(x + 3, y + 24.5); pen.lineTo(x - 3, y + 28.5); pen.lineTo(x + 3, y + 28.5);
  }
  pen.stroke();
}

// Draws all labels in view, with a halo over a coloured ground; returns the strokes drawn: [{index, x}].
function drawLabels(pen, row, view, size, colours, halo) {
  const { width, height, scale } = size, top = RULER + LANE;
  const xOf = (sample) => (sample - view.start) / view.step;
  const inView = (x) => x >= -12 && x <= width + 12;
  pen.fillStyle = colours.bar;
  pen.globalAlpha = 0.55;
  for (const start of row.bars) if (inView(xOf(start))) verticalLine(pen, xOf(start), RULER, height, 2, scale);
  pen.strokeStyle = colours.grid;
  // where lines are dense, they would hide the sound
  const dense = Math.min(1, Math.max(0.55, 30 / Math.max(view.step, 1)));
  pen.globalAlpha = dense === 1 ? 0.9 : 0.5;
  pen.lineWidth = 1 / scale;
  pen.setLineDash([3, 4]);
  pen.beginPath();
  const strokes = row.strokes, drawn = [];
  for (let i = 0; i < row.strokeCount; i++) {
    if (!isPrimary(row, i) || strokes.intended_sample[i] === null) continue;
    const x = xOf(strokes.intended_sample[i]);
    if (!inView(x)) continue;
    const sharp = (Math.round(x * scale) + 0.5) / scale;
    pen.moveTo(sharp, RULER);
    pen.lineTo(sharp, height);
  }
  pen.stroke();
  pen.setLineDash([]);
  const last = { R: -Infinity, L: -Infinity };
  for (let i = 0; i < row.strokeCount; i++) {
    const x = xOf(strokes.onset_sample[i]), hand = strokes.hand[i], kind = kindOf(row, i);
    if (!inView(x)) continue;
    const colour = hand === "R" ? colours.right : colours.left;
    const lane = RULER + (hand === "R" ? 0 : LANE / 2);
    if (halo) {
      pen.globalAlpha = 0.6 * dense;
      pen.fillStyle = colours.halo;
      verticalLine(pen, x, top, height, kind.line + 2, scale);
    }
    pen.globalAlpha = dense === 1 ? 1 : kind.alpha * (halo ? 1 : dense);
    pen.fillStyle = colour;
    verticalLine(pen, x, top, height, kind.line, scale);
    pen.globalAlpha = 1;
    const room = x - last[hand] >= kind.size * 0.62 + 2;
    if (room) drawGlyph(pen, x, lane, hand, kind, colour);
    else verticalLine(pen, x, lane + (kind.line > 1 ? 6 : 11), lane + 20, kind.line, scale);
    if (room) last[hand] = x;
    // a mistake is underlined in the colour of the written grid
    if (strokes.mistake[i] && room && kind.mark !== "cross") {
      pen.strokeStyle = colours.grid;
      pen.lineWidth = 2;
      pen.beginPath(); pen.moveTo(x - 6, lane + 28.5); pen.lineTo(x + 6, lane + 28.5); pen.stroke();
    }
    drawn.push({ index: i, x });
  }
  pen.globalAlpha = 1;
  for (const { hand, sample } of row.omissions) {
    const x = xOf(sample);
    if (!inView(x)) continue;
    drawGlyph(pen, x, RULER + (hand === "R" ? 0 : LANE / 2), hand, KINDS.omitted, hand === "R" ? colours.right : colours.left);
  }
  return drawn;
}

function drawLegend(place, colours) {
  const entries = [
    ["right hand", "R", KINDS.tap], ["left hand", "L", KINDS.tap], ["accent", "R", KINDS.accent],
    ["grace", "R", KINDS.grace], ["diddle", "R", KINDS.diddle], ["buzz", "R", KINDS.buzz],
    ["bounce", "R", KINDS.bounce], ["not meant", "R", KINDS.stray], ["left out", "R", KINDS.omitted],
    ["written place", "grid"], ["bar", "bar"], ["playhead", "head"],
  ];
  place.replaceChildren(...entries.map(([text, hand, kind]) => {
    const item = document.createElement("span"), canvas = document.createElement("canvas");
    const scale = window.devicePixelRatio || 1;
    canvas.width = 18 * scale; canvas.height = 32 * scale;
    canvas.style.width = "18px"; canvas.style.height = "32px";
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    if (kind) drawGlyph(pen, 9, 1, hand, kind, hand === "R" ? colours.right : colours.left);
    else {
      pen.strokeStyle = colours[hand];
      pen.lineWidth = hand === "bar" ? 2 : 1;
      if (hand === "grid") pen.setLineDash([4, 4]);
      pen.beginPath(); pen.moveTo(9, 5); pen.lineTo(9, 26); pen.stroke();
    }
    item.append(canvas, text);
    return item;
  }));
}

// Strokes in the overview: pixels are `step` samples.
function drawMarks(pen, row, step, height, colours) {
  for (let i = 0; i < row.strokeCount; i++) {
    const right = row.strokes.hand[i] === "R";
    pen.fillStyle = right ? colours.right : colours.left;
    pen.fillRect(row.strokes.onset_sample[i] / step - 0.5, right ? 0 : height - 5, 1, 5);
  }
}
