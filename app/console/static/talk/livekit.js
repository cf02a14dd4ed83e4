// A room of LiveKit: who is in it, their voices, and what is said between us and its bot.

const LIBRARY = "/vendor/livekit-client.umd.js";
const BOT = "bot:"; // what a bot's identity begins with, and nobody else's
const CAMERA = 1; // as LiveKit numbers the sources of tracks
const OURS = /^talk-.*(....)$/; // an identity that this page made up

async function library() {
  if (!globalThis.LivekitClient) await import(LIBRARY);
  return globalThis.LivekitClient;
}

// What a participant is if it is a bot of ours, else null.  People cannot write their own metadata.
function asBot({ identity, sid, metadata }) {
  let said = null;
  try {
    said = JSON.parse(metadata || "null")?.greenroom;
  } catch {
    // It is somebody else's.
  }
  if (said?.bot === true) return { identity, sid, epoch: said.epoch ?? null, sessionId: said.session_id ?? null };
  return identity.startsWith(BOT) ? { identity, sid, epoch: null, sessionId: null } : null;
}

export class LiveKitCall {
  #on;
  #library;
  #room;
  #bot = null; // the one that is in the room
  #isSurveying = false;
  #isMuted = false;
  #isIn = false;
  #early = []; // what a bot said before we were in, or before we had met it
  #isOver = false;
  #microphone = Promise.resolve(); // one change of it after the other

  // on: people(list), bot(bot or null), message(object), voice(stream), picture(track or null), faces(list),
  // sound(isHeard), shaky(), broken(), steady(), down(why)
  constructor({ on }) {
    this.#on = on;
  }

