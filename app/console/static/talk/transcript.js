// What was said, like the pages of a play.

const YOU = "You";
const NEAR_THE_END = 60; // px from the last line, within which the pages follow what is said
const KEPT = 200; // turns that a reload brings back

export class Transcript {
  #pages;
  #height = 0; // of the pages, when they were last looked at
  #log;
  #interim;
  #blank;
  #turn = null; // the element of the turn that is going on
  #segments = new Map(); // pieces of the bot's speech, by their id
  #bot = "Bot";
  #isNewAnswer = false; // what the bot says next answers something else than what it has just said
  #typed = new Set(); // what was written here, until the bot has said that it got it

  constructor({ pages, log, interim, blank }) {
    this.#pages = pages;
    this.#log = log;
    this.#interim = interim;
    this.#blank = blank;
    new ResizeObserver(() => this.#keepingPlace(() => {})).observe(pages);
  }

  get turns() {
    return [...this.#log.querySelectorAll("[data-who]")].slice(-KEPT).map((turn) => ({
      who: turn.dataset.who,
      by: turn.querySelector("b")?.textContent,
      text: [...turn.querySelectorAll("span:not(.coming)")].map((piece) => piece.textContent).join(" ").trim(),
    }));
  }

  // What the bot is called from now on.
  botIs(name) {
    this.#bot = name;
  }

  // The bot begins to answer: in a room of several perhaps somebody else than before.
  newAnswer() {
    this.#isNewAnswer = true;
  }

  toEnd() {
    this.#pages.scrollTop = this.#pages.scrollHeight;
  }

  bringBack(turns) {
    for (const { who, text, by } of turns.filter((turn) => turn.text)) {
      if (who === "note") this.note(text);
      else this.#add(who, text, by);
      this.#turn = null;
    }
  }

  clear() {
    this.#log.replaceChildren();
    this.#segments.clear();
    this.#typed.clear();
    this.#turn = null;
    this.interim("");
    this.#blank.hidden = false;
  }

  wrote(text, id) {
    this.#typed.add(id);
    this.#turn = null;
    this.#add("you", text);
    this.#turn = null;
    this.toEnd(); // who writes wants to see it there, wherever they were reading
  }

  // by: the name of another person; none for the one before the screen
  userSaid({ text, isFinal, id, by = null }) {
    if (!text?.trim()) return;
    if (id && this.#typed.delete(id)) return; // it stands here already
    this.interim(isFinal ? "" : text, by);
    if (isFinal) this.#add(by ? "other" : "you", text, by);
  }

  // A piece of the bot's speech, with the words that are still coming in a paler ink.
  botSaid({ id, said, coming, isDone }) {
    let piece = this.#segments.get(id);
    if (!piece) {
      if (!said && !coming) return;
      if (this.#isNewAnswer && this.#turn?.dataset.who === "bot") this.#turn = null;
      this.#isNewAnswer = false;
      piece = { said: this.#add("bot", ""), coming: null, isDone: false };
      piece.said.setAttribute("aria-hidden", "true"); // a screen reader gets it whole
      piece.coming = piece.said.cloneNode();
      piece.coming.className = "coming";
      piece.said.after(" ", piece.coming);
      if (id !== undefined) this.#segments.set(id, piece);
    }
    if (piece.isDone) return;
    this.#keepingPlace(() => {
      piece.said.textContent = said;
      piece.coming.textContent = coming;
    });
    if (isDone) finish(piece);
  }

  // The bot was cut short: what it had begun ends where it was.
  interrupted() {
    for (const piece of this.#segments.values()) {
      if (piece.isDone) continue;
      if (piece.said.textContent) piece.coming.remove(); // else nobody knows how far it got
      (piece.said.textContent ? piece.said : piece.coming).append(" –");
      finish(piece);
    }
    if (this.#turn?.dataset.who === "bot") this.#turn = null;
  }

  // Another bot has taken over.  It counts its pieces anew: the same numbers mean others.
  newBot() {
    this.interrupted();
    this.#segments.clear();
    this.interim("");
  }

  // A line between what was said, of something that happened.  Returns a way to word it anew.
  note(text) {
    const line = document.createElement("p");
    line.className = "note";
    line.dataset.who = "note";
    const words = document.createElement("span");
    words.textContent = text;
    line.append(words);
    this.#turn = null;
    this.#keepingPlace(() => {
      this.#blank.hidden = true;
      this.#log.append(line);
    });
    return (anew) => this.#keepingPlace(() => (words.textContent = anew));
  }

  interim(text, by = null) {
    this.#keepingPlace(() => {
      this.#interim.className = `turn ${by ? "other" : "you"} interim`;
      this.#interim.firstElementChild.textContent = by ?? YOU;
      this.#interim.hidden = !text;
      this.#interim.lastElementChild.textContent = text;
      if (text) this.#blank.hidden = true;
    });
  }

  #add(who, text, by = null) {
    const name = by ?? (who === "bot" ? this.#bot : YOU);
    const piece = document.createElement("span");
    piece.textContent = text;
    this.#keepingPlace(() => {
      this.#blank.hidden = true;
      const isGoingOn = this.#turn?.dataset.who === who && this.#turn.firstElementChild.textContent === name;
      if (!isGoingOn) this.#turn = this.#newTurn(who, name);
      this.#turn.append(" ", piece);
    });
    return piece;
  }

  #newTurn(who, by) {
    const turn = document.createElement("p");
    turn.className = `turn ${who}`;
    turn.dataset.who = who;
    const name = document.createElement("b");
    name.textContent = by;
    turn.append(name);
    this.#log.append(turn);
    return turn;
  }

  // Follows the last line, unless the person has scrolled back to read.  A box that has shrunk since it was last looked at
  // hides that line, and nobody has scrolled: its height of before counts.
  #keepingPlace(change) {
    const pages = this.#pages;
    const height = Math.max(pages.clientHeight, this.#height);
    const follows = pages.scrollHeight - pages.scrollTop - height < NEAR_THE_END;
    change();
    if (follows) this.toEnd();
    this.#height = pages.clientHeight;
  }
}

function finish(piece) {
  piece.isDone = true;
  piece.said.removeAttribute("aria-hidden");
  piece.said.replaceChildren(document.createTextNode(piece.said.textContent));
}
