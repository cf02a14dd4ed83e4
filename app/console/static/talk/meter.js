// How loud a voice is, measured here, so that the bot need not tell.

const FLOOR = 0.008; // what a quiet room gives
const FULL = 0.22; // a voice close to the microphone
const FALL = 0.82; // how much of the last level remains in the next picture: quick up, slow down

export class Meter {
  #context = null;
  #sources = new Map(); // name -> {stream, source, analyser, samples, level}
  #show;
  #frame = 0;

  // show(levels): called with each picture, levels from 0 to 1 by name
  constructor(show) {
    this.#show = show;
  }

  // Within a click, or the browser keeps it asleep.
  wake() {
    const Context = window.AudioContext ?? window.webkitAudioContext;
    if (!this.#context && Context) this.#context = new Context({ latencyHint: "interactive" });
    this.#context?.resume?.().catch(() => {});
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  listen(name, stream) {
    this.forget(name);
    if (!this.#context || !stream?.getAudioTracks().length) return;
    const source = this.#context.createMediaStreamSource(stream);
    const analyser = new AnalyserNode(this.#context, { fftSize: 512, smoothingTimeConstant: 0 });
    source.connect(analyser);
    this.#sources.set(name, { source, analyser, samples: new Float32Array(analyser.fftSize), level: 0 });
  }

  forget(name) {
    this.#sources.get(name)?.source.disconnect();
    this.#sources.delete(name);
  }

  rest() {
    for (const name of [...this.#sources.keys()]) this.forget(name);
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#show({});
    this.#context?.suspend?.().catch(() => {});
  }

  #draw() {
    const levels = {};
    for (const [name, voice] of this.#sources) {
      voice.analyser.getFloatTimeDomainData(voice.samples);
      voice.level = Math.max(loudness(voice.samples), voice.level * FALL);
      levels[name] = voice.level;
    }
    this.#show(levels);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }
}

function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const rms = Math.sqrt(sum / samples.length);
  return Math.min(1, Math.max(0, Math.log(rms / FLOOR) / Math.log(FULL / FLOOR) || 0));
}
