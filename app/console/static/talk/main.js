// The talk page: what the person does, what happens to the call, and what the page shows of it.

import { Api } from "./api.js";
import { Call } from "./call.js";
import { Choosing } from "./choosing.js";
import { forum, names, tries } from "./fresh.js";
import * as identity from "./identity.js";
import { Meter } from "./meter.js";
import { Microphone } from "./microphone.js";
import { Transcript } from "./transcript.js";
import { View } from "./view.js";
import { ALONG, AT_ONCE, AWAY, BACK, DAILY, GOES_ON, HAS_A_BOT, KEY, MUTED, NO_CAMERA, SILENT, STAYS_PAUSED, UNANSWERED, WALK, ending, endsSoon, hint, invited, mended, mending, pausing, problem, queue, speaks, stays } from "./words.js";

const choosing = new Choosing();
const view = new View({ choose, way: go, key: tryLink, mute: toggleMute, camera: toggleCamera, walk, hangUp, microphone: changeMicrophone, write, invite });
const transcript = new Transcript(view.log);
const meter = new Meter((levels) => view.levels(levels));
const otherTabs = "BroadcastChannel" in window ? new BroadcastChannel("greenroom.talk") : null;
const thisTab = crypto.getRandomValues(new Uint32Array(1))[0];

let call = null;
let microphone = null;
let isInWriting = false; // how the last call was begun
let isMuted = false;
let isShown = false; // by a camera
let hasCameras = false; // whether the room lets people show themselves
let leaving = Promise.resolve(); // the last call's bot, on its way out
const doing = { you: false, bot: false, thinking: false, tools: new Set() };
let company = []; // who is in the room, if it is one that several share
let place = null; // the room of the call
let home = null; // the one that it came to the forum from
let isGoing = false; // to another room, as the person has asked
let paused = null; // why the bot neither hears nor speaks, while it is paused
let isBotMuted = false; // by an admin: it hears, and neither thinks nor speaks
let isHeard = true; // whether the browser lets their voices be heard
let dailyPage = null;
let bot = "The bot"; // as a sentence begins with it
let expected = {}; // whom the person has asked to talk with
let isDemo = false; // whether it follows only a few sentences, which the page tells
let isOurs = false; // whether it is our bot, which surely takes what one says and writes
let hears = true; // whether it takes sound, as far as it says

const ways = {
  talk: () => begin(),
  rejoin: () => begin(),
  again: () => begin(),
  retry: () => begin({ inWriting: isInWriting }),
  here: () => begin({ inWriting: isInWriting }),
  type: () => begin({ inWriting: true }),
  now: () => call?.tryNow(),
  stop: hangUp,
  leaveLine: hangUp,
  hear: () => call?.hear(),
  resume,
  forum: () => window.open(identity.address(forum), "_blank"),
  daily: () => location.assign(dailyPage),
  own: () => {
    identity.useOwnRoom();
    begin({ inWriting: isInWriting });
  },
};

function go(way) {
  ways[way]();
}

// Before a call

async function open() {
  identity.takeLink();
  if (!identity.hasWayIn()) return showLocked(KEY.missing);
  if (!("RTCPeerConnection" in window)) return showProblem("unsupported");
  showIdle();
  const isKnown = choosing.open(new Api());
  const isBack = await offerToComeBack();
  await isKnown;
  if (call) return;
  view.choices(choosing.shown);
  if (choosing.amiss && !isBack) showIdle();
}

function showLocked([title, more]) {
  view.cue({ state: "locked", title, more, focus: "key" });
}

function showIdle() {
  view.cue({
    state: "idle",
    title: "Say hello",
    more: choosing.amiss || "Your bot is waiting in the wings.",
    ways: ["talk", "type"],
  });
}

function choose(picked) {
  choosing.choose(picked);
  identity.keepCall(null); // the bot that was here is another
}

