// How labels look: chords, bars, beats and the pedal in lanes above; below, notes by hand over the sound. Over a
// waveform the height of a note is its pitch; over a spectrogram it lies on its fundamental.

const CHORDS = 17, BEATS = 15, PEDAL = 18;
const LANE = CHORDS + BEATS + PEDAL;

// How far down a pitch lies, and how thick a note is: {yOf, thick}.
function pitchScale(row, size, spectrum) {
  const top = RULER + LANE, height = size.height - top;
  if (spectrum) {
    const rate = row.facts.sample_rate;
    const yOf = (pitch) => top + height * (1 - Math.max(heightOfHz(440 * Math.pow(2, (pitch - 69) / 12), rate), 0.008));
    return { yOf, thick: 5 };
  }
  const keys = row.high - row.low + 5, step = height / keys;
  return { yOf: (pitch) => top + step * (row.high + 2.5 - pitch), thick: Math.max(Math.min(step * 0.8, 12), 2) };
}

const handColour = (row, i, colours) => (row.notes.hand[i] === "r" ? colours.right : colours.left);
const isExtra = (row, i) => row.notes.kind[i] !== "written" && row.notes.kind[i] !== "ornament";

// Draws all labels in view, with a halo over a coloured ground; returns the notes drawn: [{index, x}].
function drawLabels(pen, row, view, size, colours, halo) {
  const xOf = (sample) => (sample - view.start) / view.step;
  const pitches = pitchScale(row, size, halo);
  drawBeats(pen, row, size, colours, xOf, view);
  if (!halo) drawOctaves(pen, row, size, colours, pitches);
  drawChords(pen, row, size, colours, xOf);
  drawPedal(pen, row, size, colours, xOf);
  const drawn = drawNotes(pen, row, size, colours, halo, xOf, pitches);
  drawMissed(pen, row, size, colours, xOf, pitches);
  pen.globalAlpha = 1;
  return drawn;
}

function drawBeats(pen, row, size, colours, xOf, view) {
  const top = RULER + CHORDS, seconds = view.step * size.width / row.facts.sample_rate;
  let room = -Infinity;
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  row.beats.forEach(([sample, , bar, position], i) => {
    const x = xOf(sample), down = position === 0 || i === row.beats.length - 1;
    if (x < -60 || x > size.width + 2) return;
    pen.fillStyle = down ? colours.bar : colours.grid;
    // beats of a long view would hide the notes
    pen.globalAlpha = down ? 0.7 : seconds < 20 ? 0.4 : seconds < 60 ? 0.15 : 0;
    verticalLine(pen, x, down ? top : top + 6, size.height, down ? 1.5 : 1, size.scale);
    pen.globalAlpha = 1;
    if (down && i < row.beats.length - 1 && x >= room) {
      pen.fillText(bar + 1, x + 4, top + BEATS / 2);
      room = x + 26;
    }
  });
}

function drawOctaves(pen, row, size, colours, pitches) {
  pen.font = "10px system-ui, sans-serif";
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  for (let pitch = Math.ceil(row.low / 12) * 12; pitch <= row.high; pitch += 12) {
    const y = pitches.yOf(pitch);
    pen.fillStyle = colours.axis;
    pen.fillRect(0, Math.round(y), size.width, 1 / size.scale);
    pen.lineWidth = 3;
    pen.strokeStyle = colours.page;
    pen.strokeText(nameOf(pitch), 4, y);
    pen.fillStyle = colours.quiet;
    pen.fillText(nameOf(pitch), 4, y);
  }
}

function drawChords(pen, row, size, colours, xOf) {
  const y = RULER + CHORDS / 2 + 1;
  let room = -Infinity;
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillStyle = colours.text;
  for (const [sample, numeral] of row.chords) {
    const x = xOf(sample);
    if (x > size.width || !numeral) continue;
    if (x < room || x < -60) continue;
    pen.fillText(numeral, x + 2, y);
    room = x + pen.measureText(numeral).width + 8;
  }
}

// The depth of the pedal, darker where it lifts the dampers.
function drawPedal(pen, row, size, colours, xOf) {
  const bottom = RULER + LANE - 1, height = PEDAL - 4;
  row.pedal.forEach(([sample, value], i) => {
    const begin = Math.max(xOf(sample), 0);
    const end = Math.min(i + 1 < row.pedal.length ? xOf(row.pedal[i + 1][0]) : xOf(row.facts.num_samples), size.width);
    if (end <= 0 || begin >= size.width || value === 0) return;
    pen.globalAlpha = value >= PEDAL_DOWN ? 0.75 : 0.35;
    pen.fillStyle = colours.head;
    pen.fillRect(begin, bottom - height * value / 127, Math.max(end - begin, 0.5), height * value / 127);
  });
  pen.globalAlpha = 1;
  pen.font = "10px system-ui, sans-serif";
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.lineWidth = 3;
  pen.strokeStyle = colours.page;
  pen.strokeText("pedal", 4, bottom - height / 2);
  pen.fillStyle = colours.quiet;
  pen.fillText("pedal", 4, bottom - height / 2);
}

