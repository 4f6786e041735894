"use strict";
// What pages about a recording have in common. A page has total, sound, open, play, pause, here, draw,
// and LEAST_SPAN.
const at = id => document.getElementById(id);
const colour = part => getComputedStyle(document.documentElement).getPropertyValue("--" + part).trim();
const clock = sec => `${Math.floor(sec / 60)}:${(sec % 60).toFixed(2).padStart(5, "0")}`;
let from = 0, span = 0, position = 0, started = null;

function bytes(text) {
  const raw = atob(text), out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

let starting = false;

// whether sound can be played now; false also while another press of the button waits for it
async function opened() {
  if (starting) return false;
  starting = true;
  try {
    await open();
    await sound.context.resume();
    return true;
  } catch (error) {
    at("notice").textContent = `This browser can't play the recording (${error.message}).`;
    at("notice").hidden = false;
    return false;
  } finally {
    starting = false;
  }
}

function go(sec) {
  const playing = Boolean(started);
  pause();
  position = Math.min(total, Math.max(0, sec));
  if (position < from || position > from + span) view(position - span / 10, span);
  if (playing) play();
  draw();
}

function follow() {
  if (!started) return;
  const now = here();
  if (now >= total) { pause(); position = 0; draw(); return; }
  if (now > from + 0.9 * span && from + span < total) view(now - 0.1 * span, span);
  draw();
  requestAnimationFrame(follow);
}

function view(begin, length) {
  span = Math.min(total, Math.max(LEAST_SPAN, length));
  from = Math.min(Math.max(0, begin), total - span);
}

function sized(canvas) {
  const ratio = devicePixelRatio || 1, {clientWidth: width, clientHeight: height} = canvas;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return [pen, width, height];
}
