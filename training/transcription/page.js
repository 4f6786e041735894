// Data: notes are [onset, offset, pitch, velocity, staff (0 upper, 1 lower)]; times are in seconds.
const data = JSON.parse(document.getElementById("data").textContent);
const LOWEST = 21, KEYS = 88, TILE = 4096, AHEAD = 0.6, LEAST_SPAN = 1, NAMES = "C C♯ D E♭ E F F♯ G A♭ A B♭ B".split(" ");
const BLACK = new Set([1, 3, 6, 8, 10]);
const total = Math.max(data.duration_sec, 0.1);
// keys that are shown: those of the notes, and some more
const pitches = data.notes.map(note => note[2]);
const lowest = Math.max(LOWEST, Math.min(48, ...pitches) - 3);
const highest = Math.min(LOWEST + KEYS - 1, Math.max(72, ...pitches) + 3);
span = Math.min(total, 20);
let pointer = null;
let tiles = [], coloured = new Map();

const name = pitch => NAMES[pitch % 12] + (Math.floor(pitch / 12) - 1);

// --- sound ---

const sound = {context: null, buffer: null, source: null, timer: 0, next: 0, voices: new Set()};

async function open() {
  if (sound.context) return;
  const context = new AudioContext();
  sound.buffer = await context.decodeAudioData(bytes(data.sound).buffer);
  sound.recording = new GainNode(context);
  sound.notes = new GainNode(context);
  const loudness = new DynamicsCompressorNode(context);
  sound.recording.connect(context.destination);
  sound.notes.connect(loudness).connect(context.destination);
  sound.context = context;
  mix();
}

function mix() {
  if (!sound.context) return;
  const share = Number(at("mix").value);
  sound.recording.gain.value = Math.min(1, 2 - 2 * share);
  sound.notes.gain.value = 0.35 * Math.min(1, 2 * share);
}

// a plucked tone: two partials that die away sooner the higher they are, and stop where the note ends
function tone([onset, offset, pitch, velocity], when) {
  const {context} = sound, frequency = 440 * 2 ** ((pitch - 69) / 12), begin = context.currentTime;
  const late = Math.max(0, begin - when), envelope = new GainNode(context, {gain: 0});
  const level = (velocity / 127) ** 1.6, dying = 2.5 * 2 ** ((60 - pitch) / 24), end = when + offset - onset;
  const first = Math.max(when, begin);
  envelope.gain.setValueAtTime(0, first);
  envelope.gain.linearRampToValueAtTime(level * Math.exp(-late / dying), first + 0.004);
  envelope.gain.setTargetAtTime(0, first + 0.004, dying);
  envelope.gain.setTargetAtTime(0, Math.max(end, first + 0.02), 0.06);
  envelope.connect(sound.notes);
  for (const [ratio, share, type] of [[1, 0.8, "triangle"], [2, 0.25, "sine"]]) {
    const voice = new OscillatorNode(context, {frequency: frequency * ratio, type});
    const part = new GainNode(context, {gain: share});
    voice.connect(part).connect(envelope);
    voice.start(first);
    voice.stop(Math.max(end, first + 0.02) + 0.5);
    sound.voices.add(voice);
    voice.onended = () => sound.voices.delete(voice);
  }
}

function schedule() {
  const now = sound.context.currentTime, reached = position + now - started.time + AHEAD;
  while (sound.next < data.notes.length && data.notes[sound.next][0] < reached) {
    const note = data.notes[sound.next++];
    if (note[1] > position) tone(note, started.time + note[0] - position);
  }
}

async function play() {
  if (!await opened()) return;
  if (position >= total - 0.02) position = 0;
  started = {time: sound.context.currentTime + 0.05};
  sound.source = new AudioBufferSourceNode(sound.context, {buffer: sound.buffer});
  sound.source.connect(sound.recording);
  sound.source.start(started.time, position);
  sound.next = data.notes.findIndex(note => note[1] > position);
  if (sound.next < 0) sound.next = data.notes.length;
  sound.timer = setInterval(schedule, 100);
  schedule();
  at("play").textContent = "Pause";
  requestAnimationFrame(follow);
}

