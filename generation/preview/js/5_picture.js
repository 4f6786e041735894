// The picture: waveform or spectrogram of the part in view, with the labels over it.
//
// A view is {start, step}: the sample at the left edge, and samples a (CSS) pixel. Everything is
// placed by one rule, x = (sample - start) / step, so sound and labels can't drift apart.

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["page", "text", "quiet", "wave", "axis", "grid", "bar", "head", "right", "left", "halo", "chosen", "map"];
  const colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue("--" + name).trim()]));
  colours.map = colourMap(colours.map);
  return colours;
}

// Fit a canvas to its place on the screen; returns its pen and size in CSS pixels.
function fitCanvas(canvas) {
  const scale = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
  const width = Math.max(1, Math.round(box.width)), height = Math.max(1, Math.round(box.height));
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  return { pen, size: { width, height, scale } };
}

// One channel between top and bottom. Zoomed out: lowest to highest sample of each pixel of the
// screen. Zoomed in: a line through the samples; further in, each sample is a dot as well.
function drawChannel(pen, channel, view, size, top, bottom, gain, colours) {
  const middle = (top + bottom) / 2, half = (bottom - top) / 2 - 3;
  const yOf = (value) => middle - Math.min(Math.max(value * gain, -1), 1) * half;
  pen.fillStyle = colours.axis;
  pen.fillRect(0, middle - 0.5, size.width, 1);
  pen.fillStyle = pen.strokeStyle = colours.wave;
  const step = view.step / size.scale;
  if (step > 4) {
    const columns = size.width * size.scale;
    for (let c = 0; c < columns; c++) {
      // pixel c shows the samples that are nearest to it, and the one before, to join the pixels
      const from = Math.max(0, Math.ceil(view.start + (c - 0.5) * step) - 1);
      const to = Math.min(channel.length, Math.ceil(view.start + (c + 0.5) * step));
      let low = Infinity, high = -Infinity;
      for (let i = from; i < to; i++) {
        if (channel[i] < low) low = channel[i];
        if (channel[i] > high) high = channel[i];
      }
      if (low > high || (low === 0 && high === 0)) continue;
      const y = yOf(high);
      pen.fillRect(c / size.scale, y, 1 / size.scale, Math.max(yOf(low) - y, 1 / size.scale));
    }
    return;
  }
  const first = Math.max(0, Math.floor(view.start) - 1);
  const last = Math.min(channel.length - 1, Math.ceil(view.start + size.width * view.step) + 1);
  const xOf = (sample) => (sample - view.start) / view.step;
  pen.lineWidth = 1.25;
  pen.beginPath();
  for (let i = first; i <= last; i++) pen.lineTo(xOf(i), yOf(channel[i]));
  pen.stroke();
  if (1 / view.step < 5) return;
  for (let i = first; i <= last; i++) {
    pen.beginPath();
    pen.arc(xOf(i), yOf(channel[i]), Math.min(3.5, 0.28 / view.step), 0, 7);
    pen.fill();
  }
}

function drawWave(pen, channels, view, size, gain, colours) {
  const top = RULER + LANE, height = (size.height - top) / channels.length;
  channels.forEach((channel, c) =>
    drawChannel(pen, channel, view, size, top + c * height, top + (c + 1) * height, gain, colours));
}

