// Rows of the page: labels as JSON, sound as base64, decoded when a row is looked at.

const rows = [...document.querySelectorAll("script.row")].map((element, number) => {
  const row = JSON.parse(element.textContent);
  row.number = number;
  Object.assign(row, describe(row));
  const words = [row.title, ...row.about, ...Object.values(row.facts)];
  row.text = words.filter((v) => typeof v === "string").join(" ").toLowerCase();
  return row;
});
rows.sort((a, b) => {
  const i = a.order.findIndex((value, place) => value !== b.order[place]);
  return i < 0 ? 0 : a.order[i] < b.order[i] ? -1 : 1;
});

function encodedSound(row) {
  const element = byId("audio-" + row.number);
  if (!element) return null;
  const text = atob(element.textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes.buffer;
}

// decodeAudioData converts to the rate of the context it is called on. A context at the row's own
// rate leaves the samples as they are stored, so sample n of the buffer is sample n of the labels.
const decoded = new Map();
async function soundOf(row) {
  if (decoded.has(row)) return decoded.get(row);
  const bytes = encodedSound(row);
  let sound = null;
  if (bytes) {
    const context = new OfflineAudioContext(1, 1, row.facts.sample_rate);
    const buffer = await context.decodeAudioData(bytes);
    if (buffer.sampleRate !== row.facts.sample_rate || buffer.length !== row.facts.num_samples)
      throw new Error(`this browser decodes ${buffer.length} samples at ${buffer.sampleRate} Hz instead of ` +
        `${row.facts.num_samples} at ${row.facts.sample_rate} Hz, so labels would be misplaced`);
    const channels = [];
    for (let c = 0; c < buffer.numberOfChannels; c++) channels.push(buffer.getChannelData(c));
    let peak = 0;
    for (const channel of channels) for (const value of channel) peak = Math.max(peak, Math.abs(value));
    sound = { buffer, channels, peak };
  }
  decoded.set(row, sound);
  if (decoded.size > 8) decoded.delete(decoded.keys().next().value);
  return sound;
}
