// Data: as the JSON file has it, with the sound, its peaks and the lengths of beats and bars.
const data = JSON.parse(document.getElementById("data").textContent);
const total = Math.max(data.duration_sec, 0.1), AHEAD = 0.3, LEAST_SPAN = 0.5, LATE_MS = 80, RIGHT = "R";
const quarter = data.tempo_bpm ? 60 / data.tempo_bpm : 0;
span = Math.min(total, 8);
let pointed = null;

const plain = name => name.replaceAll("_", " ");
const percent = share => `${Math.round(100 * share)} %`;
const ofHand = hand => hand === RIGHT ? "upper" : "lower";

const peaks = bytes(data.peaks);
// beats of the grid: seconds, and whether a bar begins
const beats = [];
if (quarter) {
  const step = data.beat_quarters * quarter, perBar = Math.round(data.bar_quarters / data.beat_quarters) || 1;
  const first = Math.ceil(-data.first_beat_sec / step - 1e-6);
  for (let k = first; data.first_beat_sec + k * step < total; k++) {
    beats.push([data.first_beat_sec + k * step, ((k % perBar) + perBar) % perBar === 0]);
  }
}

// --- sound ---

const sound = {context: null, buffer: null, source: null, timer: 0, next: 0, clicks: new Set()};

async function open() {
  if (sound.context) return;
  const context = new AudioContext();
  sound.buffer = await context.decodeAudioData(bytes(data.sound).buffer);
  sound.context = context;
}

function click(when, accent) {
  const {context} = sound, tone = new OscillatorNode(context, {frequency: accent ? 1760 : 1320});
  const envelope = new GainNode(context, {gain: 0}), begin = Math.max(when, context.currentTime);
  envelope.gain.setValueAtTime(0.25, begin);
  envelope.gain.exponentialRampToValueAtTime(0.001, begin + 0.04);
  tone.connect(envelope).connect(context.destination);
  tone.start(begin);
  tone.stop(begin + 0.05);
  sound.clicks.add(tone);
  tone.onended = () => sound.clicks.delete(tone);
}

function schedule() {
  const reached = here() + AHEAD * started.speed;
  while (sound.next < beats.length && beats[sound.next][0] < reached) {
    const [sec, accent] = beats[sound.next++];
    if (at("click").checked && sec >= position) click(started.time + (sec - position) / started.speed, accent);
  }
}

async function play() {
  if (!await opened()) return;
  if (position >= total - 0.02) position = 0;
  const speed = Number(at("speed").value);
  started = {time: sound.context.currentTime + 0.05, speed};
  sound.source = new AudioBufferSourceNode(sound.context, {buffer: sound.buffer, playbackRate: speed});
  sound.source.connect(sound.context.destination);
  sound.source.start(started.time, position);
  sound.next = beats.findIndex(([sec]) => sec >= position);
  if (sound.next < 0) sound.next = beats.length;
  sound.timer = setInterval(schedule, 50);
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
  for (const tone of sound.clicks) tone.stop();
  at("play").textContent = "Play";
  draw();
}

function here() {
  if (!started) return position;
  const passed = (sound.context.currentTime - started.time) * started.speed;
  return Math.min(total, position + Math.max(0, passed));
}

// --- picture ---

function wave(pen, begin, length, width, middle, half) {
  pen.fillStyle = colour("wave");
  for (let x = 0; x < width; x++) {
    const a = Math.floor((begin + length * x / width) * data.peaks_per_sec);
    const b = Math.max(a + 1, Math.floor((begin + length * (x + 1) / width) * data.peaks_per_sec));
    let peak = 0;
    for (let k = Math.max(a, 0); k < Math.min(b, peaks.length); k++) peak = Math.max(peak, peaks[k]);
    const tall = Math.max(0.5, half * peak / 255);
    pen.fillRect(x, middle - tall, 1, 2 * tall);
  }
}

