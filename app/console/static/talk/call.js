// One call: it gets a bot, holds the line through whatever happens to the line or the bot, and knows why it ended.

import { Away, Refusal } from "./api.js";
import { Peer } from "./peer.js";
import * as rtvi from "./rtvi.js";
import { after } from "./sleep.js";

const TRIES = 3; // new lines in a row to a bot that is said to be there
const BETWEEN_TRIES = [300, 1_500, 4_000]; // ms
const BETWEEN_ENTRIES = [300, 1_500, 4_000, 8_000, 15_000, 15_000]; // ms between joins, while a shared room lets nobody in
const AWAY_WAITS = [1, 2, 3, 5]; // seconds between looks for a server that is away; the last one repeats
const START_WITHIN = 2; // seconds that a first answer may be held back: a free bot comes at once
const KEEP_PLACE = 8_000; // ms between the joins that keep a place in the line; after 45 s it is another's
const BUSY_FOR = 45_000; // ms we wait for a bot that neither comes nor has us in its line
const LEAVING_FOR = 15_000; // ms a bot may take to be gone
const BACK_WITHIN = 600_000; // ms a bot may take to be back: as long as a parked one is kept
const POLL = 250; // ms between looks for a bot that is coming back
const LATER_POLL = 1_000; // the same, when it has not come for a while
const LOOK_EVERY = 10_000; // ms between looks after a call that sounds well
const LOOK_WITHIN = 3_000; // ms such a look may take
const WEAK_AFTER = 1_000; // ms of silence until the person is told that the line is weak
const STILL_FOR = { line: 700, lost: 700, handed_over: 1_500, moved: 1_500, parked: 0, away: 1_500, late: 4_000 }; // ms to mend a call in, before it looks broken
const TAKEN_OVER_WITHIN = 3_000; // ms in which the bot that has taken a call over is known at its new place
const READY_WITHIN = 3_000; // ms until a bot that has not said that it is ready is told again that we are
const READY_TRIES = 4;
const CLOSED = { removed: "removed", elsewhere: "other-window" }; // why a shared room is left for good: kinds of problems

const ON_STAGE = new Set(["live", "paused", "waiting", "transitioning"]);
const ON_ITS_WAY = new Set(["lost", "pending", "joining"]);

// Who is not in a shared room cannot see who is: its bot may be talking with somebody, unless it came for us.
const isOurs = (joined) => !joined || (joined.connect.provider ?? "local") === "local" || !joined.reused;

class Over extends Error {} // the person has hung up
class Gone extends Error {} // the bot we were asking is not there any more

export class Call {
  #api;
  #admission;
  #order = {};
  #wish; // goes with each join of our own room, for the bot may not be there yet
  #home = null; // the room that our pass is for; the bot may take us along to others
  #microphone;
  #isMuted = false;
  #isPaused = false; // the bot neither hears nor speaks, and nothing is sent to it
  #before;
  #on;
  #joined = null; // the server's answer to our wish: where the bot is, and our token
  #peer = null;
  #isOver = false;
  #isMending = false;
  #lastLine = 0; // when a line was last up
  #epoch = null; // the bot at the other end: each that takes over has a higher one
  #parting = null; // what the bot has said will become of it
  #isQueued = false;
  #mended = null; // what befell the call that is being mended: "line", "lost", "handed_over" or "parked"
  #telling = 0; // the timer after which the person is told of it
  #isTold = false;
  #isLooking = false;
  #isServerAway = false; // it did not answer our last look at the session
  #isReady = false;
  #unheard = new Map(); // messages that were sent, by their id, until the bot has said that it got them
  #unsent = []; // those written while there was no line
  #wake = () => {};
  #liveKitCall = null; // the room we are in, if it is one that several share
  #isShown = false; // by a camera, which stays so when the line is mended
  #bot = null; // the one that is there with us
  #hadBot = false;
  #silentSince = null;

  // admission({refused}): the pass to come in with, with its room and user; another, if that one was refused
  // microphone: a Microphone or null
  // on: phase(name, facts), bot(what /join says of it), room(url, provider), moved(url, provider), voice(stream), what rtvi.hear tells,
  // ready(what the bot can do), paused(why, or null when it is over), muted(isMuted), endsSoon(seconds), and of a room that
  // several share
  // people(list), picture(track or null), faces(list), cameras(isAllowed), opened(state), notice(text), sound(isHeard)
  // wish(): with whom we want to talk, as far as we may choose
  // before: the ticket of the session that this page was in before it was loaded again, or null
  constructor({ api, admission, microphone, on, wish = () => ({}), before = null }) {
    this.#api = api;
    this.#wish = wish;
    this.#before = before;
    this.#admission = admission;
    this.#microphone = microphone;
    this.#on = on;
  }

