// One call: it gets a bot, holds the line, mends it when it breaks, and knows why it ended.

import { Away, Refusal } from "./api.js";
import { Peer } from "./peer.js";
import * as rtvi from "./rtvi.js";

const TRIES = 3; // new lines in a row to a bot that is said to be there
const BETWEEN_TRIES = [300, 1_500, 4_000]; // ms
const AWAY_WAITS = [1, 2, 3, 5]; // seconds between looks for a server that is away; the last one repeats
const BUSY_FOR = 45_000; // ms we wait for a bot to get free before asking the person
const LEAVING_FOR = 15_000; // ms a bot may take to be gone
const READY_WITHIN = 3_000; // ms until a bot that has not said that it is ready is told again that we are
const READY_TRIES = 4;

const ON_STAGE = new Set(["live", "paused", "waiting", "moving"]);

class Over extends Error {}

export class Call {
  #api;
  #wish;
  #microphone;
  #isMuted = false;
  #on;
  #joined = null; // the server's answer to our wish: where the bot is, and our token
  #peer = null;
  #isOver = false;
  #isMending = false;
  #lastLine = 0; // when a line was last up
  #wake = () => {};

  // wish: {room_url, user_id}; microphone: a Microphone or null
  // on: phase(name, facts), voice(stream), and what rtvi.hear tells
  constructor({ api, wish, microphone, on }) {
    this.#api = api;
    this.#wish = wish;
    this.#microphone = microphone;
    this.#on = on;
  }

  get id() {
    return this.#joined?.session_id ?? null;
  }

  get isOver() {
    return this.#isOver;
  }

  // What a reload needs to ask whether the call is still on.
  get ticket() {
    return this.#joined && { id: this.#joined.session_id, token: this.#joined.connect.token, room: this.#wish.room_url };
  }

