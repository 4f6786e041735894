// Playing a row: its sound, and clicks at its labels, started by one clock so they stay together.

// A buffer of the row's length with a short click at every labelled onset, in the right channel.
function clickBuffer(row, level) {
  const rate = row.facts.sample_rate;
  const buffer = new AudioBuffer({ numberOfChannels: 2, length: row.facts.num_samples, sampleRate: rate });
  const right = buffer.getChannelData(1), length = Math.round(0.004 * rate);
  for (const onset of row.onsets)
    for (let i = 0; i < length && onset + i < right.length; i++)
      // a cosine: the click is loudest at its first sample, which is the labelled one
      right[onset + i] += level * Math.cos(2 * Math.PI * 3200 * i / rate) * Math.exp(-i / (0.0008 * rate));
  return buffer;
}

// Sources of a row connected to a context; the same for loudspeakers and for a check of the sound.
function connect(context, row, sound, clicks) {
  const sources = [], gain = context.createGain();
  gain.gain.value = clicks ? 1 : 0;
  gain.connect(context.destination);
  const add = (buffer, target) => {
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(target);
    sources.push(source);
  };
  if (sound) add(sound.buffer, context.destination);
  add(clickBuffer(row, sound ? Math.max(0.6 * sound.peak, 0.05) : 0.5), gain);
  return { sources, gain };
}

const player = {
  contexts: new Map(), playing: null, place: 0, clicks: false, onend: () => {},

  contextOf(rate) {
    if (!this.contexts.has(rate)) {
      let context;
      // at the row's rate nothing is converted; where that rate can't be had, the browser converts
      try { context = new AudioContext({ sampleRate: rate }); } catch { context = new AudioContext(); }
      this.contexts.set(rate, context);
    }
    return this.contexts.get(rate);
  },

  start(row, sound, from) {
    this.stop();
    const context = this.contextOf(row.facts.sample_rate);
    context.resume();
    const { sources, gain } = connect(context, row, sound, this.clicks || !sound);
    const begin = context.currentTime + 0.03, rate = row.facts.sample_rate;
    for (const source of sources) source.start(begin, from / rate);
    const now = { context, sources, gain, begin, from, row };
    sources[0].onended = () => {
      if (this.playing !== now) return;
      this.playing = null;
      this.place = 0;
      this.onend();
    };
    this.playing = now;
  },

  // The sample that is heard now.
  position() {
    const now = this.playing;
    if (!now) return this.place;
    const seconds = now.context.currentTime - now.begin - (now.context.outputLatency || 0);
    const place = now.from + Math.max(seconds, 0) * now.row.facts.sample_rate;
    return Math.min(place, now.row.facts.num_samples - 1);
  },

  stop() {
    const now = this.playing;
    if (!now) return;
    this.place = this.position();
    this.playing = null;
    for (const source of now.sources) source.stop();
    now.gain.disconnect();
  },

  setClicks(on) {
    this.clicks = on;
    const now = this.playing;
    if (now && now.sources.length > 1) now.gain.gain.setTargetAtTime(on ? 1 : 0, now.context.currentTime, 0.01);
  },
};
