// What the bot has opened in the room: a note, a card, a page, the clock.  Words are put in as text.  A card is HTML that a
// model wrote: it goes into a frame in which no script runs, from which nothing is loaded, and which knows nothing of this page.

const CARD_HEAD =
  '<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src \'none\'">' +
  '<meta name="color-scheme" content="light dark">';
const TICK = 1_000; // ms
const PUBLIC = /^https:\/\/[^\s/@:]+(?:[/?#]|$)/; // an app may have opened something else in the room

function element(name, { text = "", className = "" } = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function note({ title, text, is_cut: isCut }) {
  if (typeof title !== "string" || typeof text !== "string") return [];
  return [element("h3", { text: title }), element("p", { text: isCut ? `${text} …` : text, className: "lines" })];
}

function card({ title, html }) {
  if (typeof title !== "string" || typeof html !== "string") return [];
  const frame = element("iframe");
  frame.title = title;
  frame.setAttribute("sandbox", "");
  frame.referrerPolicy = "no-referrer";
  frame.srcdoc = CARD_HEAD + html;
  return [element("h3", { text: title }), frame];
}

function page({ url }) {
  if (typeof url !== "string" || !PUBLIC.test(url)) return [];
  const link = element("a", { text: new URL(url).host });
  link.href = url;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return [element("h3", { text: "A page" }), link];
}

function applet({ id }) {
  if (typeof id !== "string") return [];
  if (id !== "clock") return [element("h3", { text: "Applet" }), element("p", { text: id })];
  const face = element("time", { className: "clock-face" });
  face.setAttribute("role", "timer"); // else a screen reader says each second
  const tick = () => {
    if (!face.isConnected && face.textContent) return clearInterval(ticking);
    face.textContent = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  };
  const ticking = setInterval(tick, TICK);
  tick();
  return [element("h3", { text: "Clock" }), face];
}

const SHOWN = { active_note: note, active_card: card, active_page: page, active_applet: applet };

export class Desk {
  #desk;
  #shown = new Map(); // by name, what is shown of it, as JSON

  constructor(desk) {
    this.#desk = desk;
  }

  // All that is open in the room, as the bot tells it.  What has not changed stays as it is: a frame would load anew.
  show(state) {
    for (const [name, made] of Object.entries(SHOWN)) {
      const value = state?.[name]?.value;
      const told = value && typeof value === "object" ? JSON.stringify(value) : "";
      if (told === (this.#shown.get(name)?.told ?? "")) continue;
      this.#shown.get(name)?.paper.remove();
      this.#shown.delete(name);
      const parts = told ? made(value) : [];
      if (!parts.length) continue;
      const paper = element("article", { className: name });
      paper.append(...parts);
      this.#desk.prepend(paper); // the newest on top, where it is seen
      this.#shown.set(name, { told, paper });
    }
    this.#desk.hidden = !this.#shown.size;
  }
}
