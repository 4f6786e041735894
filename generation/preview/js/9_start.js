// Pointer, keys and buttons; then the first row.

let dragging = null;
// pixels from the left edge of the picture, inside the border of the stage
const xOf = (event) => event.clientX - byId("picture").getBoundingClientRect().left;
stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  dragging = { x: event.clientX, start: state.view.start, moved: false };
  stage.setPointerCapture(event.pointerId);
});
stage.addEventListener("pointermove", (event) => {
  state.hover = xOf(event);
  dirty = dirty || !player.playing;
  if (!dragging) return;
  dragging.moved = dragging.moved || Math.abs(event.clientX - dragging.x) > 4;
  stage.classList.toggle("dragged", dragging.moved);
  if (dragging.moved) setView(dragging.start - (event.clientX - dragging.x) * state.view.step, state.span);
});
stage.addEventListener("pointerup", (event) => {
  if (dragging && !dragging.moved) seek(sampleAt(xOf(event)));
  dragging = null;
  stage.classList.remove("dragged");
});
stage.addEventListener("pointercancel", () => { dragging = null; stage.classList.remove("dragged"); });
stage.addEventListener("pointerleave", () => { state.hover = null; dirty = true; });
stage.addEventListener("wheel", (event) => {
  if (event.ctrlKey && !event.deltaY) return;
  event.preventDefault();
  const pixels = event.deltaMode === 1 ? 30 : 1;
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
    setView(state.view.start + (event.deltaX || event.deltaY) * pixels * state.view.step, state.span);
  else zoom(Math.exp(event.deltaY * pixels * 0.0022), xOf(event));
}, { passive: false });

let grip = null; // where in the frame of the overview it was taken hold of
const overviewSample = (event) => {
  const box = overview.getBoundingClientRect();
  return (event.clientX - box.left) / box.width * state.row.facts.num_samples;
};
overview.addEventListener("pointerdown", (event) => {
  const sample = overviewSample(event), inside = sample - state.view.start;
  grip = inside >= 0 && inside <= state.span ? inside : state.span / 2;
  overview.setPointerCapture(event.pointerId);
  setView(sample - grip, state.span);
});
overview.addEventListener("pointermove", (event) => {
  if (grip !== null) setView(overviewSample(event) - grip, state.span);
});
for (const name of ["pointerup", "pointercancel"]) overview.addEventListener(name, () => { grip = null; });

const pan = (part) => setView(state.view.start + part * state.span, state.span);
const step = (by) => choose(neighbour(asked, by));
const keys = {
  " ": toggle, j: () => step(1), k: () => step(-1), ArrowRight: () => step(1), ArrowLeft: () => step(-1),
  "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: fit, ",": () => toLabel(-1),
  ".": () => toLabel(1), s: () => setFlag("spectrum", !state.spectrum), c: () => setFlag("clicks", !player.clicks),
  n: () => setFlag("normalise", !state.normalise), Home: () => { seek(0); show(0); },
  "/": () => byId("search").focus(),
};
document.addEventListener("keydown", (event) => {
  const target = event.target, typing = target.matches("input[type=search], select");
  if (event.key === "Escape" && typing) return target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || typing || !state.row) return;
  // buttons are pressed with Enter: space plays, also after a row has been clicked
  if (event.key === " " && target.matches("input, summary")) return;
  const sideways = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
  const along = sideways && (event.shiftKey || target === overview);
  const action = along ? () => pan(sideways / 4) : keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

// where keydown has already acted, keyup must not press the button as well
document.addEventListener("keyup", (event) => {
  if (event.key === " " && event.target.matches("button")) event.preventDefault();
});

byId("play").onclick = toggle;
byId("previous").onclick = () => step(-1);
byId("next").onclick = () => step(1);
byId("show-wave").onclick = () => setFlag("spectrum", false);
byId("show-spectrum").onclick = () => setFlag("spectrum", true);
byId("in").onclick = () => zoom(0.5);
byId("out").onclick = () => zoom(2);
byId("fit").onclick = fit;
byId("clicks").onchange = (event) => setFlag("clicks", event.target.checked);
byId("normalise").onchange = (event) => setFlag("normalise", event.target.checked);
byId("filters").onsubmit = (event) => event.preventDefault();
byId("filters").oninput = () => fillList(state.row, choose);
player.onend = () => { dirty = true; };

function redress() {
  colours = readColours();
  drawLegend(byId("legend"), colours);
  if (state.row) setView(state.view.start, state.span);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redress);
new ResizeObserver(redress).observe(stage);

addEventListener("hashchange", restorePlace);

byId("about").textContent = `${meta.shown.toLocaleString("en")} of ${meta.num_rows.toLocaleString("en")} rows, ` +
  `data version ${meta.data_version}`;
fillList(null, choose);
redress();
const ready = restorePlace();
requestAnimationFrame(frame);