// Rows of the spectrogram are a few pixels at most; it is kept until the view changes.
const kept = { key: null, canvas: document.createElement("canvas") };
function drawSpectrum(pen, sound, row, view, size, gain, colours) {
  const top = RULER + LANE, height = Math.round(size.height - top), width = size.width;
  const key = [row.number, view.start, view.step, width, height, gain, colours.page].join();
  if (kept.key !== key) {
    const image = spectrogram(sound.channels, row.facts.sample_rate, view.start, view.step, width, height, gain,
      colours.map);
    kept.canvas.width = width;
    kept.canvas.height = height;
    kept.canvas.getContext("2d").putImageData(image, 0, 0);
    kept.key = key;
  }
  pen.drawImage(kept.canvas, 0, top, width, height);
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  for (const hz of [100, 200, 500, 1000, 2000, 5000, 10000, 20000]) {
    if (hz >= row.facts.sample_rate / 2) continue;
    const y = top + height * (1 - heightOfHz(hz, row.facts.sample_rate));
    pen.fillStyle = colours.quiet;
    pen.globalAlpha = 0.3;
    pen.fillRect(0, Math.round(y), width, 1 / size.scale);
    pen.globalAlpha = 1;
    pen.lineWidth = 3;
    pen.strokeStyle = colours.halo;
    const text = hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`;
    pen.strokeText(text, 4, y);
    pen.fillStyle = colours.text;
    pen.fillText(text, 4, y);
  }
}

// Draws everything in view; returns the labels drawn.
function drawPicture(canvas, state, colours) {
  const { pen, size } = fitCanvas(canvas);
  const { row, sound, view } = state;
  pen.fillStyle = colours.page;
  pen.fillRect(0, 0, size.width, size.height);
  const gain = state.normalise && sound && sound.peak ? 1 / sound.peak : 1;
  if (sound && state.spectrum) drawSpectrum(pen, sound, row, view, size, gain, colours);
  else if (sound) drawWave(pen, sound.channels, view, size, gain, colours);
  pen.fillStyle = colours.axis;
  pen.fillRect(0, RULER - 0.5, size.width, 1);
  pen.fillRect(0, RULER + LANE - 0.5, size.width, 1);
  // before and after the file there is nothing
  const begin = (0 - view.start) / view.step, end = (row.facts.num_samples - view.start) / view.step;
  pen.fillStyle = colours.chosen;
  if (begin > 0) pen.fillRect(0, RULER, begin, size.height);
  if (end < size.width) pen.fillRect(end, RULER, size.width - end, size.height);
  drawRuler(pen, row, view, size, colours);
  return drawLabels(pen, row, view, size, colours, Boolean(sound && state.spectrum));
}

// The whole row, small, with the part in view framed.
const strip = { key: null, canvas: document.createElement("canvas") };
function drawOverview(canvas, state, colours) {
  const { pen, size } = fitCanvas(canvas), { row, sound, view } = state;
  const whole = { start: 0, step: row.facts.num_samples / size.width };
  const key = [row.number, Boolean(sound), size.width, size.height, size.scale, colours.page].join();
  if (strip.key !== key) {
    strip.canvas.width = canvas.width;
    strip.canvas.height = canvas.height;
    const thin = strip.canvas.getContext("2d");
    thin.setTransform(size.scale, 0, 0, size.scale, 0, 0);
    thin.clearRect(0, 0, size.width, size.height);
    if (sound) drawChannel(thin, sound.channels[0], whole, size, 0, size.height, 1 / (sound.peak || 1), colours);
    drawMarks(thin, row, whole.step, size.height, colours);
    strip.key = key;
  }
  pen.clearRect(0, 0, size.width, size.height);
  const from = view.start / whole.step, length = state.span / whole.step;
  pen.fillStyle = colours.chosen;
  pen.fillRect(0, 0, size.width, size.height);
  pen.fillStyle = colours.page;
  pen.fillRect(from, 0, Math.max(length, 2), size.height);
  pen.drawImage(strip.canvas, 0, 0, size.width, size.height);
  pen.strokeStyle = colours.quiet;
  pen.lineWidth = 1;
  pen.strokeRect(Math.max(from, 0) + 0.5, 0.5, Math.max(Math.min(length, size.width) - 1, 2), size.height - 1);
  pen.fillStyle = colours.head;
  pen.fillRect(player.position() / whole.step - 0.75, 0, 1.5, size.height);
}

function drawCursor(canvas, state, colours) {
  const { pen, size } = fitCanvas(canvas);
  pen.clearRect(0, 0, size.width, size.height);
  const x = (player.position() - state.view.start) / state.view.step;
  pen.fillStyle = colours.head;
  if (x >= -1 && x <= size.width + 1) {
    // a stroke under the playhead stays visible
    pen.globalAlpha = 0.6;
    verticalLine(pen, x, 0, size.height, 1, size.scale);
    pen.globalAlpha = 1;
    pen.beginPath();
    pen.moveTo(x - 5, 0); pen.lineTo(x + 5, 0); pen.lineTo(x, 8);
    pen.fill();
  }
  if (state.hover !== null) {
    pen.fillStyle = colours.quiet;
    pen.globalAlpha = 0.5;
    verticalLine(pen, state.hover, RULER, size.height, 1, size.scale);
    pen.globalAlpha = 1;
  }
}