function draw() {
  const [pen, width, height] = sized(at("picture"));
  const x = sec => (sec - from) / span * width;
  const lanes = {wave: [18, height * 0.42], time: [height * 0.46, height * 0.72], level: [height * 0.76, height - 6]};
  const inside = sec => sec >= from - 0.05 && sec <= from + span + 0.05;
  for (const [top, end] of Object.values(lanes)) {
    pen.fillStyle = colour("fill");
    pen.fillRect(0, top, width, end - top);
  }
  for (const [sec, bar] of beats) {
    if (!inside(sec)) continue;
    pen.fillStyle = colour("bar");
    pen.globalAlpha = bar ? 0.8 : 0.35;
    pen.fillRect(x(sec), 4, bar ? 1.5 : 1, height - 10);
  }
  pen.globalAlpha = 1;
  const [top, end] = lanes.wave;
  wave(pen, from, span, width, (top + end) / 2, (end - top) / 2);
  const middle = (lanes.time[0] + lanes.time[1]) / 2, half = (lanes.time[1] - lanes.time[0]) / 2;
  pen.fillStyle = colour("bar");
  pen.fillRect(0, middle, width, 1);
  data.strokes.forEach((stroke, number) => {
    if (!inside(stroke.onset_sec)) return;
    const place = x(stroke.onset_sec), small = stroke.is_grace_note || stroke.is_bounce;
    pen.fillStyle = colour(ofHand(stroke.hand));
    pen.fillRect(place - 0.5, small ? (top + end) / 2 : top, small ? 1 : 1.5, small ? (end - top) / 2 : end - top);
    const tall = (lanes.level[1] - lanes.level[0]) * stroke.velocity / 127;
    pen.fillRect(place - 1.5, lanes.level[1] - tall, 3, tall);
    if (stroke.is_accent) pen.fillRect(place - 3.5, lanes.level[1] - tall - 3, 7, 2);
    if (stroke.timing_error_ms !== null) {
      const off = Math.max(-1, Math.min(1, stroke.timing_error_ms / LATE_MS));
      pen.beginPath();
      pen.arc(place, middle + off * half, number === pointed ? 5 : 3, 0, 2 * Math.PI);
      pen.fill();
    }
    if (stroke.mistake) mark(pen, place, 9);
  });
  for (const stroke of data.omissions) if (inside(stroke.intended_sec)) mark(pen, x(stroke.intended_sec), 9, true);
  pen.fillStyle = colour("quiet");
  pen.font = "11px system-ui, sans-serif";
  pen.fillText(`early, ${LATE_MS} ms`, 4, lanes.time[0] + 12);
  pen.fillText(`late, ${LATE_MS} ms`, 4, lanes.time[1] - 4);
  pen.fillText("loudness", 4, lanes.level[0] + 12);
  pen.fillStyle = colour("head");
  pen.fillRect(x(here()) - 1, 0, 2, height);
  overview();
  at("time").textContent = `${clock(here())} of ${clock(total)}`;
}

function mark(pen, x, y, hollow = false) {
  pen.beginPath();
  pen.moveTo(x - 5, y - 5);
  pen.lineTo(x + 5, y - 5);
  pen.lineTo(x, y + 4);
  pen.closePath();
  pen.fillStyle = pen.strokeStyle = colour("wrong");
  if (hollow) pen.stroke(); else pen.fill();
}

function overview() {
  const [pen, width, height] = sized(at("overview"));
  wave(pen, 0, total, width, height / 2, height / 2 - 2);
  pen.fillStyle = colour("wrong");
  for (const stroke of data.strokes) if (stroke.mistake) pen.fillRect(stroke.onset_sec / total * width - 1, 0, 2, 6);
  for (const stroke of data.omissions) pen.fillRect(stroke.intended_sec / total * width - 1, 0, 2, 6);
  pen.strokeStyle = colour("focus");
  pen.strokeRect(from / total * width + 0.5, 0.5, Math.max(span / total * width - 1, 2), height - 1);
  pen.fillStyle = colour("head");
  pen.fillRect(here() / total * width - 1, 0, 2, height);
}

function describe(stroke) {
  const parts = [`${clock(stroke.onset_sec)}`, stroke.hand === RIGHT ? "right" : "left"];
  parts.push(stroke.is_grace_note ? "grace note" : stroke.is_bounce ? "bounce" : stroke.is_accent ? "accent" : "tap");
  parts.push(`velocity ${stroke.velocity}`);
  if (stroke.timing_error_ms !== null) {
    const ms = stroke.timing_error_ms;
    parts.push(ms > 0 ? `${ms.toFixed(0)} ms late` : ms < 0 ? `${(-ms).toFixed(0)} ms early` : "on the grid");
  }
  if (stroke.mistake) parts.push(plain(stroke.mistake));
  return parts.join(", ");
}

// --- text ---

function element(name, text = "", kind = "") {
  const out = document.createElement(name);
  out.textContent = text;
  if (kind) out.className = kind;
  return out;
}

function table(title, head, rows) {
  const section = element("section"), body = element("table"), first = element("tr");
  section.append(element("h2", title), body);
  section.tabIndex = 0;  // narrow windows scroll it
  section.setAttribute("role", "region");
  section.setAttribute("aria-label", title);
  head.forEach((text, k) => {
    const cell = element(text ? "th" : "td", text, k ? "number" : "");
    if (text) cell.scope = "col";
    first.append(cell);
  });
  body.append(first);
  for (const row of rows) {
    const line = element("tr");
    row.forEach((part, k) => {
      const cell = element("td", typeof part === "string" ? part : "", k ? "number" : "");
      if (typeof part !== "string") cell.append(part);
      line.append(cell);
    });
    body.append(line);
  }
  at("tables").append(section);
}

