// The ruler of time, and sharp lines. Below it a corpus draws its labels, LANE pixels high and on the sound.

const RULER = 20;

// A vertical line on whole pixels of the screen, so that it is sharp and exactly at its sample.
function verticalLine(pen, x, top, bottom, width, scale) {
  const wide = Math.max(1, Math.round(width * scale));
  pen.fillRect((Math.round(x * scale) - Math.floor(wide / 2)) / scale, top, wide / scale, bottom - top);
}

const STEPS = [1, 2, 5];
function drawRuler(pen, row, view, size, colours) {
  const rate = row.facts.sample_rate, seconds = view.step * size.width / rate;
  let step = 1e-6;
  for (let power = -6, k = 0; step < seconds * 90 / size.width; k++) {
    if (k === 3) { k = 0; power++; }
    step = STEPS[k] * Math.pow(10, power);
  }
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  pen.fillStyle = colours.quiet;
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  for (let t = Math.ceil(view.start / rate / step) * step; t <= view.start / rate + seconds; t += step) {
    const x = (t * rate - view.start) / view.step;
    verticalLine(pen, x, 12, RULER, 1, size.scale);
    pen.fillText(digits > 3 ? `${(t * 1000).toFixed(digits - 3)} ms` : `${t.toFixed(digits)} s`, x + 3, 8);
  }
}