  async start() {
    await this.#guarded(async () => {
      this.#on.phase("calling");
      await this.#join();
      await this.#hold();
    });
  }

  // Ends the call here and now; resolves when the bot has gone, or cannot be asked to.
  async hangUp() {
    const joined = this.#joined;
    this.#finish("ended", { byMe: true });
    if (!joined) return;
    try {
      await this.#api.leave(joined.session_id, joined.connect.token);
    } catch {
      // The bot sees that nobody is there any more, and leaves by itself.
    }
  }

  // Gives the line up without sending the bot away: it is needed elsewhere.
  letGo(kind) {
    this.#finish("problem", { kind });
  }

  say(text) {
    const message = rtvi.sendText(text);
    return this.#peer?.send(message) ? message.id : null;
  }

  async useMicrophone(microphone) {
    this.#microphone = microphone;
    microphone?.mute(this.#isMuted);
    await this.#peer?.use(microphone?.track ?? null);
    this.#tellMicrophone();
  }

  mute(isMuted) {
    this.#isMuted = isMuted;
    this.#microphone?.mute(isMuted);
    this.#tellMicrophone();
  }

  // Cuts a wait for the server short.
  tryNow() {
    this.#wake();
  }

  async #join() {
    const until = Date.now() + BUSY_FOR;
    for (;;) {
      const joined = await this.#patiently(() => this.#api.join(this.#wish));
      if (this.#isOver) {
        this.#api.leave(joined.session_id, joined.connect.token).catch(() => {});
        throw new Over();
      }
      this.#joined = joined;
      if (ON_STAGE.has(joined.status)) return;
      if (Date.now() > until) throw new Refusal(503, { type: "busy" });
      this.#on.phase("queued");
      await this.#sleep(500);
    }
  }

  // Get a line and keep it; called again whenever it breaks.
  async #hold() {
    let tries = 0;
    const leavingUntil = Date.now() + LEAVING_FOR;
    for (;;) {
      try {
        await this.#patiently(() => this.#connect());
        return;
      } catch (error) {
        if (error instanceof Over) throw error;
        if (error instanceof Refusal && error.status === 401) await this.#join(); // the token is too old
        else if (error instanceof Refusal && error.status !== 504) throw error;
        const session = await this.#patiently(() => this.#look());
        if (session.state === "ended") return this.#finish("ended", { reason: session.reason });
        if (session.state === "leaving" && Date.now() < leavingUntil) tries -= 1;
        if (++tries > TRIES) throw error instanceof Refusal ? error : new Refusal(0, { type: "blocked" });
        if (this.#lastLine) this.#on.phase("mending");
        await this.#sleep(BETWEEN_TRIES[Math.max(tries, 1) - 1]);
      }
    }
  }

  async #connect() {
    const { connect } = this.#joined;
    const peer = new Peer({
      iceServers: connect.ice_servers ?? [],
      track: this.#microphone?.track,
      on: {
        message: (message) => rtvi.hear(message, { ...this.#on, left: () => this.#broken(peer), ready: () => this.#ready() }),
        voice: (stream) => this.#on.voice(stream),
        shaky: () => this.#peer === peer && this.#on.phase("shaky"),
        steady: () => this.#peer === peer && this.#on.phase("live"),
        down: () => this.#broken(peer),
      },
    });
    try {
      const answer = await this.#api.offer(connect, await peer.offer());
      await peer.accept(answer);
      this.#check();
    } catch (error) {
      peer.close();
      throw error;
    }
    this.#peer = peer;
    this.#lastLine = Date.now();
    this.#isReady = false;
    this.#tellMicrophone();
    this.#greet(peer);
    this.#on.phase("live");
  }

  #isReady = false;

  #ready() {
    this.#isReady = true;
    this.#on.ready?.();
  }

  // Tells the bot that we hear it, which it may not have been ready to learn.
  async #greet(peer) {
    for (let i = 0; i < READY_TRIES && this.#peer === peer && !this.#isReady; i++) {
      peer.send(rtvi.clientReady());
      await new Promise((resolve) => setTimeout(resolve, READY_WITHIN));
    }
  }

  #tellMicrophone() {
    this.#peer?.send(rtvi.microphoneStatus(Boolean(this.#microphone) && !this.#isMuted));
  }

  // The line has broken, or the bot has said that it leaves: find out which, and go on or end.
  async #broken(peer) {
    if (this.#peer !== peer || this.#isOver) return;
    this.#peer = null;
    peer.close();
    this.#on.phase("mending");
    await this.#guarded(async () => {
      const until = Date.now() + LEAVING_FOR;
      let session = await this.#patiently(() => this.#look());
      while (session.state === "leaving" && Date.now() < until) {
        await this.#sleep(300);
        session = await this.#patiently(() => this.#look());
      }
      if (session.state === "ended") return this.#finish("ended", { reason: session.reason });
      await this.#hold();
    });
  }

  async #look() {
    try {
      return await this.#api.session(this.id, this.#joined.connect.token);
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) return { state: "ended", reason: null };
      throw error;
    }
  }

  // Asks again, for as long as it takes, while the server is away.
  async #patiently(ask) {
    for (let i = 0; ; i++) {
      this.#check();
      try {
        const answer = await ask();
        if (i > 0 && !this.#isOver) this.#on.phase(this.#lastLine ? "mending" : "calling");
        return answer;
      } catch (error) {
        if (!(error instanceof Away)) throw error;
        const seconds = error.retryAfter ?? AWAY_WAITS[Math.min(i, AWAY_WAITS.length - 1)];
        for (let left = seconds; left > 0; left--) {
          this.#check();
          this.#on.phase("away", { seconds: left });
          if (await this.#sleep(1_000)) break;
        }
      }
    }
  }

  // Whether it was cut short.
  async #sleep(ms) {
    let timer;
    const wasWoken = await new Promise((resolve) => {
      this.#wake = () => resolve(true);
      window.addEventListener("online", this.#wake, { once: true });
      timer = setTimeout(() => resolve(false), ms);
    });
    clearTimeout(timer);
    window.removeEventListener("online", this.#wake);
    this.#check();
    return wasWoken;
  }

  // Whatever stops a call is shown.
  async #guarded(act) {
    if (this.#isMending) return;
    this.#isMending = true;
    try {
      await act();
    } catch (error) {
      if (error instanceof Over) return;
      if (!(error instanceof Refusal)) console.error(error);
      if (error.status === 410) this.#finish("ended", { reason: error.reason });
      else this.#finish("problem", { kind: this.#lastLine && error.kind === "blocked" ? "lost" : (error.kind ?? "other") });
    } finally {
      this.#isMending = false;
    }
  }

  #check() {
    if (this.#isOver) throw new Over();
  }

  #finish(phase, facts) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#peer?.close();
    this.#peer = null;
    this.#on.phase(phase, facts);
    this.#wake();
  }
}