function goTo(text, sec) {
  const button = element("button", text, "link");
  button.onclick = () => { view(sec - span / 2, span); go(Math.max(0, sec - 0.3)); };
  return button;
}

function tell() {
  const {rudiment} = data, parts = [];
  if (rudiment) {
    parts.push(rudiment.name + (rudiment.was_given ? "" : ` (${percent(rudiment.probability)})`));
    parts.push(`${data.tempo_bpm.toFixed(1)} quarter notes a minute, ${data.metre}`);
    parts.push(`${data.num_strokes} strokes` + (data.num_bounces ? `, ${data.num_bounces} bounces` : ""));
    const wrong = data.strokes.filter(stroke => stroke.mistake).length + data.omissions.length;
    parts.push(wrong === 1 ? "1 mistake" : `${wrong} mistakes`);
  }
  at("about").textContent = parts.join(" · ");
  for (const sentence of data.notes) at("remarks").append(element("p", sentence));
  at("remarks").hidden = !data.notes.length;
  if (!rudiment) return;
  table("Scores, and the share of each tier's takes they are above", ["score", "points", ...data.tiers],
    Object.entries(data.scores).filter(([name, value]) => value !== null && data.skills.includes(name)).map(([name, value]) => [
      plain(name), value.toFixed(1),
      ...data.tiers.map(tier => {
        const share = (data.percentiles[tier] || {})[name];
        return share === undefined ? "" : `${share.toFixed(0)} %`;
      }),
    ]));
  if (!rudiment.was_given) {
    table("Rudiment", ["", "probability"], rudiment.candidates.map(c => [c.name, percent(c.probability)]));
  }
  if (Object.keys(data.tier).length) {
    table("Tier", ["", "probability"], Object.entries(data.tier).map(([name, share]) => [name, percent(share)]));
  }
  const hands = data.timing_ms;
  table("Timing, ms; late is positive", ["", "mean", "spread"], ["right", "left"].map(hand =>
    [hand, ...["mean", "sd"].map(key => hands[hand][key] === null ? "" : hands[hand][key].toFixed(1))]));
  const wrong = [
    ...data.strokes.filter(stroke => stroke.mistake).map(stroke => [stroke.onset_sec, stroke.mistake]),
    ...data.omissions.map(stroke => [stroke.intended_sec, stroke.mistake]),
  ].sort((a, b) => a[0] - b[0]);
  if (wrong.length) table("Mistakes", ["", "at"], wrong.map(([sec, kind]) => [plain(kind), goTo(clock(sec), sec)]));
}

// --- controls ---

function zoom(factor, centre = from + span / 2) {
  const share = (centre - from) / span;
  view(centre - share * span * factor, span * factor);
  draw();
}

at("play").onclick = () => started ? pause() : play();
at("start").onclick = () => go(0);
at("in").onclick = () => zoom(0.5);
at("out").onclick = () => zoom(2);
at("fit").onclick = () => { view(0, total); draw(); };
at("speed").onchange = () => { if (started) { pause(); play(); } };
const picture = at("picture");
const secAt = event => from + (event.clientX - picture.getBoundingClientRect().left) / picture.clientWidth * span;
picture.onclick = event => go(secAt(event));
picture.onpointermove = event => {
  const sec = secAt(event);
  let best = null;
  data.strokes.forEach((stroke, k) => {
    const away = Math.abs(stroke.onset_sec - sec);
    if (away < span / 80 && (best === null || away < Math.abs(data.strokes[best].onset_sec - sec))) best = k;
  });
  if (best !== pointed) {
    pointed = best;
    at("pointed").textContent = best === null ? "" : describe(data.strokes[best]);
    draw();
  }
};
picture.addEventListener("wheel", event => {
  if (event.ctrlKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, secAt(event));
  else { view(from + Math.sign(event.deltaX || event.deltaY) * span / 10, span); draw(); }
  event.preventDefault();
}, {passive: false});
at("overview").onpointerdown = event => {
  const box = at("overview").getBoundingClientRect(), sec = (event.clientX - box.left) / box.width * total;
  view(sec - span / 2, span);
  go(sec);
};
addEventListener("keydown", event => {
  if (["INPUT", "SELECT"].includes(event.target.tagName)) return;
  if (event.key === " " && event.target.tagName !== "BUTTON") { started ? pause() : play(); event.preventDefault(); }
  else if (event.key === "Home") go(0);
  else if (event.key === "ArrowRight") go(here() + 1);
  else if (event.key === "ArrowLeft") go(here() - 1);
  else if (event.key === "+" || event.key === "=") zoom(0.5);
  else if (event.key === "-") zoom(2);
  else if (event.key === "0") { view(0, total); draw(); }
});
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
tell();
draw();