function pause() {
  if (!started) return;
  position = here();
  started = null;
  clearInterval(sound.timer);
  sound.source.stop();
  for (const voice of sound.voices) voice.stop();
  sound.voices.clear();
  at("play").textContent = "Play";
  draw();
}

function here() {
  return started ? Math.min(total, Math.max(position, position + sound.context.currentTime - started.time)) : position;
}

// --- picture ---

// a part of the spectrogram in the colour of the page
function tinted(number) {
  const tint = colour("spectrum"), key = number + tint;
  if (!coloured.has(key)) {
    const image = tiles[number], canvas = new OffscreenCanvas(image.width, image.height);
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0);
    pen.globalCompositeOperation = "source-in";
    pen.fillStyle = tint;
    pen.fillRect(0, 0, image.width, image.height);
    if (coloured.size > 12) coloured.clear();
    coloured.set(key, canvas);
  }
  return coloured.get(key);
}

function spectrogram(pen, x, width, top, height) {
  pen.imageSmoothingEnabled = true;
  const seconds = TILE / data.columns;
  for (let number = Math.floor(from / seconds); number < tiles.length && number * seconds < from + span; number++) {
    const image = tinted(number), rows = image.height / KEYS;
    const y = (LOWEST + KEYS - 1 - highest) * rows, tall = (highest - lowest + 1) * rows;
    const begin = x(number * seconds);
    pen.drawImage(image, 0, y, image.width, tall, begin, top, x(number * seconds + image.width / data.columns) - begin, height);
  }
}

const MARGIN = 34, PEDAL = 12;

function geometry() {
  const canvas = at("picture"), width = canvas.clientWidth - MARGIN, height = canvas.clientHeight - PEDAL;
  return {
    x: sec => MARGIN + (sec - from) / span * width, sec: x => from + (x - MARGIN) / width * span,
    y: pitch => (highest - pitch) / (highest - lowest + 1) * height,
    pitch: y => highest - Math.floor(y / height * (highest - lowest + 1)),
    row: height / (highest - lowest + 1), width, height,
  };
}

function draw() {
  const [pen, , full] = sized(at("picture")), {x, y, row, width, height} = geometry(), now = here();
  for (let pitch = lowest; pitch <= highest; pitch++) {
    pen.fillStyle = BLACK.has(pitch % 12) ? colour("black") : colour("roll");
    pen.fillRect(MARGIN, y(pitch), width, row + 0.5);
  }
  pen.save();
  pen.beginPath();
  pen.rect(MARGIN, 0, width, full);
  pen.clip();
  if (at("spectrum").checked && tiles.length) spectrogram(pen, x, width, 0, height);
  pen.fillStyle = colour("bar");
  for (const sec of data.bars) if (sec >= from && sec <= from + span) pen.fillRect(x(sec), 0, 1, height);
  for (const [onset, offset, pitch, velocity, staff] of data.notes) {
    if (offset < from || onset > from + span) continue;
    pen.globalAlpha = onset <= now && now < offset && (started || now > 0) ? 1 : 0.35 + 0.5 * velocity / 127;
    pen.fillStyle = colour(staff ? "lower" : "upper");
    const wide = Math.max(x(offset) - x(onset) - 0.5, 2);
    pen.fillRect(x(onset), y(pitch) + 0.5, wide, Math.max(row - 1, 2));
    pen.globalAlpha = 1;
    pen.fillRect(x(onset), y(pitch) + 0.5, 2, Math.max(row - 1, 2));
  }
  pen.fillStyle = colour("sustain");
  for (const [begin, end] of data.sustain) pen.fillRect(x(begin), height + 3, Math.max(x(end) - x(begin), 1), PEDAL - 6);
  pen.fillStyle = colour("head");
  pen.fillRect(x(now) - 1, 0, 2, full);
  pen.restore();
  pen.fillStyle = colour("quiet");
  pen.font = "11px system-ui, sans-serif";
  for (let pitch = Math.ceil(lowest / 12) * 12; pitch <= highest; pitch += 12) pen.fillText(name(pitch), 3, y(pitch) + row);
  overview(now);
  at("time").textContent = `${clock(now)} of ${clock(total)}`;
}