// After a reload the bot is still there: one click leads back to it.  Returns whether that is offered.
async function offerToComeBack() {
  const kept = identity.keptCall();
  if (!kept || kept.from !== identity.room()) return false;
  let session = null;
  try {
    session = await new Api(identity.passFor(kept.from)).session(kept.id, kept.token);
  } catch {
    // It will be asked again when the call begins.
  }
  if (call || !session || session.state === "ended") return false;
  transcript.bringBack(kept.turns ?? []);
  view.cue({
    state: "idle",
    title: "Your bot is still there",
    more: "It waits for you, and remembers what was said.",
    ways: ["rejoin", "type"],
  });
  transcript.toEnd(); // it could not be scrolled before it was shown
  return true;
}

function tryLink(text) {
  const found = identity.wayIn(text);
  if (!found) return view.keyIsWrong(KEY.unreadable);
  view.keyIsWrong("");
  view.emptyKey();
  identity.keepWayIn(found);
  open();
  view.focus("title");
}

// A call

async function begin({ inWriting = false } = {}) {
  if (call) return;
  isInWriting = inWriting;
  meter.wake();
  view.voice.play?.().catch(() => {}); // within the click, so that the bot may be heard later
  const room = identity.room();
  const provider = identity.provider();
  const kept = identity.keptCall();
  const isSame = kept?.from === room && transcript.turns.length > 0;
  if (!isSame) view.desk.show({});
  isMuted = isShown = hasCameras = false;
  microphone = null;
  company = [];
  isHeard = true;
  paused = place = null;
  isBotMuted = false;
  hears = true;
  home = isSame ? (kept.home ?? null) : null;
  isGoing = false;
  const needsMicrophone = !inWriting && provider !== "daily"; // Daily's own page asks for it
  const api = new Api();
  const current = new Call({
    api,
    admission: (how) => identity.admission((credential, wish) => api.pass(credential, wish), how),
    microphone: null,
    on: listeners(() => call === current),
    wish: () => expected,
    before: isSame ? kept : null,
  });
  call = current;
  view.cue({
    state: "calling",
    title: needsMicrophone ? "May I hear you?" : "Calling the bot",
    more: needsMicrophone ? "Your browser asks for the microphone." : "",
    ways: ["stop"],
    line: "Connecting",
    focus: "title",
  });
  if (needsMicrophone && !(await takeMicrophone())) return;
  await Promise.all([leaving, choosing.known]);
  if (call !== current) return;
  expected = isSame ? {} : choosing.wish;
  if (!isSame) transcript.clear();
  if (room && provider === "local") otherTabs?.postMessage({ room, tab: thisTab });
  await current.start();
}

// Whether the call may go on.
async function takeMicrophone() {
  const current = call;
  try {
    const opened = await Microphone.open();
    if (call !== current) {
      opened.close();
      return false;
    }
    await adopt(opened);
    return true;
  } catch (error) {
    if (call === current) current.letGo(error.kind ?? "microphone-missing");
    return false;
  }
}

async function adopt(opened) {
  if (!call) return opened?.close(); // the call has ended while the browser asked
  microphone?.close();
  microphone = opened;
  meter.listen("you", opened?.stream);
  opened?.onLost(microphoneLost);
  await call.useMicrophone(opened);
  showMicrophone();
}

async function microphoneLost() {
  if (!call) return;
  view.announce("The microphone is gone.");
  try {
    await adopt(await Microphone.open());
  } catch {
    if (!call) return;
    await adopt(null);
    view.title("The microphone is gone; you can write");
  }
}

async function showMicrophone() {
  view.muted({ isMuted, hasMicrophone: Boolean(microphone) });
  view.microphones(await Microphone.all(), microphone?.deviceId ?? null);
}

async function changeMicrophone(deviceId) {
  if (!call || !deviceId) return;
  try {
    await adopt(await Microphone.open(deviceId));
  } catch (error) {
    sayBriefly(problem(error.kind)[0]);
    showMicrophone();
  }
}

async function toggleMute() {
  if (!call) return;
  if (!microphone) {
    try {
      await adopt(await Microphone.open());
    } catch (error) {
      sayBriefly(problem(error.kind)[0]);
    }
    return;
  }
  isMuted = !isMuted;
  call.mute(isMuted);
  view.muted({ isMuted, hasMicrophone: true });
  showWhoSpeaks();
}