  get id() {
    return this.#joined?.session_id ?? null;
  }

  get isOver() {
    return this.#isOver;
  }

  // Since when nothing was heard of a bot that went, by the clock of this page; null if nobody measured.
  get silentSince() {
    return this.#silentSince;
  }

  // Whether we hold a place in the line for a bot, and no more than that.
  get isQueued() {
    return this.#isQueued;
  }

  // What a reload needs to ask whether the call is still on.
  get ticket() {
    if (!this.#joined) return null;
    const { token, resume_token: resumeToken } = this.#joined.connect;
    const { room_url: room, user_id: user } = this.#order;
    return { id: this.#joined.session_id, token, resumeToken, room, from: this.#home, user };
  }

  async start() {
    await this.#guarded(async () => {
      this.#on.phase("calling");
      await this.#comeIn();
      await this.#join();
      await this.#enter();
    });
  }

  // Ends the call here and now; resolves when the bot has gone, or cannot be asked to.  It stays with who else is there.
  async hangUp() {
    const joined = this.#joined;
    const isLast = this.#liveKitCall
      ? !this.#liveKitCall.people.some(({ isMe, isBot }) => !isMe && !isBot)
      : isOurs(joined);
    this.#finish("ended", { byMe: true, isLast, wasQueued: this.#isQueued });
    if (!joined || !isLast) return;
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

  // The page is being left: nothing more is asked, so that the page after it finds the session, and its ticket unused.
  leaveBehind() {
    this.#isOver = true;
    this.#putDown();
  }

  // The id under which the bot will confirm it; null if there is no call.
  say(text) {
    if (this.#isOver || !this.#lastLine || this.#isPaused) return null;
    const message = rtvi.sendText(text);
    this.#send(message);
    return message.id;
  }

  async useMicrophone(microphone) {
    this.#microphone = microphone;
    microphone?.mute(this.#isMuted);
    await this.#useTrack();
    this.#tellMicrophone();
  }

  get isPaused() {
    return this.#isPaused;
  }

  // Has a paused bot hear and speak again; it tells the page itself when it does.  Throws where it stays paused.
  resume() {
    return this.#api.resume(this.id, this.#joined.connect.token);
  }

  // Has the bot go to another room; it tells the page itself when it has.  Throws where it stays.
  move(room, mode) {
    return this.#api.move(this.id, this.#joined.connect.token, { room_url: room, mode });
  }

  // A pass to the room that we are in, for whoever comes with it.
  invitation() {
    return this.#api.invitation(this.id, this.#joined.connect.token);
  }

  // What goes to the bot: nothing while it is paused.  Others in a room hear us all the same.
  #useTrack() {
    const isSent = !this.#isPaused || this.#liveKitCall;
    return this.#peer?.use(isSent ? (this.#microphone?.track ?? null) : null);
  }

  #pause(why) {
    this.#isPaused = why !== null;
    this.#useTrack();
    this.#on.paused(why);
  }

  // At a new line, or with another bot.  One that is paused or muted says so itself to each who comes.
  #hearAnewHowItIs() {
    if (this.#isPaused) this.#pause(null);
    this.#on.muted(false);
  }

  mute(isMuted) {
    this.#isMuted = isMuted;
    this.#microphone?.mute(isMuted);
    this.#liveKitCall?.mute(isMuted);
    this.#tellMicrophone();
  }

  // Throws where there is no camera, or the person does not let us have it.
  async show(isShown) {
    this.#isShown = isShown;
    try {
      await this.#liveKitCall?.show(isShown);
    } catch (error) {
      this.#isShown = false;
      throw error;
    }
  }

  // Within a click: lets the voices in a room be heard where the browser asks for one.
  hear() {
    return this.#liveKitCall?.hear();
  }

  // What somebody in a room is called; null if it is this person, or nobody is known by that.
  nameOf(id) {
    return this.#liveKitCall?.nameOf(id) ?? null;
  }

  // Cuts a wait for the server short.
  tryNow() {
    this.#wake();
  }

  // Gets the pass to the room; one that was kept may be void by now.
  async #comeIn({ refused = false } = {}) {
    const { pass, room, user } = await this.#patiently(() => this.#admission({ refused }));
    this.#check();
    this.#api.comeWith(pass);
    this.#home = room;
    this.#order = { room_url: room, user_id: user };
  }