function overview(now) {
  const [pen, width, height] = sized(at("overview")), x = sec => sec / total * width;
  pen.fillStyle = colour("panel");
  pen.fillRect(x(from), 0, x(span), height);
  for (const [onset, offset, pitch, , staff] of data.notes) {
    pen.fillStyle = colour(staff ? "lower" : "upper");
    pen.fillRect(x(onset), (highest - pitch) / (highest - lowest + 1) * (height - 2), Math.max(x(offset - onset), 1), 2);
  }
  pen.fillStyle = colour("head");
  pen.fillRect(x(now) - 1, 0, 2, height);
}

// --- hands on it ---

function zoom(factor, around = here() >= from && here() <= from + span ? here() : from + span / 2) {
  const share = (around - from) / span, length = Math.min(total, Math.max(1, span * factor));
  view(around - share * length, length);
  draw();
}

const picture = at("picture");
picture.addEventListener("pointerdown", event => {
  pointer = {x: event.offsetX, from, moved: false};
  picture.setPointerCapture(event.pointerId);
});
picture.addEventListener("pointermove", event => {
  const where = geometry();
  if (pointer) {
    const moved = (event.offsetX - pointer.x) / where.width * span;
    pointer.moved ||= Math.abs(event.offsetX - pointer.x) > 5;
    if (pointer.moved) { view(pointer.from - moved, span); draw(); }
    return;
  }
  const sec = where.sec(event.offsetX), pitch = where.pitch(event.offsetY);
  const note = data.notes.find(n => n[2] === pitch && n[0] <= sec && sec < n[1]);
  at("pointed").textContent = note
    ? `${name(pitch)}, ${clock(note[0])} to ${clock(note[1])}, velocity ${note[3]}` : `${name(pitch)} ${clock(Math.max(sec, 0))}`;
});
picture.addEventListener("pointerup", event => {
  if (pointer && !pointer.moved) go(geometry().sec(event.offsetX));
  pointer = null;
});
picture.addEventListener("pointercancel", () => { pointer = null; });
picture.addEventListener("wheel", event => {
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) zoom(2 ** (event.deltaY / 300), geometry().sec(event.offsetX));
  else { view(from + (event.deltaX || event.deltaY) / 1000 * span, span); draw(); }
}, {passive: false});
at("overview").addEventListener("pointerdown", event => {
  const sec = event.offsetX / at("overview").clientWidth * total;
  view(sec - span / 2, span);
  go(sec);
});
at("play").onclick = () => (started ? pause() : play());
at("start").onclick = () => { view(0, span); go(0); };
at("mix").oninput = mix;
at("spectrum").onchange = draw;
at("in").onclick = () => zoom(0.5);
at("out").onclick = () => zoom(2);
at("fit").onclick = () => { view(0, total); draw(); };
addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const action = {" ": at("play").onclick, Home: at("start").onclick, "+": at("in").onclick, "-": at("out").onclick,
    0: at("fit").onclick}[event.key];
  if (!action || (event.target.tagName === "BUTTON" && event.key === " ")) return;
  event.preventDefault();
  action();
});
new ResizeObserver(draw).observe(at("stage"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

at("about").textContent = `${data.count} notes, ${data.bars.length} bars of ${data.signature}, ${Math.round(data.bpm)} quarter notes a minute, ${data.called}`;
const ready = Promise.all(data.tiles.map(async tile => createImageBitmap(new Blob([bytes(tile)], {type: "image/png"}))))
  .then(images => { tiles = images; draw(); });
draw();