// A camera is off until the person asks for it.
async function toggleCamera() {
  const current = call;
  if (!current) return;
  isShown = !isShown;
  showCamera();
  try {
    await current.show(isShown);
  } catch (error) {
    if (call !== current) return;
    isShown = false;
    sayBriefly(error.name === "NotAllowedError" ? NO_CAMERA.refused : NO_CAMERA.missing);
  }
  showCamera();
}

function showCamera() {
  view.camera({ isAllowed: Boolean(call) && hasCameras, isShown });
}

// To the forum, where several can be, or back from it.  The bot comes along, with all that it knows.
async function walk() {
  const current = call;
  const isThere = place === forum;
  isGoing = true;
  showWalk();
  try {
    await current.move(isThere ? home : forum, isThere ? "voice" : "forum");
  } catch (error) {
    if (call === current) stay(stays(error.kind));
  } finally {
    if (call === current) isGoing = false;
    showWalk();
  }
}

// A bot that does not go on is no reason to give the call up.
async function resume() {
  const current = call;
  try {
    await current?.resume();
  } catch {
    if (call === current) sayBriefly(STAYS_PAUSED);
  }
}

function stay(why) {
  if (why) return sayBriefly(why);
  sayBriefly(HAS_A_BOT);
  view.ways(["forum"]);
}

function showWalk() {
  const isThere = place === forum;
  const label = isThere ? home && WALK.back : WALK.there;
  view.walk(call && forum && place ? label : null, { isGoing });
}

function write(text) {
  const id = call?.say(text);
  if (!id) return false;
  gapEnd = null;
  transcript.wrote(text, id);
  keep();
  return true;
}

function hangUp() {
  if (!call) return;
  const ended = call.hangUp();
  leaving = Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 12_000))]);
}

// What happens to the call

function listeners(isCurrent) {
  const here = (act) => (...facts) => isCurrent() && act(...facts);
  return {
    phase: here((phase, facts = {}) => phases[phase](facts)),
    voice: here(hearVoice),
    bot: here(meet),
    ready: here((can) => {
      hears = can.audio_in !== false;
      showWhoSpeaks();
      gapEnds();
    }),
    paused: here(showPause),
    muted: here(showBotMuted),
    endsSoon: here((seconds) => sayBriefly(endsSoon(seconds))),
    room: here((url, provider) => provider !== "local" && (url === call.ticket.from ? showRoom(url) : view.room(url))),
    moved: here((url, provider) => {
      if (url === forum) home = place;
      place = url;
      showWalk();
      forgetWhoSpeaks();
      showCompany([]);
      view.picture(null);
      view.faces([]);
      isShown = hasCameras = false; // until the new room says so
      showCamera();
      openGap("moved", url === forum ? ALONG.there : url === call.ticket.from ? ALONG.back : undefined);
      sayBriefly(mending("moved").title);
      if (provider !== "local") view.room(url);
    }),
    people: here((people) => showCompany(people)),
    picture: here((track) => view.picture(track)),
    faces: here((faces) => {
      isShown = faces.some(({ isMe }) => isMe);
      view.faces(faces);
      showCamera();
    }),
    cameras: here((isAllowed) => {
      hasCameras = isAllowed;
      showCamera();
    }),
    opened: here((state) => view.desk.show(state)),
    notice: here((text) => {
      transcript.note(text);
      view.announce(text);
      keep();
    }),
    sound: here((isOn) => {
      isHeard = isOn;
      if (!paused) view.ways(isHeard ? [] : ["hear"]);
      showWhoSpeaks();
    }),
    userSaid: here((said) => {
      transcript.userSaid({ ...said, by: call.nameOf(said.by) });
      if (said.isFinal) keep();
    }),
    botSaid: here((said) => (transcript.botSaid(said), said.isDone && keep())),
    interrupted: here(() => transcript.interrupted()),
    newBot: here((why) => {
      transcript.newBot();
      openGap(why);
    }),
    speaking: here((who, isSpeaking) => {
      if (who === "you" && company.length) return; // it may be anybody: the room knows who
      doing[who] = isSpeaking;
      if (who === "bot" && isSpeaking) {
        doing.thinking = false;
        if (brief.untilSpeaking) brief.until = 0;
        if (gapEnd) heardAgain(); // which is what counts
      }
      if (who === "you" && isSpeaking) gapEnd = null; // what the bot says after this is an answer to it
      showWhoSpeaks();
    }),
    thinking: here((isThinking) => {
      doing.thinking = isThinking;
      if (isThinking) transcript.newAnswer();
      showWhoSpeaks();
    }),
    working: here((tool, isWorking) => {
      if (isWorking) doing.tools.add(tool);
      else doing.tools.delete(tool);
      showWhoSpeaks();
    }),
    error: here(({ isFatal }) => !isFatal && sayBriefly("The bot stumbled; say it again")),
  };
}