  // Asks for a bot, and stands in the line if all are busy.
  async #join() {
    let { status: state, position, reason } = await this.#ask({ wait: START_WITHIN });
    let asked = Date.now();
    let until = asked + BUSY_FOR;
    while (!ON_STAGE.has(state)) {
      if (state === "ended") return this.#finish("ended", { reason });
      if (position) until = Date.now() + BUSY_FOR;
      else if (Date.now() > until) throw new Refusal(503, { type: "busy" });
      this.#isQueued = Boolean(position);
      this.#on.phase("queued", { position });
      await this.#sleep(Math.min(500 + POLL * (position ?? 0), KEEP_PLACE / 2));
      if (Date.now() - asked > KEEP_PLACE) {
        asked = Date.now();
        ({ status: state, position } = await this.#ask({ wait: 0 }));
      } else {
        ({ state, position, reason } = await this.#patiently(() => this.#look()));
      }
    }
    this.#isQueued = false;
  }

  async #ask({ wait }) {
    const { room_url: before } = this.#order;
    const joined = await this.#patiently(() => this.#joinWithPass(wait));
    if (this.#isOver) {
      if (isOurs(joined)) this.#api.leave(joined.session_id, joined.connect.token).catch(() => {});
      throw new Over();
    }
    const isFirst = !this.#joined;
    this.#joined = joined;
    if (isFirst) this.#on.bot(joined);
    const place = [this.#order.room_url, joined.connect.provider ?? "local"];
    if (isFirst) this.#on.room(...place);
    else if (this.#order.room_url !== before) this.#on.moved(...place);
    return joined;
  }

  // Whether the bot has taken us to a room that our pass is not for: only the session's own tokens lead there.
  get #isAway() {
    return this.#order.room_url !== this.#home;
  }

  // Whether our bot is in another room than ours, where we follow it: another device of ours may have taken it there while
  // this one slept.  To join our room anew would call it back from there, and nobody here has asked for that.
  async #hasGone() {
    if (this.#isAway) return true;
    if (!this.#joined) return false;
    try {
      const { state, room_url: room = this.#home } = await this.#look({ patience: LOOK_WITHIN });
      return state !== "ended" && room !== this.#home;
    } catch (error) {
      return error instanceof Refusal && error.status === 401; // the token is too old; the ticket tells
    }
  }

  // Back to our session, wherever it is by now; without one, or should it not be had, into the room of our pass.
  // here: a bot is in our room whose session we do not know.
  async #joinWithPass(wait, { here = false } = {}) {
    const { id, resumeToken, user } = this.#before ?? (!here && (await this.#hasGone()) ? this.ticket : {});
    if (resumeToken && user === this.#order.user_id) { // a tab that was copied is somebody else's, in a room of several
      try {
        const joined = await this.#goBack(id, resumeToken, wait);
        this.#before = null;
        this.#order = { ...this.#order, room_url: joined.room_url };
        return joined;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error; // it may have been used: the next try is a join
        if (this.#isAway && error.kind === "session-ended") throw error;
      }
    }
    this.#before = null;
    this.#order = { ...this.#order, room_url: this.#home };
    try {
      return await this.#api.join({ ...this.#order, ...this.#wish() }, { wait });
    } catch (error) {
      if (this.#joined || !(error instanceof Refusal) || error.status !== 401) throw error;
    }
    await this.#comeIn({ refused: true });
    return this.#api.join({ ...this.#order, ...this.#wish() }, { wait });
  }

  // Its token may have been used by a page that was left, or lost its line, before it got the answer with the next one.
  async #goBack(id, resumeToken, wait) {
    try {
      return await this.#api.goBack(resumeToken, { wait });
    } catch (error) {
      if (error.kind !== "resume-token-used") throw error;
      const another = await this.#api.renew(id);
      return this.#api.goBack(another.resume_token, { wait });
    }
  }

  // The way in is the provider's.
  #enter() {
    this.#check();
    const { connect } = this.#joined;
    if (connect.provider === "livekit") return this.#goIn();
    if (connect.provider === "daily") return this.#finish("daily", { url: daily(connect) });
    return this.#hold();
  }

  // Gets a line to the bot, and tries again until there is one or the call is over.
  async #hold() {
    for (let tries = 0; ; ) {
      let epoch = null;
      if (this.#lastLine || tries) {
        const session = await this.#onStage();
        if (!session) return;
        epoch = session.epoch ?? null;
        if (this.#isAnother(epoch)) this.#on.newBot(this.#mended === "line" ? "lost" : this.#mended);
      }
      try {
        await this.#patiently(() => this.#connect(epoch));
        return;
      } catch (error) {
        if (error instanceof Over) throw error;
        if (error instanceof Gone) continue;
        if (error instanceof Refusal && error.kind === "not-a-local-room") {
          await this.#ask({ wait: 0 });
          return this.#enter();
        }
        if (error instanceof Refusal && error.status === 401) await this.#ask({ wait: 0 }); // the token is too old
        else if (error instanceof Refusal && error.status !== 504) throw error;
        if (++tries > TRIES) throw error instanceof Refusal ? error : new Refusal(0, { type: "blocked" });
        await this.#sleep(BETWEEN_TRIES[tries - 1]);
      }
    }
  }

  // Waits until the bot is on stage; null if the call has ended instead.
  async #onStage() {
    const began = Date.now();
    const lasted = () => Date.now() - began;
    for (;;) {
      const session = await this.#patiently(() => this.#look());
      if (session.state === "ended") {
        this.#finish("ended", { reason: session.reason });
        return null;
      }
      if (session.state === "leaving") {
        clearTimeout(this.#telling); // it is no accident
        if (lasted() > LEAVING_FOR) throw new Refusal(0, { type: "lost" });
      } else if (ON_STAGE.has(session.state)) {
        const isYetToBeTakenOver = this.#mended === "handed_over" && session.epoch === this.#epoch && lasted() < TAKEN_OVER_WITHIN;
        if (!isYetToBeTakenOver) return session;
      } else if (lasted() > BACK_WITHIN) {
        throw new Refusal(0, { type: "lost" });
      } else if (["line", "handed_over"].includes(this.#mended)) {
        this.#mended = "lost";
        if (this.#isTold) this.#tell();
      }
      await this.#sleep(lasted() < LOOK_EVERY ? POLL : LATER_POLL);
    }
  }

  #isAnother(epoch) {
    return this.#epoch !== null && epoch !== this.#epoch;
  }

  async #connect(epoch) {
    const { connect } = this.#joined;
    const peer = new Peer({
      iceServers: connect.ice_servers ?? [],
      track: this.#microphone?.track,
      on: {
        message: (message) => rtvi.hear(message, this.#listeners(peer)),
        voice: (stream) => this.#on.voice(stream),
        shaky: () => this.#peer === peer && this.#shaky(),
        steady: () => this.#peer === peer && this.#on.phase("live"),
        silent: (ms) => {
          if (this.#isPaused) return; // nothing is sent to us, and the line is well
          if (this.#peer === peer && ms > WEAK_AFTER) this.#shaky();
          this.#suspect(peer);
        },
        down: () => this.#broken(peer),
      },
    });
    const getThrough = async () => peer.accept(await this.#api.offer(connect, await peer.offer()));
    try {
      await this.#whileThere(epoch, getThrough());
      this.#check();
    } catch (error) {
      peer.close();
      throw error;
    }
    this.#peer = peer;
    this.#hearAnewHowItIs();
    this.#silentSince = null;
    this.#lastLine = Date.now();
    this.#isReady = false;
    this.#parting = this.#mended = null;
    clearTimeout(this.#telling);
    const isAnother = this.#isAnother(epoch);
    if (!isAnother) this.#unheard.clear(); // this bot has it, or it is gone with the line: nobody can tell
    this.#epoch = epoch;
    this.#tellMicrophone();
    this.#greet(peer);
    this.#watch(peer);
    this.#on.phase("live", { isNewLine: true, isNewBot: isAnother });
  }

  // What comes of an attempt, or Gone as soon as the bot it is made with is not there any more.
  async #whileThere(epoch, attempt) {
    let timer;
    const gone = new Promise((_, reject) => {
      timer = setInterval(async () => {
        const session = await this.#look({ patience: LOOK_WITHIN }).catch(() => null);
        if (session && (!ON_STAGE.has(session.state) || (epoch !== null && session.epoch !== epoch))) reject(new Gone());
      }, 2 * POLL);
    });
    try {
      return await Promise.race([attempt, gone]);
    } finally {
      clearInterval(timer);
      attempt.catch(() => {}); // if it is given up, nobody waits for it
    }
  }

  #listeners(peer) {
    return {
      ...this.#on,
      left: () => this.#broken(peer),
      ready: (can) => {
        this.#ready();
        if (this.#peer === peer) this.#on.ready(can);
      },
      notice: (event, facts) => this.#noticed(peer, event, facts),
      userSaid: (said) => {
        this.#unheard.delete(said.id);
        this.#on.userSaid(said);
      },
    };
  }

  // A room that several share is entered once; its bots come and go, and we stay.
  async #goIn() {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#getIn();
      } catch (error) {
        if (error instanceof Over || error instanceof Refusal) throw error;
        if (tries === BETWEEN_ENTRIES.length) throw new Refusal(0, { type: "blocked" });
        await this.#sleep(BETWEEN_ENTRIES[tries]);
        await this.#ask({ wait: 0 });
      }
    }
  }

  async #getIn() {
    const load = () => import("./livekit.js").catch(() => Promise.reject(new Away()));
    const { LiveKitCall } = await this.#patiently(load);
    const room = new LiveKitCall({
      on: {
        message: (message) => rtvi.hear(message, this.#listeners(room)),
        voice: (stream) => this.#on.voice(stream, { isPlayed: true }),
        picture: (track) => this.#on.picture(track),
        people: (people) => this.#on.people(people),
        faces: (faces) => this.#on.faces(faces),
        sound: (isHeard) => this.#on.sound(isHeard),
        bot: (bot) => this.#botIs(room, bot),
        shaky: () => this.#liveKitCall === room && this.#on.phase("shaky"),
        broken: () => this.#liveKitCall === room && this.#mend("line"),
        steady: () => this.#isBack(room),
        down: (why) => this.#fellOut(room, why),
      },
    });
    try {
      await room.enter(this.#joined.connect, this.#microphone?.track, this.#isMuted);
      this.#check();
    } catch (error) {
      room.close();
      throw error;
    }
    this.#peer = this.#liveKitCall = room;
    this.#hearAnewHowItIs();
    this.#lastLine = Date.now();
    this.#on.phase("live", { isNewLine: true });
    this.#on.cameras(room.hasCameras);
    if (this.#isShown && room.hasCameras) this.show(true).catch(() => this.#on.faces(room.faces));
    this.#miss(room);
  }

  // LiveKit has mended the line by itself.
  #isBack(room) {
    if (this.#liveKitCall !== room) return;
    if (!this.#bot) return this.#mend(this.#hadBot ? "away" : "late");
    clearTimeout(this.#telling);
    this.#mended = null;
    this.#on.phase("live", { isNewLine: true });
  }

  // Another bot has come, or there is none any more.
  #botIs(room, bot) {
    if (this.#liveKitCall !== room) return;
    const isAnother = bot !== null && this.#hadBot && (bot.epoch === null || bot.epoch !== this.#epoch);
    this.#bot = bot;
    this.#isReady = false;
    if (!bot) return this.#miss(room);
    if (isAnother) this.#on.newBot(["handed_over", "parked"].includes(this.#mended) ? this.#mended : "lost");
    else this.#unheard.clear();
    if (isAnother) this.#hearAnewHowItIs(); // it may have been resumed meanwhile
    this.#epoch = bot.epoch;
    this.#hadBot = true;
    this.#parting = this.#mended = null;
    clearTimeout(this.#telling);
    // It may be of a session that came after ours.
    if (bot.sessionId !== null && bot.sessionId !== this.id && !this.#isAway) this.#askAgain({ here: true }).catch(() => {});
    this.#greet(room, bot);
    this.#on.phase("live", { isNewLine: true, isNewBot: isAnother });
  }

  // Waits for a bot that is not in the room.  The others are, and can be heard meanwhile.
  async #miss(room) {
    const isMissed = () => this.#liveKitCall === room && !this.#bot;
    this.#mend(this.#parting ?? (this.#mended === "handed_over" ? "handed_over" : this.#hadBot ? "away" : "late"));
    await this.#shown(async () => {
      const began = Date.now();
      const lasted = () => Date.now() - began;
      while (isMissed()) {
        const session = await this.#look({ patience: LOOK_WITHIN }).catch((error) => this.#unanswered(error));
        if (!isMissed()) return;
        if (session?.state === "ended") return this.#finish("ended", { reason: session.reason });
        if (session?.state === "leaving") clearTimeout(this.#telling); // it is no accident
        if (this.#mended === "away" && ON_ITS_WAY.has(session?.state)) {
          this.#mended = "lost";
          if (this.#isTold) this.#tell();
        }
        if (lasted() > BACK_WITHIN) throw new Refusal(0, { type: "lost" });
        await this.#sleep(lasted() < LOOK_EVERY ? POLL : LATER_POLL);
      }
    });
  }

  // The server may be away: who is in a room needs it for nothing but news.
  async #unanswered(error) {
    if (error instanceof Away) return null;
    if (error instanceof Refusal && error.status === 401) await this.#askAgain().catch(() => {}); // the token is too old
    else throw error;
    return null;
  }

  async #askAgain({ here = false } = {}) {
    const joined = await this.#joinWithPass(0, { here });
    if (!this.#isOver) this.#joined = joined;
  }

  #mend(why) {
    clearTimeout(this.#telling);
    this.#mended = why;
    this.#isTold = false;
    this.#telling = setTimeout(() => this.#tell(), STILL_FOR[why]);
  }

  // LiveKit has tried all that it knows, or somebody wants us out.
  async #fellOut(room, why) {
    if (this.#liveKitCall !== room) return;
    this.#peer = this.#liveKitCall = this.#bot = null;
    room.close();
    if (why === "closed") return this.#finish("ended", { reason: "room_gone" });
    if (CLOSED[why]) return this.#finish("problem", { kind: CLOSED[why] });
    this.#mend("line");
    await this.#guarded(async () => {
      await this.#ask({ wait: START_WITHIN });
      await this.#enter();
    });
  }

  // Tells the bot what was written while there was none, and what the one before did not live to hear.
  #ready() {
    if (this.#isReady) return;
    this.#isReady = true;
    for (const message of [...this.#unheard.values(), ...this.#unsent.splice(0)]) this.#send(message);
  }

  #send(message) {
    if (this.#isReady && this.#peer?.send(message)) this.#unheard.set(message.id, message);
    else this.#unsent.push(message);
  }

  // What the bot itself says of what becomes of it.
  #noticed(peer, event, facts) {
    if (this.#peer !== peer) return;
    if (event === "transition" && facts.connect) this.#follow(peer, facts);
    if (event === "paused") this.#pause({ call: facts.call ?? null });
    if (event === "resumed") this.#pause(null);
    if (event === "muted" || event === "unmuted") this.#on.muted(event === "muted");
    if (event === "ends_soon") this.#on.endsSoon(facts.seconds);
    if (event === "state") this.#on.opened(facts.state);
    if (event === "notice" && typeof facts.text === "string") this.#on.notice(facts.text);
    if (event === "taken_over") this.#finish("problem", { kind: CLOSED.elsewhere });
    if (event === "handed_over") {
      this.#on.phase("handed_over");
      if (this.#liveKitCall) this.#mended = "handed_over"; // the next one comes to us
      else this.#broken(peer, "handed_over");
    }
    if (event === "parked") {
      this.#parting = "parked"; // it may still be saying so aloud: the line is its own to end
      this.#on.phase("parting");
    }
  }

  // The bot has gone to another room, and we go with it.  Our tokens are the session's, wherever it is; `connect` has the
  // rest.  What was written and not confirmed is said again there: the bot takes nothing in while it goes.
  async #follow(before, { room_url: room, connect }) {
    this.#peer = this.#liveKitCall = this.#bot = null;
    this.#silentSince = Date.now();
    this.#hadBot = this.#isReady = false;
    this.#parting = this.#epoch = null;
    before.close();
    const { token, resume_token } = this.#joined.connect;
    this.#joined = { ...this.#joined, room_url: room, connect: { token, resume_token, ...connect } };
    this.#order = { ...this.#order, room_url: room };
    this.#unsent.unshift(...this.#unheard.values());
    this.#unheard.clear();
    this.#on.moved(room, connect.provider ?? "local");
    this.#mend("moved");
    await this.#guarded(() => this.#enter());
  }

  // Tells the bot that we hear it, which it may not have been ready to learn.
  async #greet(peer, bot = null) {
    for (let i = 0; i < READY_TRIES && this.#peer === peer && this.#bot === bot && !this.#isReady; i++) {
      peer.send(rtvi.clientReady());
      await new Promise((resolve) => setTimeout(resolve, READY_WITHIN));
    }
  }

  #tellMicrophone() {
    if (!this.#liveKitCall) this.#peer?.send(rtvi.microphoneStatus(Boolean(this.#microphone) && !this.#isMuted));
  }

  // Looks after a line for as long as it is up: now and then, even if it sounds well.
  async #watch(peer) {
    while (this.#peer === peer) {
      await this.#suspect(peer);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    }
  }

  // Is the bot at the other end still the one that has the session?  A silence alone proves nothing: the
  // network may be slow, or the bot.  And a session that is not on stage proves nothing while its bot is
  // heard: it may be cut off from the rest.
  async #suspect(peer) {
    if (this.#peer !== peer || this.#isLooking) return;
    this.#isLooking = true;
    let session = null;
    try {
      session = await this.#api.session(this.id, this.#joined.connect.token, { patience: LOOK_WITHIN });
      this.#isServerAway = false;
    } catch (error) {
      // A server that does not answer says nothing about the line; but nothing comes from either of the two.
      this.#isServerAway = error instanceof Away;
      if (this.#isServerAway && this.#peer === peer && !peer.isHeard) this.#shaky();
    } finally {
      this.#isLooking = false;
    }
    if (!session || this.#peer !== peer) return;
    if (ON_STAGE.has(session.state)) {
      this.#epoch ??= session.epoch ?? null;
      if (this.#epoch !== (session.epoch ?? null)) await this.#broken(peer, "lost");
    } else if (!peer.isHeard) {
      await this.#broken(peer, ON_ITS_WAY.has(session.state) ? "lost" : "line");
    }
  }

  #shaky() {
    this.#on.phase("shaky", { isServerAway: this.#isServerAway });
  }

  // The line is no more, or of no more use: find out what has become of the bot, and go on or end.
  async #broken(peer, why = "line") {
    if (this.#peer !== peer || this.#isOver) return;
    this.#peer = null;
    this.#silentSince = peer.heardAt;
    peer.close();
    this.#mended = this.#parting ?? why;
    this.#isTold = false;
    this.#telling = setTimeout(() => this.#tell(), STILL_FOR[this.#mended]);
    await this.#guarded(() => this.#hold());
  }

  #tell() {
    clearTimeout(this.#telling);
    this.#isTold = true;
    if (!this.#isOver) this.#on.phase("mending", { why: this.#mended });
  }

  async #look({ patience } = {}) {
    try {
      return await this.#api.session(this.id, this.#joined.connect.token, { patience });
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
        if (i > 0 && !this.#isOver) this.#lastLine ? this.#tell() : this.#on.phase("calling");
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
    let callOff;
    const wasWoken = await new Promise((resolve) => {
      this.#wake = () => resolve(true);
      window.addEventListener("online", this.#wake, { once: true });
      callOff = after(ms, () => resolve(false));
    });
    callOff();
    window.removeEventListener("online", this.#wake);
    this.#check();
    return wasWoken;
  }

  // Whatever stops a call is shown.
  async #guarded(act) {
    if (this.#isMending) return;
    this.#isMending = true;
    try {
      await this.#shown(act);
    } finally {
      this.#isMending = false;
    }
  }

  async #shown(act) {
    try {
      await act();
    } catch (error) {
      if (error instanceof Over) return;
      if (!(error instanceof Refusal)) console.error(error);
      if (error.status === 410) this.#finish("ended", { reason: error.reason });
      else {
        const kind = this.#lastLine && error.kind === "blocked" ? "lost" : (error.kind ?? "other");
        this.#finish("problem", { kind, retryAfter: error.retryAfter });
      }
    }
  }

  #check() {
    if (this.#isOver) throw new Over();
  }

  #finish(phase, facts) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#putDown();
    this.#on.phase(phase, facts);
    this.#wake();
  }

  #putDown() {
    clearTimeout(this.#telling);
    this.#peer?.close();
    this.#peer = this.#liveKitCall = null;
  }
}

// Daily's own page of a room, with the pass for it.
function daily({ url, room_token: token }) {
  const page = new URL(url);
  page.searchParams.set("t", token);
  return page.protocol === "https:" ? page.href : null;
}