  // Throws if there is no way in.
  async enter({ url, room_token: token }, track, isMuted) {
    const { Room, setLogLevel } = (this.#library = await library());
    setLogLevel("error");
    this.#isMuted = isMuted;
    // The page itself closes us when it is left: LiveKit would do so earlier, and tell of it as of a line that broke.
    this.#room = new Room({ adaptiveStream: true, stopLocalTrackOnUnpublish: false, disconnectOnPageLeave: false });
    this.#listen();
    await this.#room.connect(url, token);
    await (this.#microphone = this.#publish(track ?? null));
    if (this.#room.state === "disconnected") throw new Error("out again");
    this.#isIn = true;
    this.#survey();
  }

  get name() {
    return this.#room.name;
  }

  get people() {
    const { localParticipant: me, remoteParticipants } = this.#room;
    const others = [...remoteParticipants.values()].sort((a, b) => (a.joinedAt ?? 0) - (b.joinedAt ?? 0));
    return [me, ...others].map((one) => ({
      id: one.identity,
      name: nameOf(one),
      isMe: one === me,
      isBot: one !== me && (asBot(one) !== null || one.isAgent),
      isForeign: asBot(one) === null, // a bot of somebody else's has a name of its own
      isSpeaking: one.isSpeaking,
      isMuted: !one.isMicrophoneEnabled,
    }));
  }

  // Whoever has a camera on and is no bot of ours: {id, name, isMe, track}.
  get faces() {
    const { localParticipant: me, remoteParticipants } = this.#room;
    return [me, ...remoteParticipants.values()]
      .filter((one) => one === me || asBot(one) === null)
      .map((one) => ({ id: one.identity, name: nameOf(one), isMe: one === me, track: this.#cameraOf(one) }))
      .filter(({ track }) => track);
  }

  // Whether we may show ourselves: a room of our own has no cameras.
  get hasCameras() {
    const { canPublish, canPublishSources: sources } = this.#room.localParticipant.permissions ?? {};
    return Boolean(canPublish) && (!sources?.length || sources.includes(CAMERA));
  }

  // Throws where there is no camera, or the person does not let us have it.
  async show(isShown) {
    await this.#room.localParticipant.setCameraEnabled(isShown, { resolution: { width: 640, height: 360 } });
    if (!isShown || this.#isOver) await this.#putCameraAway();
    this.#survey();
  }

  // Whose words they are: null if they are our own, or nobody knows whose.  Bots name people by identity or by stay.
  nameOf(id) {
    const { localParticipant: me, remoteParticipants } = this.#room;
    if (!id || [me.identity, me.sid].includes(id)) return null;
    const one = remoteParticipants.get(id) ?? [...remoteParticipants.values()].find(({ sid }) => sid === id);
    return one ? nameOf(one) : nameOf({ identity: id });
  }

  // To the bot, and to nobody else.
  send(message) {
    if (!this.#bot || this.#room.state !== "connected") return false;
    const payload = new TextEncoder().encode(JSON.stringify(message));
    const destinationIdentities = [this.#bot.identity];
    this.#room.localParticipant.publishData(payload, { reliable: true, destinationIdentities }).catch(() => {});
    return true;
  }

  use(track) {
    this.#microphone = this.#microphone.then(() => this.#publish(track)).catch((error) => console.error(error));
    return this.#microphone;
  }

  mute(isMuted) {
    this.#isMuted = isMuted;
    const published = this.#published;
    if (published) isMuted ? published.mute() : published.unmute();
  }

  // Within a click, where a browser plays nothing without one.
  hear() {
    return this.#room.startAudio().catch(() => {});
  }

  close() {
    this.#isOver = true;
    for (const element of [...voices().children]) element.remove();
    if (this.#room) this.#putCameraAway();
    this.#room?.disconnect(false).catch(() => {});
  }

  #cameraOf(one) {
    const published = one.getTrackPublication(this.#library.Track.Source.Camera);
    return published?.track && !published.isMuted ? published.track : null;
  }

  // So that its light goes out: a muted track would keep it.
  async #putCameraAway() {
    const me = this.#room.localParticipant;
    const track = me.getTrackPublication(this.#library.Track.Source.Camera)?.track;
    if (!track) return;
    track.stop();
    await me.unpublishTrack(track, true).catch(() => {});
  }

  get #published() {
    return this.#room.localParticipant.getTrackPublication(this.#library.Track.Source.Microphone);
  }

  async #publish(track) {
    const published = this.#published;
    if (this.#isOver || (!track && !published)) return;
    if (!track) return this.#room.localParticipant.unpublishTrack(published.track, false);
    if (published?.track) await published.track.replaceTrack(track, true);
    else {
      const { Microphone: source } = this.#library.Track.Source;
      await this.#room.localParticipant.publishTrack(track, { source, stopMicTrackOnMute: false });
    }
    this.mute(this.#isMuted);
  }

  #listen() {
    const { RoomEvent, DisconnectReason: Reason, Track } = this.#library;
    const why = {
      [Reason.DUPLICATE_IDENTITY]: "elsewhere",
      [Reason.PARTICIPANT_REMOVED]: "removed",
      [Reason.ROOM_DELETED]: "closed",
      [Reason.ROOM_CLOSED]: "closed",
    };
    const on = (events, act) => {
      for (const event of events) this.#room.on(event, (...facts) => this.#isOver || act(...facts));
    };
    const { ParticipantConnected, ParticipantDisconnected, ParticipantMetadataChanged, ParticipantNameChanged } = RoomEvent;
    const { TrackMuted, TrackUnmuted, TrackPublished, TrackUnpublished, LocalTrackPublished, LocalTrackUnpublished, ActiveSpeakersChanged } = RoomEvent;
    on([ParticipantConnected, ParticipantDisconnected, ParticipantMetadataChanged, ParticipantNameChanged], () => this.#survey());
    on([TrackMuted, TrackUnmuted, TrackPublished, TrackUnpublished, LocalTrackPublished, LocalTrackUnpublished], () => this.#survey());
    on([ActiveSpeakersChanged], () => this.#survey());
    on([RoomEvent.DataReceived], (payload, from) => this.#receive(payload, from));
    on([RoomEvent.TrackSubscribed], (track, _, from) => this.#play(track, from));
    on([RoomEvent.TrackUnsubscribed], (track, _, from) => {
      for (const element of track.detach()) element.remove();
      if (track.kind === Track.Kind.Video) asBot(from) ? this.#on.picture(null) : this.#survey();
    });
    on([RoomEvent.AudioPlaybackStatusChanged], () => this.#on.sound(this.#room.canPlaybackAudio));
    on([RoomEvent.SignalReconnecting], () => this.#on.shaky());
    on([RoomEvent.Reconnecting], () => this.#on.broken());
    on([RoomEvent.Reconnected], () => {
      this.#on.steady();
      this.#survey();
    });
    on([RoomEvent.Disconnected], (reason) => this.#isIn && this.#on.down(why[reason] ?? "line"));
  }

  // After all that comes at once: a line that breaks takes everybody out of sight, who need not have gone.
  #survey() {
    if (this.#isSurveying) return;
    this.#isSurveying = true;
    setTimeout(() => {
      this.#isSurveying = false;
      if (this.#isOver || !this.#isIn || this.#room.state !== "connected") return;
      const bots = [...this.#room.remoteParticipants.values()].map(asBot).filter(Boolean);
      const bot = bots.sort((a, b) => b.epoch - a.epoch)[0] ?? null;
      const isChanged = bot?.sid !== this.#bot?.sid || bot?.epoch !== this.#bot?.epoch;
      this.#bot = bot;
      this.#on.people(this.people);
      this.#on.faces(this.faces);
      if (isChanged) this.#on.bot(bot);
      for (const message of this.#early.splice(0)) this.#on.message(message);
    });
  }

  // Of the bot alone: anybody in the room could say that it said something.
  #receive(payload, from) {
    const bot = from && asBot(from);
    if (!bot) return;
    let message;
    try {
      message = JSON.parse(new TextDecoder().decode(payload));
    } catch {
      return;
    }
    if (!message || typeof message !== "object") return;
    const isYetToBeMet = this.#isSurveying && bot.sid !== this.#bot?.sid;
    if (this.#isIn && !isYetToBeMet) this.#on.message(message);
    else this.#early.push(message);
  }

  #play(track, from) {
    if (track.kind === this.#library.Track.Kind.Audio) {
      voices().append(track.attach());
      if (asBot(from)) this.#on.voice(new MediaStream([track.mediaStreamTrack]));
    } else if (asBot(from)) this.#on.picture(track);
    else this.#survey();
  }
}

const voices = () => document.getElementById("voices");

function nameOf({ name, identity }) {
  return name || identity.replace(OURS, "Guest $1");
}