const phases = {
  calling() {
    view.cue({ state: "calling", title: "Calling the bot", ways: ["stop"], line: "Connecting" });
  },
  queued({ position }) {
    const [title, more] = queue(position);
    const ways = [position ? "leaveLine" : "stop"];
    view.cue({ state: "calling", title, more, ways, line: position ? `Number ${position} in the line` : "Waiting for a bot" });
  },
  live({ isNewLine = false, isNewBot = false }) {
    if (isNewLine) forgetWhoSpeaks();
    const wasMending = document.body.dataset.state === "mending";
    const isFirst = document.body.dataset.state === "calling";
    showLive();
    if (isNewBot && gap?.why !== "handed_over") sayBriefly(wasMending ? BACK : AT_ONCE, { untilSpeaking: true });
    if (gap) setTimeout((of) => gap === of && gapEnds(), READY_AT_LAST, gap); // it may be one that never says so
    showWhoSpeaks();
    showMicrophone();
    place ??= call.ticket?.room ?? null;
    showWalk();
    view.startClock();
    if (isFirst) view.focus(microphone ? "title" : "words");
    keep();
  },
  shaky({ isServerAway = false } = {}) {
    view.line(isServerAway ? UNANSWERED : "The line is weak");
  },
  // The bot says that it will be gone for a while; we hear it out.
  parting() {
    sayBriefly(mending("parked").title);
  },
  // Another worker's bot has the call: mostly we are there before anybody would have noticed.
  handed_over() {
    forgetWhoSpeaks();
    const { title, line } = mending("handed_over");
    sayBriefly(title);
    view.line(line);
    openGap("handed_over");
  },
  mending({ why }) {
    forgetWhoSpeaks();
    const { title, more, line } = mending(why);
    const isInRoom = company.length > 0 && why !== "line"; // the room is there, and who else is in it
    view.cue({ state: "mending", title, more, line: isInRoom ? "Waiting for the bot" : line });
    openGap(why);
  },
  away({ seconds }) {
    forgetWhoSpeaks();
    const [title, why] = AWAY;
    view.cue({
      state: "away",
      title,
      more: `${why} Next try in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`,
      ways: ["now", "stop"],
      line: "Not connected",
    });
  },
  ended({ reason, byMe, isLast, wasQueued }) {
    const [title, more] = ending(reason, { byMe, isLast, wasQueued });
    const lasted = close();
    identity.keepCall(null);
    const isUndone = byMe && !lasted && !wasQueued;
    view.cue({
      state: "ended",
      title: isUndone ? "You changed your mind" : title,
      more: isUndone ? "Nothing was started." : lasted ? `${more} You talked for ${lasted}.` : more,
      ways: ["again", "type"],
      focus: "title",
    });
  },
  // The bot is there; the rest is Daily's.
  daily({ url }) {
    close();
    dailyPage = url;
    if (!url) return showProblem("other");
    const [title, more] = DAILY;
    view.cue({ state: "ended", title, more, ways: ["daily"], focus: "title" });
  },
  problem({ kind, retryAfter }) {
    close();
    if (kind === "unauthorized" || kind === "pass-expired") {
      identity.keepWayIn(null);
      return showLocked(KEY.wrong);
    }
    showProblem(kind, { retryAfter });
  },
};

