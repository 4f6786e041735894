// How labels look: a line at each onset with its kind above, and curves of parameters that move.

const LANE = 26;
const kindAt = (row, i) => (row.events.kind ? row.events.kind[i] : null);
const velocityAt = (row, i) => (row.events.velocity ? row.events.velocity[i] : null);
const eventColour = (row, i, colours) =>
  (row.kinds.indexOf(kindAt(row, i)) % 2 === 1 ? colours.left : colours.right);

// Draws all labels in view, with a halo over a coloured ground; returns the events drawn: [{index, x}].
function drawLabels(pen, row, view, size, colours, halo) {
  const { width, height, scale } = size, top = RULER + LANE, drawn = [];
  const xOf = (sample) => (sample - view.start) / view.step;
  const inView = row.onsets.map(xOf).map((x) => x >= -12 && x <= width + 12);
  // where lines are dense, they would hide the sound
  const crowd = inView.filter(Boolean).length / Math.max(width, 1);
  const dense = Math.min(1, Math.max(0.25, 0.05 / Math.max(crowd, 1e-9)));
  let room = -Infinity;
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  for (let i = 0; i < row.onsets.length; i++) {
    if (!inView[i]) continue;
    const x = xOf(row.onsets[i]), colour = eventColour(row, i, colours);
    if (halo) {
      pen.globalAlpha = 0.5 * dense;
      pen.fillStyle = colours.halo;
      verticalLine(pen, x, top, height, 3, scale);
    }
    // the louder, the stronger
    const loud = velocityAt(row, i) === null ? 1 : 0.4 + 0.6 * velocityAt(row, i) / 127;
    pen.globalAlpha = dense === 1 ? 1 : dense * loud;
    pen.fillStyle = colour;
    verticalLine(pen, x, top, height, 1, scale);
    pen.globalAlpha = Math.max(dense, 0.5) * loud;
    pen.beginPath();
    pen.moveTo(x - 4, top - 8); pen.lineTo(x + 4, top - 8); pen.lineTo(x, top - 1);
    pen.fill();
    const kind = kindAt(row, i);
    if (kind !== null && x >= room) {
      pen.globalAlpha = 1;
      pen.fillText(kind, x + 5, top - 14);
      room = x + pen.measureText(kind).width + 12;
    }
    drawn.push({ index: i, x });
  }
  pen.globalAlpha = 1;
  if (row.curves) drawCurves(pen, row, view, size, colours, xOf);
  return drawn;
}

const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];

// Curves over the picture: the bottom is the least value of the declared range, the top the greatest.
function drawCurves(pen, row, view, size, colours, xOf) {
  const top = RULER + LANE + 4, height = size.height - top - 4;
  const frame = row.facts.sample_rate / meta.frame_rate_hz;
  Object.entries(row.curves).forEach(([name, { norm, natural }], k) => {
    const yOf = (value) => top + height * (1 - value);
    const path = () => {
      pen.beginPath();
      norm.forEach((value, i) => pen.lineTo(xOf((i + 0.5) * frame), yOf(value)));
      pen.stroke();
    };
    pen.lineWidth = 4;
    pen.globalAlpha = 0.6;
    pen.strokeStyle = colours.halo;
    path();
    pen.globalAlpha = 1;
    pen.lineWidth = 2;
    pen.setLineDash(DASHES[k % DASHES.length]);
    pen.strokeStyle = colours.head;
    path();
    pen.setLineDash([]);
    // the name stands at the left, each lower than the one before where they would meet
    const first = Math.min(Math.max(Math.round(Math.max(view.start, 0) / frame), 0), norm.length - 1);
    const y = Math.min(Math.max(yOf(norm[first]) - 10, top + 8), size.height - 10);
    const text = `${name} ${say(round(natural[first]))}`;
    pen.font = "600 12px system-ui, sans-serif";
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.lineWidth = 3;
    pen.strokeStyle = colours.halo;
    const x = Math.max(xOf(0), 0) + 60 + 130 * k;
    pen.strokeText(text, x, y);
    pen.fillStyle = colours.head;
    pen.fillText(text, x, y);
  });
}

// Events in the overview: pixels are `step` samples.
function drawMarks(pen, row, step, height, colours) {
  for (let i = 0; i < row.onsets.length; i++) {
    pen.fillStyle = eventColour(row, i, colours);
    pen.fillRect(row.onsets[i] / step - 0.5, 0, 1, 5);
  }
}

function drawLegend(place, colours) {
  const entries = [["event", "right"], ["moving parameter, over its range", "head"], ["playhead", "head"]]
    .filter(([text]) => meta.frame_rate_hz || !text.startsWith("moving"));
  place.replaceChildren(...entries.map(([text, colour]) => {
    const k = ["event", "moving parameter, over its range"].indexOf(text);
    const item = document.createElement("span"), canvas = document.createElement("canvas");
    const scale = window.devicePixelRatio || 1;
    canvas.width = 20 * scale; canvas.height = 20 * scale;
    canvas.style.width = "20px"; canvas.style.height = "20px";
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.fillStyle = pen.strokeStyle = colours[colour];
    pen.lineWidth = k === 1 ? 1.75 : 1;
    pen.beginPath();
    if (k === 1) { pen.moveTo(2, 14); pen.lineTo(8, 6); pen.lineTo(13, 9); pen.lineTo(18, 4); }
    else { pen.moveTo(10, 2); pen.lineTo(10, 18); }
    pen.stroke();
    if (k === 0) { pen.beginPath(); pen.moveTo(6, 2); pen.lineTo(14, 2); pen.lineTo(10, 8); pen.fill(); }
    item.append(canvas, text);
    return item;
  }));
}
