// Bots that a test plays, in the page itself: each a real peer at the other end of the page's line.

window.bots = [];
window.answers = true; // whether offers are answered

function hum() {
  const context = new AudioContext();
  const [source, quietly, out] = [new OscillatorNode(context), new GainNode(context, { gain: 0.001 }), context.createMediaStreamDestination()];
  source.connect(quietly).connect(out);
  source.start();
  return out.stream.getAudioTracks()[0];
}

class Bot {
  constructor() {
    this.heard = []; // messages from the page
    this.isDeaf = false; // a deaf one does not say that it got what was written
    this.voice = hum();
    this.pc = new RTCPeerConnection();
    this.pc.ondatachannel = ({ channel }) => {
      this.channel = channel;
      channel.onmessage = ({ data }) => data === "ping" || this.hear(JSON.parse(data));
    };
  }

  async answer(offer) {
    await this.pc.setRemoteDescription(offer);
    this.sender = this.pc.addTrack(this.voice);
    await this.pc.setLocalDescription();
    if (this.pc.iceGatheringState !== "complete") {
      await new Promise((resolve) => {
        this.pc.onicegatheringstatechange = () => this.pc.iceGatheringState === "complete" && resolve();
      });
    }
    return { sdp: this.pc.localDescription.sdp, type: "answer", pc_id: "pc" };
  }

  hear(message) {
    this.heard.push(message);
    if (message.type === "client-ready") this.tell("bot-ready", {});
    if (message.type === "send-text" && !this.isDeaf) {
      this.tell("user-input", { text: message.data.content, final: true, msg_id: message.id });
    }
  }

  get texts() {
    return this.heard.filter(({ type }) => type === "send-text").map(({ data }) => data.content);
  }

  tell(type, data) {
    this.channel.send(JSON.stringify({ label: "rtvi-ai", type, id: "1", data }));
  }

  say(id, said, coming = "") {
    this.tell("bot-output", {
      text: `${said} ${coming}`.trim(),
      segment_id: id,
      will_be_spoken: true,
      spoken_status: coming ? "in-progress" : "completed",
      spoken_progress: { accumulated_text: said, remaining_text: coming },
    });
  }

  leave() {
    this.channel.send(JSON.stringify({ type: "signalling", message: { type: "peerLeft" } }));
  }

  // As a process that is killed: no farewell, only silence.
  hush() {
    return this.sender.replaceTrack(null);
  }

  sound() {
    return this.sender.replaceTrack(this.voice);
  }
}

const fetchFromServer = window.fetch;
window.fetch = async (url, options) => {
  if (!String(url).endsWith("/api/offer")) return fetchFromServer(url, options);
  const bot = new Bot();
  window.bots.push(bot);
  if (!window.answers) return new Promise(() => {});
  return Response.json(await bot.answer(JSON.parse(options.body)));
};

// What the page has looked like, for what must not even flash.
window.states = [];
new MutationObserver(() => window.states.push(document.body?.dataset.state)).observe(document, {
  subtree: true,
  attributeFilter: ["data-state"],
});
