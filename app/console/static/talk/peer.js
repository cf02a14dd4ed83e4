// One line to the bot: a peer connection with a voice each way, and a channel for messages.

const GATHERING = 1_000; // ms we wait for ways to be reached; those on this machine are there at once
const PING = 1_000; // ms; the bot takes three seconds without one for a broken line
const SHAKY = 2_500; // ms a line may be interrupted before it counts as broken
const UP_WITHIN = 10_000; // ms from the answer to an open channel
const LISTEN_EVERY = 200; // ms between looks at what has come in
const SILENT_AFTER = 500; // ms without a packet; a bot sends fifty a second, also when it says nothing

export class Peer {
  #pc;
  #channel;
  #sender;
  #on;
  #timers = new Set();
  #isOver = false;
  #packets = 0; // of voice that have come in
  #heardAt = 0; // when the last of them had come
  #isSilent = false; // it was heard before, and is not any more

  // on: message(object), voice(stream), shaky(), steady(), down(kind), and silent(ms), again and again until steady()
  constructor({ iceServers, track, on }) {
    this.#on = on;
    this.#pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    // Audio comes first: the bot tells what a line carries by its place.  Without a microphone it is
    // there all the same, for the bot's voice and for a microphone that comes later.
    this.#sender = this.#pc.addTransceiver(track ?? "audio", { direction: "sendrecv" }).sender;
    this.#channel = this.#pc.createDataChannel("messages");
    this.#pc.ontrack = ({ track: voice }) => this.#on.voice(new MediaStream([voice]));
    this.#pc.onconnectionstatechange = () => this.#watch();
    this.#channel.onmessage = ({ data }) => this.#receive(data);
    this.#channel.onclose = () => this.#down("closed");
  }

  async offer() {
    await this.#pc.setLocalDescription();
    await this.#gathered();
    const { sdp, type } = this.#pc.localDescription;
    return { sdp, type };
  }

  // Resolves when messages can be sent; rejects if that takes too long.
  async accept({ sdp, type }) {
    await this.#pc.setRemoteDescription({ sdp, type });
    if (this.#channel.readyState !== "open") {
      await new Promise((resolve, reject) => {
        this.#channel.onopen = resolve;
        this.#after(UP_WITHIN, () => reject(new Error("no line")));
      });
    }
    this.#ping();
    this.#timers.add(setInterval(() => this.#ping(), PING));
    this.#heardAt = performance.now();
    this.#timers.add(setInterval(() => this.#listen(), LISTEN_EVERY));
  }

  // Whether something has come in just now; a new line is given the time to be heard.
  get isHeard() {
    return this.#silence < SILENT_AFTER;
  }

  // By the page's clock.
  get heardAt() {
    return Date.now() - this.#silence;
  }

  get #silence() {
    return performance.now() - this.#heardAt;
  }

  send(message) {
    if (this.#channel.readyState !== "open") return false;
    this.#ping(); // what follows a silence without pings would be lost
    this.#channel.send(JSON.stringify(message));
    return true;
  }

  use(track) {
    return this.#sender.replaceTrack(track);
  }

  close() {
    this.#isOver = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#pc.close();
  }

  #gathered() {
    if (this.#pc.iceGatheringState === "complete") return Promise.resolve();
    return new Promise((resolve) => {
      this.#after(GATHERING, resolve);
      this.#pc.addEventListener("icegatheringstatechange", () => {
        if (this.#pc.iceGatheringState === "complete") resolve();
      });
    });
  }

  #receive(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (!this.#isOver) this.#on.message(message);
  }

  async #listen() {
    let packets = 0;
    for (const report of (await this.#pc.getStats()).values()) {
      if (report.type === "inbound-rtp" && report.kind === "audio") packets = report.packetsReceived;
    }
    if (this.#isOver) return;
    if (packets > this.#packets) {
      this.#packets = packets;
      this.#heardAt = performance.now();
      if (this.#isSilent) {
        this.#isSilent = false;
        this.#watch();
      }
    } else if (this.#packets && !this.isHeard) {
      this.#isSilent = true;
      this.#on.silent(this.#silence);
    }
  }

  #watch() {
    switch (this.#pc.connectionState) {
      case "connected":
        return this.#isSilent || this.#on.steady();
      case "disconnected":
        this.#on.shaky();
        return this.#after(SHAKY, () => {
          if (this.#pc.connectionState !== "connected") this.#down("interrupted");
        });
      case "failed":
      case "closed":
        return this.#down("failed");
    }
  }

  #down(kind) {
    if (this.#isOver) return;
    this.close();
    this.#on.down(kind);
  }

  #ping() {
    if (this.#channel.readyState === "open") this.#channel.send("ping");
  }

  #after(ms, act) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}