function drawNotes(pen, row, size, colours, halo, xOf, { yOf, thick }) {
  const notes = row.notes, drawn = [];
  for (let i = 0; i < row.onsets.length; i++) {
    const x = xOf(notes.onset_sample[i]), up = xOf(notes.key_up_sample[i]), end = xOf(notes.end_sample[i]);
    if (end < 0 || x > size.width) continue;
    const y = yOf(notes.pitch[i]) - thick / 2, width = Math.max(up - x, 2);
    if (halo) {
      pen.globalAlpha = 0.7;
      pen.fillStyle = colours.halo;
      pen.fillRect(x - 1, y - 1, width + 2, thick + 2);
    }
    pen.fillStyle = handColour(row, i, colours);
    pen.globalAlpha = 0.3; // the damper is still off the string
    pen.fillRect(up, y + thick * 0.3, Math.max(end - up, 0), thick * 0.4);
    // the louder, the stronger
    pen.globalAlpha = 0.35 + 0.65 * notes.velocity[i] / 127;
    pen.fillRect(x, y, width, thick);
    pen.globalAlpha = 1;
    verticalLine(pen, x, y, y + thick, 1.5, size.scale);
    if (isExtra(row, i)) {
      pen.strokeStyle = colours.text;
      pen.lineWidth = 1.5;
      pen.strokeRect(x - 1, y - 1, width + 2, thick + 2);
    }
    drawn.push({ index: i, x });
  }
  return drawn;
}

// Where a place in the score would be heard.
function sampleOfBeat(row, place) {
  const beats = row.beats, after = Math.max(beats.findIndex(([, beat]) => beat > place), 1);
  const [from, low] = beats[after - 1], [to, high] = beats[after];
  return from + (to - from) * (place - low) / (high - low);
}

function drawMissed(pen, row, size, colours, xOf, { yOf, thick }) {
  pen.strokeStyle = colours.quiet;
  pen.lineWidth = 1;
  pen.setLineDash([2, 2]);
  for (const [place, pitch] of row.missed) {
    const x = xOf(sampleOfBeat(row, place));
    if (x > -20 && x < size.width) pen.strokeRect(x, yOf(pitch) - thick / 2, 12, thick);
  }
  pen.setLineDash([]);
}

function drawLegend(place, colours) {
  const entries = [
    ["right hand", "right", 1], ["left hand", "left", 1], ["still undamped", "right", 0.3],
    ["wrong, extra or repeated", "right", 1, "boxed"], ["missed", "quiet", 0, "dashed"], ["bar", "bar"],
    ["beat", "grid"], ["pedal", "head", 0.75], ["playhead", "head"],
  ];
  place.replaceChildren(...entries.map(([text, colour, alpha, box]) => {
    const item = document.createElement("span"), canvas = document.createElement("canvas");
    const scale = window.devicePixelRatio || 1;
    canvas.width = 22 * scale; canvas.height = 18 * scale;
    canvas.style.width = "22px"; canvas.style.height = "18px";
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.fillStyle = pen.strokeStyle = colours[colour];
    if (alpha === undefined) pen.fillRect(10, 2, colour === "bar" ? 1.5 : 1, 14);
    else if (box === "dashed") { pen.setLineDash([2, 2]); pen.strokeRect(3, 6, 15, 6); }
    else {
      pen.globalAlpha = alpha;
      pen.fillRect(3, alpha === 0.3 ? 7.5 : 6, 16, alpha === 0.3 ? 3 : 6);
      if (box) { pen.strokeStyle = colours.text; pen.lineWidth = 1.5; pen.strokeRect(2, 5, 18, 8); }
    }
    item.append(canvas, text);
    return item;
  }));
}

// Notes in the overview: pixels are `step` samples.
function drawMarks(pen, row, step, height, colours) {
  const scale = (height - 4) / Math.max(row.high - row.low, 12);
  for (let i = 0; i < row.onsets.length; i++) {
    pen.fillStyle = handColour(row, i, colours);
    const x = row.notes.onset_sample[i] / step, width = (row.notes.key_up_sample[i] - row.notes.onset_sample[i]) / step;
    pen.fillRect(x, height - 2 - (row.notes.pitch[i] - row.low) * scale, Math.max(width, 1), 1.5);
  }
}
