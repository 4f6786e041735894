// A small Fourier transform, and spectrograms of the part of a sound that is shown.

// Magnitudes of real signals of `size` samples, a power of two: a function of (samples, centre).
function makeTransform(size) {
  const half = size / 2, bits = Math.log2(size);
  const cos = new Float32Array(half), sin = new Float32Array(half), window = new Float32Array(size);
  const reversed = new Uint32Array(size), re = new Float32Array(size), im = new Float32Array(size);
  const out = new Float32Array(half + 1);
  for (let i = 0; i < half; i++) {
    cos[i] = Math.cos(2 * Math.PI * i / size);
    sin[i] = -Math.sin(2 * Math.PI * i / size);
  }
  for (let i = 0; i < size; i++) {
    window[i] = 0.5 - 0.5 * Math.cos(2 * Math.PI * (i + 0.5) / size);
    for (let b = 0; b < bits; b++) if (i & (1 << b)) reversed[i] |= 1 << (bits - 1 - b);
  }
  return (signal, centre) => {
    const first = Math.round(centre) - half;
    for (let i = 0; i < size; i++) {
      const value = signal[first + i];
      re[reversed[i]] = value === undefined ? 0 : value * window[i];
    }
    im.fill(0);
    for (let span = 1; span < size; span *= 2) {
      const step = half / span;
      for (let start = 0; start < size; start += 2 * span) {
        for (let k = 0; k < span; k++) {
          const a = start + k, b = a + span, c = cos[k * step], s = sin[k * step];
          const x = re[b] * c - im[b] * s, y = re[b] * s + im[b] * c;
          re[b] = re[a] - x; im[b] = im[a] - y;
          re[a] += x; im[a] += y;
        }
      }
    }
    // a full-scale sine has magnitude 1
    for (let k = 0; k <= half; k++) out[k] = Math.hypot(re[k], im[k]) * 4 / size;
    return out;
  };
}

const transforms = new Map();
function transformOf(size) {
  if (!transforms.has(size)) transforms.set(size, makeTransform(size));
  return transforms.get(size);
}

const LOWEST_HZ = 60, RANGE_DB = 75;
const heightOfHz = (hz, rate) => Math.log(hz / LOWEST_HZ) / Math.log(rate / 2 / LOWEST_HZ);
const hzOfHeight = (height, rate) => LOWEST_HZ * Math.pow(rate / 2 / LOWEST_HZ, height);

// 256 colours between the stops of the style sheet, as numbers for image data.
function colourMap(stops) {
  const list = stops.trim().split(/\s+/).map((text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16)));
  const out = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) {
    const place = i / 255 * (list.length - 1), low = Math.min(Math.floor(place), list.length - 2);
    for (let c = 0; c < 3; c++)
      out[3 * i + c] = Math.round(list[low][c] + (place - low) * (list[low + 1][c] - list[low][c]));
  }
  return out;
}

// Samples of a window when a pixel is `step` samples. Windows get shorter as one zooms in, which trades
// pitch for time. A window is centred on its pixel, so energy appears up to half of it too early.
function windowSize(step) {
  return Math.min(Math.max(Math.pow(2, Math.round(Math.log2(Math.max(4 * step, 1)))), 256), 2048);
}

// Image data of width x height pixels; x is time from `start`, `step` samples a pixel; y is the
// logarithm of frequency.
function spectrogram(channels, rate, start, step, width, height, gain, map) {
  const size = windowSize(step);
  const transform = transformOf(size);
  const image = new ImageData(width, height);
  const edges = new Float32Array(height + 1);
  for (let y = 0; y <= height; y++) edges[y] = hzOfHeight(1 - y / height, rate) * size / rate;
  const mix = channels.length === 1 ? channels[0] : mean(channels, start, step * width, size);
  const shift = channels.length === 1 ? 0 : Math.max(0, Math.floor(start) - size);
  for (let x = 0; x < width; x++) {
    const power = transform(mix, start + (x + 0.5) * step - shift);
    for (let y = 0; y < height; y++) {
      const high = edges[y], low = edges[y + 1];
      let value = 0;
      if (high - low > 1) {
        for (let k = Math.ceil(low); k <= high; k++) value = Math.max(value, power[Math.min(k, size / 2)]);
      } else {
        const k = Math.min((high + low) / 2, size / 2 - 1), base = Math.floor(k);
        value = power[base] + (k - base) * (power[base + 1] - power[base]);
      }
      const db = 20 * Math.log10(value * gain + 1e-9);
      const shade = 3 * Math.round(255 * Math.min(Math.max((db - meta.darkest_db + RANGE_DB) / RANGE_DB, 0), 1));
      const at = 4 * (y * width + x);
      image.data[at] = map[shade]; image.data[at + 1] = map[shade + 1]; image.data[at + 2] = map[shade + 2];
      image.data[at + 3] = 255;
    }
  }
  return image;
}

function mean(channels, start, length, margin) {
  const first = Math.max(0, Math.floor(start) - margin);
  const last = Math.min(channels[0].length, Math.ceil(start + length) + margin);
  const out = new Float32Array(Math.max(last - first, 0));
  for (const channel of channels)
    for (let i = 0; i < out.length; i++) out[i] += channel[first + i] / channels.length;
  return out;
}
