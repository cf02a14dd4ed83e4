// The page's elements, and how they look in each state; it decides nothing.

import { Desk } from "./desk.js";
import { WAYS, duration } from "./words.js";

const BULBS = 21;
const TICK = 1_000; // ms
const QUIET = new Set(["stop", "leaveLine"]); // ways that are never the obvious one

const MUTED = document.createElement("template"); // beside the name of whoever is
MUTED.innerHTML = '<span class="unseen">, muted</span><svg aria-hidden="true"><use href="#i-mic-off"/></svg>';

const FACE = document.createElement("template");
FACE.innerHTML = "<figure><video autoplay muted playsinline disablepictureinpicture></video><figcaption></figcaption></figure>";

const $ = (id) => document.getElementById(id);

export class View {
  #bulbs = [];
  #clock = 0;
  #since = null;
  #shownWays = "";

  // on: choose({whom, how}), way(name), key(text), mute(), camera(), walk(), hangUp(), microphone(deviceId), write(text), invite()
  constructor(on) {
    this.log = { pages: $("pages"), log: $("log"), interim: $("interim"), blank: $("blank") };
    this.voice = $("voice");
    this.desk = new Desk($("desk"));
    this.#on = on;
    for (let i = 0; i < BULBS; i++) this.#bulbs.push($("footlights").appendChild(document.createElement("i")));
    $("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      on.key($("key").value);
    });
    $("choice").addEventListener("submit", (event) => event.preventDefault());
    $("choice").addEventListener("change", () => on.choose({ whom: $("whom").value, how: $("how").value }));
    $("write").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = $("words").value.trim();
      if (text && on.write(text)) $("words").value = "";
    });
    $("mute").addEventListener("click", () => on.mute());
    $("camera").addEventListener("click", () => on.camera());
    $("walk").addEventListener("click", () => on.walk());
    $("hang-up").addEventListener("click", () => on.hangUp());
    $("invite").addEventListener("click", () => on.invite());
    $("microphone").addEventListener("change", (event) => on.microphone(event.target.value));
  }

  #on;
  bot = "Bot"; // what it is called
  #isBeforeCall = false; // and no call is offered that goes on

  // groups: {label, options: {value, name, about}[]}[]; whom and how: what is chosen; hasPictures: whether `how` is a question
  choices({ groups, whom, how, hasPictures }) {
    const parts = groups.map(({ label, options }) => {
      const group = document.createElement("optgroup");
      group.label = label;
      group.append(...options.map(({ value, name, about }) => new Option(about ? `${name}: ${about}` : name, value)));
      return group;
    });
    $("whom").replaceChildren(...parts);
    $("whom").value = whom;
    $("how").value = how;
    $("how-part").hidden = !hasPictures;
    this.#showChoice();
  }

  #showChoice() {
    $("choice").hidden = !this.#isBeforeCall || !$("whom").length;
  }

  // state: what the stage looks like; ways: what the person can do, the first being the obvious one
  cue({ state, title, more = "", ways = [], line = "", focus = false }) {
    const focused = document.activeElement;
    document.body.dataset.state = state;
    this.title(title);
    setText($("more"), more);
    this.ways(ways);
    this.line(line);
    $("key-form").hidden = state !== "locked";
    this.#isBeforeCall = ["idle", "ended", "problem"].includes(state) && !ways.includes("rejoin");
    this.#showChoice();
    $("controls").hidden = !["live", "mending"].includes(state);
    $("room").hidden = !["live", "mending"].includes(state) || !$("room-name").textContent;
    $("script").hidden = !["live", "mending"].includes(state) && !$("log").childElementCount;
    $("write").hidden = !["live", "mending"].includes(state);
    $("send").disabled = $("write").hidden;
    if (focus) this.focus(focus);
    else if (focused.isConnected && focused !== document.body && !isShown(focused)) this.focus("title");
  }

  title(text) {
    setText($("title"), text);
  }

  line(text) {
    setText($("line-text"), text);
    $("line").classList.toggle("empty", !text);
  }

  // Said to a screen reader, and nowhere else.
  announce(text) {
    $("alert").textContent = "";
    requestAnimationFrame(() => ($("alert").textContent = text));
  }

  focus(what) {
    const target = { title: $("title"), words: $("words"), key: $("key") }[what];
    target?.focus({ preventScroll: true });
  }

  keyIsWrong(text) {
    $("key-wrong").textContent = text;
    $("key").setAttribute("aria-invalid", String(Boolean(text)));
    $("key").setAttribute("aria-describedby", "key-wrong");
    if (text) $("key").focus();
  }

  emptyKey() {
    $("key").value = "";
  }

  // microphones: MediaDeviceInfo[]; chosen: the id of the one in use, or null for none
  microphones(microphones, chosen) {
    const options = microphones.map(({ deviceId, label }, i) => new Option(label || `Microphone ${i + 1}`, deviceId));
    $("microphone").replaceChildren(...options);
    $("microphone").value = chosen ?? "";
    $("pick").hidden = !chosen;
  }

  muted({ isMuted, hasMicrophone }) {
    document.body.classList.toggle("is-muted", isMuted || !hasMicrophone);
    $("mute").classList.toggle("is-off", isMuted || !hasMicrophone);
    $("mute").classList.toggle("is-muting", isMuted && hasMicrophone);
    setText($("mute-label"), !hasMicrophone ? "Use microphone" : isMuted ? "Unmute" : "Mute");
  }

  speaking(who) {
    if (who) document.body.dataset.speaking = who;
    else delete document.body.dataset.speaking;
  }

  levels({ bot = 0, you = 0 }) {
    $("stage").style.setProperty("--voice", bot.toFixed(3));
    const lit = Math.round(you * Math.ceil(BULBS / 2));
    const middle = (BULBS - 1) / 2;
    this.#bulbs.forEach((bulb, i) => bulb.classList.toggle("lit", lit > 0 && Math.abs(i - middle) < lit));
  }

  startClock() {
    this.#since ??= Date.now();
    clearInterval(this.#clock);
    this.#clock = setInterval(() => this.#showClock(), TICK);
    $("clock").hidden = false;
    this.#showClock();
  }

  // The time that was on the clock.
  stopClock() {
    const shown = this.#since === null ? null : duration(Math.max(1, Math.round((Date.now() - this.#since) / 1000)));
    clearInterval(this.#clock);
    this.#since = null;
    $("clock").hidden = true;
    return shown;
  }

  #showClock() {
    setText($("clock"), onTheClock(Date.now() - this.#since));
  }

  // The room that several share: its name, as it stands in its URL.
  room(url) {
    setText($("room-name"), url.split("/").pop());
    $("room-name").title = url;
  }

  // people: {id, name, isMe, isBot, isSpeaking, isMuted}
  company(people) {
    const shown = new Map([...$("people").children].map((one) => [one.dataset.id, one]));
    const parts = people.map((person) => {
      const one = shown.get(person.id) ?? document.createElement("li");
      one.dataset.id = person.id;
      one.classList.toggle("speaks", person.isSpeaking);
      one.classList.toggle("is-bot", person.isBot);
      const name = person.isBot && !person.isForeign ? this.bot : person.isMe ? "You" : person.name;
      one.classList.toggle("is-silent", person.isMuted);
      setText(one, person.isMuted ? `${name}, muted` : name);
      if (person.isMuted) one.replaceChildren(name, ...MUTED.content.cloneNode(true).children);
      return one;
    });
    const isSame = parts.length === shown.size && parts.every((one, i) => $("people").children[i] === one);
    if (!isSame) $("people").replaceChildren(...parts);
    if (!people.length) {
      setText($("invited"), "");
      $("invite-link").hidden = true;
    }
  }

  // link: only where it could not be copied, so that the person can
  invited([title, more, label], link) {
    setText($("invited"), link ? more : `${title}. ${more}`);
    $("invite-link").hidden = !link;
    if (!link) return;
    $("invite-link").setAttribute("aria-label", label);
    $("invite-link").value = link;
    $("invite-link").focus();
    $("invite-link").select();
  }

  // Said to a screen reader when it has the time.
  news(text) {
    setText($("news"), text);
  }

  // A camera's picture of the bot, as a track; null for none.
  picture(track) {
    const video = $("picture");
    if (track) track.attach(video);
    else video.srcObject = null;
    document.body.classList.toggle("has-picture", Boolean(track));
  }

  // Whether the person may show themselves, and does.
  camera({ isAllowed, isShown }) {
    $("camera").hidden = !isAllowed;
    $("camera").classList.toggle("is-off", !isShown);
    $("camera").setAttribute("aria-pressed", String(isShown));
    setText($("camera-label"), isShown ? "Hide me" : "Show me");
  }

  // label: where the person may go with the bot; null for nowhere
  walk(label, { isGoing = false } = {}) {
    $("walk").hidden = !label;
    $("walk").disabled = isGoing;
    setText($("walk-label"), label ?? "");
  }

  // faces: {id, name, isMe, track} of everybody whose camera is on
  faces(faces) {
    const shown = new Map([...$("faces").children].map((one) => [one.dataset.id, one]));
    const parts = faces.map(({ id, name, isMe, track }) => {
      const one = shown.get(id) ?? FACE.content.firstElementChild.cloneNode(true);
      one.dataset.id = id;
      one.classList.toggle("is-me", isMe);
      const video = one.querySelector("video");
      if (one.dataset.track !== track.mediaStreamID) track.attach(video);
      one.dataset.track = track.mediaStreamID;
      setText(one.querySelector("figcaption"), isMe ? "You" : name);
      return one;
    });
    const isSame = parts.length === shown.size && parts.every((one, i) => $("faces").children[i] === one);
    if (!isSame) $("faces").replaceChildren(...parts);
    document.body.classList.toggle("has-faces", parts.length > 0);
  }

  // Buttons are only made anew when they change, so that one in focus stays in focus.
  ways(ways) {
    if (ways.join() === this.#shownWays) return;
    this.#shownWays = ways.join();
    $("ways").replaceChildren(
      ...ways.map((way, i) => {
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.way = way;
        button.className = i === 0 && !QUIET.has(way) ? "primary" : "quiet";
        button.textContent = WAYS[way];
        button.addEventListener("click", () => this.#on.way(way));
        return button;
      }),
    );
  }
}

function isShown(element) {
  return element.checkVisibility?.() ?? element.offsetParent !== null;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function onTheClock(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