function showProblem(kind, facts) {
  const [title, more, ways] = problem(kind, facts);
  view.cue({ state: "problem", title, more, ways, focus: "title" });
}

// Puts everything away that belongs to a call; returns how long it was.
function close() {
  call = null;
  microphone?.close();
  microphone = null;
  meter.rest();
  view.voice.srcObject = null;
  view.picture(null);
  view.faces([]);
  isShown = hasCameras = false;
  showCamera();
  showWalk();
  showCompany([]);
  gap = gapEnd = null;
  brief.until = 0;
  view.announce(""); // who reads the next call by ear is not told what befell this one
  transcript.interrupted();
  transcript.interim("");
  forgetWhoSpeaks();
  return view.stopClock();
}

// A bot of ours has a character with a name; those of others are called what they are.
function meet(joined) {
  const { bot: kind, personality, persona } = joined;
  const isAnother = joined.reused && Object.entries(expected).some(([name, value]) => joined[name] !== value);
  if (isAnother) transcript.note(GOES_ON);
  isOurs = kind === "assistant";
  isDemo = isOurs && tries.length > 0;
  const name = persona ?? (isOurs ? names[personality] : null);
  bot = name ?? "The bot";
  view.bot = name ?? "Bot";
  transcript.botIs(view.bot);
}

function hearVoice(stream, { isPlayed = false } = {}) {
  if (!isPlayed) {
    view.voice.srcObject = stream;
    view.voice.play().catch(() => {});
  }
  meter.listen("bot", stream);
}

// A room that several share

function showRoom(url) {
  identity.shareRoom(url);
  view.room(url);
}

function showCompany(people) {
  const before = new Map(company.map((one) => [one.id, one]));
  const now = new Set(people.map(({ id }) => id));
  const isOther = (one) => !one.isMe && !one.isBot;
  if (company.length && people.length) {
    for (const one of people) if (isOther(one) && !before.has(one.id)) view.news(`${one.name} has come in`);
    for (const one of company) if (isOther(one) && !now.has(one.id)) view.news(`${one.name} has left`);
  }
  company = people;
  doing.you = people.some(({ isMe, isSpeaking }) => isMe && isSpeaking);
  showChips();
  showWhoSpeaks();
}

// Our bot is shown as muted while it says nothing, and not by its line: the line is open all the same.
function showChips() {
  const isSilent = isBotMuted || paused !== null;
  view.company(company.map((one) => (one.isBot ? { ...one, isMuted: isSilent && !one.isForeign } : one)));
}

async function invite() {
  try {
    const pass = identity.passFor(place); // to a room that the bot has taken us to there is none
    const given = pass ? await new Api().pass(pass, { invitation: true }) : await call.invitation();
    const { link, isForHereOnly } = identity.invitation(place, given.pass);
    const told = invited({ isForHereOnly, isForThisCall: !pass });
    view.invited(told, (await copied(link)) ? null : link);
  } catch {
    sayBriefly("The invitation could not be made; try again");
  }
}

// A browser lends the clipboard to secure pages alone.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function forgetWhoSpeaks() {
  doing.you = doing.bot = doing.thinking = false;
  doing.tools.clear();
  view.speaking(null);
}

// A bot that went and came back leaves a line in the transcript where it was gone.
let gap = null; // {why, since, reword}

let gapEnd = null; // the gap that was closed last, for as long as the bot's next words may be the end of its silence
const READY_AT_LAST = 3_000; // ms after which a bot that is there is taken for ready
const SPEAKS_WITHIN = 8_000; // ms in which a bot that is back says what it still owes

function openGap(why, note = mending(why).note) {
  if (!note || gap?.why === why) return;
  transcript.newBot();
  if (gap) gap.reword(note);
  else gap = { since: call?.silentSince ?? Date.now(), reword: transcript.note(note) };
  gap.why = why;
  gapEnd = null;
  keep();
}

// The bot is ready.  Should it still owe an answer, its silence ends with its voice.
function gapEnds() {
  if (!gap) return;
  sayHowLong(gap);
  gapEnd = gap;
  gap = null;
  setTimeout((of) => gapEnd === of && (gapEnd = null), SPEAKS_WITHIN, gapEnd);
}

