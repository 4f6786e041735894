// The state of the page, what changes it, and drawing it when it has changed.

const LEAST_SPAN = 24; // samples in view at most zoom
const state = {
  row: null, sound: null, view: { start: 0, step: 1 }, span: 1, spectrum: false, normalise: true, hover: null,
  drawn: [], followed: true,
};
let colours = readColours();
let dirty = true;
const stage = byId("stage"), overview = byId("overview");

function setView(start, span) {
  const total = state.row.facts.num_samples;
  span = Math.min(Math.max(span, LEAST_SPAN), total);
  // half a view beyond either end, so that every sample can be in the middle
  const spare = span < total ? span / 2 : 0;
  start = Math.min(Math.max(start, -spare), total - span + spare);
  state.span = span;
  state.view = { start, step: span / Math.max(stage.clientWidth, 1) };
  dirty = true;
}

const fit = () => setView(0, state.row.facts.num_samples);
const sampleAt = (x) => state.view.start + x * state.view.step;

function zoom(factor, x) {
  const head = (player.position() - state.view.start) / state.view.step;
  // about the playhead when it can be seen
  if (x === undefined) x = head >= 0 && head <= stage.clientWidth ? head : stage.clientWidth / 2;
  const about = sampleAt(x), span = Math.min(Math.max(state.span * factor, LEAST_SPAN), state.row.facts.num_samples);
  setView(about - x * span / Math.max(stage.clientWidth, 1), span);
}

function seek(sample) {
  const place = Math.round(Math.min(Math.max(sample, 0), state.row.facts.num_samples - 1));
  const playing = player.playing;
  player.stop();
  player.place = place;
  if (playing) player.start(state.row, state.sound, place);
  dirty = true;
}

function show(sample) {
  if (sample < state.view.start || sample > state.view.start + state.span) setView(sample - state.span / 2, state.span);
}

function toggle() {
  if (!state.row) return;
  if (player.playing) player.stop();
  else player.start(state.row, state.sound, player.place >= state.row.facts.num_samples - 1 ? 0 : player.place);
  dirty = true;
}

let asked = null;
async function choose(row) {
  if (!row || row === asked) return;
  asked = row;
  const before = state.row, playing = Boolean(player.playing);
  let sound = null, problem = null;
  try { sound = await soundOf(row); } catch (error) { problem = error.message || String(error); }
  if (asked !== row) return; // another was chosen meanwhile
  player.stop();
  const same = before && before.family === row.family && before.aligned === row.aligned;
  state.row = row;
  state.sound = sound;
  if (!same) {
    player.place = 0;
    fit();
  } else setView(state.view.start, state.span);
  showFacts(row);
  showRenderings(row, choose);
  markCurrent(row);
  const silent = meta.with_audio ? null :
    "This dataset has no sound (it was made with --no-audio): the picture shows labels alone, and playing gives a " +
    "click at each.";
  byId("notice").textContent = problem ? `The sound of this row can't be shown: ${problem}` : silent;
  byId("notice").hidden = !problem && !silent;
  if (playing) player.start(row, sound, player.place);
  dirty = true;
}

function setFlag(name, value) {
  if (name === "clicks") player.setClicks(value);
  else state[name] = value;
  byId("clicks").checked = player.clicks;
  byId("normalise").checked = state.normalise;
  byId("show-wave").setAttribute("aria-pressed", !state.spectrum);
  byId("show-spectrum").setAttribute("aria-pressed", state.spectrum);
  dirty = true;
}

function toLabel(direction) {
  const here = Math.round(player.position()), onsets = state.row.onsets;
  const next = direction > 0 ? onsets.find((o) => o > here) : onsets.findLast((o) => o < here);
  if (next === undefined) return;
  seek(next);
  setView(state.span < state.row.facts.num_samples ? next - state.span / 2 : 0, state.span);
}

// The label under the pointer, or the last one that the playhead has passed; -1 before the first.
function currentLabel() {
  let best = -1;
  if (state.hover !== null) {
    let least = 8;
    for (const { index, x } of state.drawn)
      if (Math.abs(x - state.hover) < least) { least = Math.abs(x - state.hover); best = index; }
  } else {
    const here = Math.round(player.position());
    for (let i = 0; i < state.row.onsets.length && state.row.onsets[i] <= here; i++) best = i;
  }
  return best;
}

function frame() {
  if (state.row && (dirty || player.playing)) {
    const place = player.position();
    // the view follows a playhead that runs out of it, a page at a time, and leaves alone one that was
    // out of it before
    const end = state.view.start + state.span;
    if (player.playing && !dragging && state.followed && place > end) setView(place, state.span);
    state.followed = place >= state.view.start && place <= state.view.start + state.span;
    if (dirty) {
      state.drawn = drawPicture(byId("picture"), state, colours);
      keepPlace();
    }
    dirty = false;
    drawOverview(overview, state, colours);
    drawCursor(byId("cursor"), state, colours);
    const at = state.hover === null ? place : Math.min(Math.max(sampleAt(state.hover), 0), state.row.facts.num_samples - 1);
    byId("time").textContent = `${(at / state.row.facts.sample_rate).toFixed(4)} s, sample ${Math.round(at)}`;
    byId("label").textContent = labelText(state.row, currentLabel(), at);
    const window = windowSize(state.view.step) / state.row.facts.sample_rate * 1000;
    byId("window").textContent = state.spectrum && state.sound ?
      `window ${window.toFixed(1)} ms, so energy shows up to ${(window / 2).toFixed(1)} ms early` : "";
    byId("play").textContent = player.playing ? "Pause" : "Play";
    overview.setAttribute("aria-valuemax", state.row.facts.num_samples);
    overview.setAttribute("aria-valuenow", Math.round(state.view.start));
  }
  requestAnimationFrame(frame);
}

// The address keeps the row and the part in view, so that a place can be found again.
let saving = 0;
function keepPlace() {
  clearTimeout(saving);
  saving = setTimeout(() => {
    const part = new URLSearchParams({
      row: state.row.facts.sample_id, from: Math.round(state.view.start), samples: Math.round(state.span),
      ...(state.spectrum ? { show: "spectrogram" } : {}),
    });
    try { history.replaceState(null, "", "#" + part); } catch { /* some browsers refuse for files */ }
  }, 300);
}

async function restorePlace() {
  const part = new URLSearchParams(location.hash.slice(1));
  const row = rows.find((r) => r.facts.sample_id === part.get("row"));
  setFlag("spectrum", part.get("show") === "spectrogram");
  await choose(row || listed[0]);
  if (row && Number(part.get("samples")) > 0) setView(Number(part.get("from")) || 0, Number(part.get("samples")));
}