function heardAgain() {
  sayHowLong(gapEnd);
  gapEnd = null;
}

function sayHowLong({ why, since, reword }) {
  const afterwards = mended(why, Date.now() - since);
  if (afterwards) reword(afterwards);
  keep();
}

const brief = { text: "", until: 0, untilSpeaking: false }; // a short notice in the place of who is speaking

function sayBriefly(text, { untilSpeaking = false } = {}) {
  Object.assign(brief, { text, until: Date.now() + 4_000, untilSpeaking });
  view.title(text);
  view.announce(text);
  setTimeout(showWhoSpeaks, 4_100);
}

function showLive() {
  if (paused) {
    const [title, more] = pausing(paused);
    return view.cue({ state: "live", title, more, ways: ["resume"], line: "Paused" });
  }
  if (isBotMuted) {
    const [title, more] = MUTED;
    return view.cue({ state: "live", title, more, ways: isHeard ? [] : ["hear"], line: "Bot muted" });
  }
  view.cue({ state: "live", title: "", more: isDemo ? hint(tries) : "", ways: isHeard ? [] : ["hear"], line: "Connected" });
}

// The bot is paused, or goes on, on whichever page somebody asked for that.
function showPause(why) {
  paused = why;
  showChips();
  if (document.body.dataset.state !== "live") return;
  forgetWhoSpeaks();
  showLive();
  showWhoSpeaks();
  if (paused) view.announce(pausing(paused)[0]);
}

// An admin has muted the bot, or let it speak again.
function showBotMuted(isSilenced) {
  if (isSilenced === isBotMuted) return;
  isBotMuted = isSilenced;
  showChips();
  if (document.body.dataset.state !== "live") return;
  doing.bot = doing.thinking = false;
  doing.tools.clear();
  showLive();
  showWhoSpeaks();
  if (isBotMuted && !paused) view.announce(MUTED[0]);
}

function showWhoSpeaks() {
  if (document.body.dataset.state !== "live") return;
  if (paused) {
    view.speaking(null);
    return view.title(pausing(paused)[0]);
  }
  const does = isBotMuted ? null : doing.bot ? "bot" : doing.tools.size ? "working" : doing.thinking ? "thinking" : null;
  const who = doing.you && !isMuted ? "you" : does;
  view.speaking(who);
  if (Date.now() < brief.until) return view.title(brief.text);
  if (!isHeard) return view.title(SILENT);
  const others = company.filter((one) => one.isSpeaking && !one.isMe && !one.isBot);
  if (others.length && who !== "bot" && who !== "you") return view.title(speaks(others.map(({ name }) => name)));
  view.title(
    { you: "I hear you", bot: `${bot} is speaking`, working: `${bot} is using a tool`, thinking: `${bot} is thinking` }[who] ?? idle(),
  );
}

// What the page says while nobody does anything.  Of a bot of somebody else's only they know whether it takes what is written.
function idle() {
  if (microphone && isMuted) return "You are muted";
  if (isBotMuted) return MUTED[0];
  if (microphone && hears) return "Listening";
  return isOurs ? "Write to me" : `${bot} is here`;
}

function keep() {
  if (call?.ticket) identity.keepCall({ ...call.ticket, home, turns: transcript.turns });
}

// Two tabs in one room would push each other out: the later one has it.
otherTabs?.addEventListener("message", ({ data }) => {
  if (call && data.tab !== thisTab && data.room === identity.room()) call.letGo("elsewhere");
});
// A call waits for a reload; a place in the line does not, unless something was said before.
window.addEventListener("pagehide", () => {
  if (call?.isQueued && !identity.keptCall()) return hangUp();
  keep();
  call?.leaveBehind();
  call = null; // what is still told of it changes nothing that was kept
});
// A page that the browser had put aside whole has left its call behind: the ticket leads back.
window.addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
Microphone.onChange(() => call && showMicrophone());
window.addEventListener("hashchange", () => {
  if (!call && identity.wayIn(location.hash)) open();
});

open();
