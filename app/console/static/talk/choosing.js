// With whom one talks, and how: what the server offers, what the address names, and what the person picks.

import * as identity from "./identity.js";
import { NO_CHOICE, unknown } from "./words.js";

const NOTHING = { may_choose: false, bots: [], personalities: [], assistants: [] };
const LISTS = { assistant: "assistants", personality: "personalities", bot: "bots" };
const GROUPS = { personality: "Personalities", assistant: "Assistants", bot: "Bots" };
const MODES = ["voice", "forum"];
const USUAL = ":"; // nobody in particular

export class Choosing {
  #offered = NOTHING;
  #wish = {};
  #amiss = "";

  known = Promise.resolve(); // once it is known what there is to choose

  // Finds out what there is to choose; whatever the address names that there is not is told in words.
  open(api) {
    this.known = this.#open(api);
    return this.known;
  }

  async #open(api) {
    const asked = identity.wish();
    try {
      this.#offered = await api.choices(identity.credential());
    } catch {
      this.#offered = NOTHING; // the server is away, or no pass of ours is good: the call will say so
    }
    const mayChoose = this.#offered.may_choose;
    const good = Object.entries(asked).filter((each) => mayChoose && this.#has(each));
    const wrong = Object.entries(asked).filter((each) => !good.includes(each));
    this.#wish = Object.fromEntries(good);
    this.#amiss = !wrong.length ? "" : mayChoose ? unknown(wrong[0]) : NO_CHOICE;
  }

  #has([name, value]) {
    if (name === "mode") return MODES.includes(value);
    // An assistant's list is told as far as it goes; the server knows all of them
    return this.#offered[LISTS[name]].some(({ id }) => id === value) || (name === "assistant" && this.#offered.assistants.length >= 100);
  }

  // What goes into the join.
  get wish() {
    return this.#wish;
  }

  // What the person is to know before they begin; empty: nothing.
  get amiss() {
    return this.#amiss;
  }

  // For the view.
  get shown() {
    const groups = Object.entries(GROUPS)
      .map(([name, label]) => ({
        label,
        options: this.#offered[LISTS[name]].map(({ id, name: called, about }) => ({ value: `${name}:${id}`, name: called, about })),
      }))
      .filter(({ label, options }) => options.length > (label === GROUPS.bot ? 1 : 0));
    if (groups.length) groups.unshift({ label: "As usual", options: [{ value: USUAL, name: this.#offered.usual ?? "The usual bot" }] });
    const [name, id] = Object.entries(this.#wish).find(([each]) => each in LISTS) ?? [];
    return { groups, whom: name ? `${name}:${id}` : USUAL, how: this.#wish.mode ?? "voice", hasPictures: identity.provider() !== "local" };
  }

  choose({ whom, how }) {
    const [, name, id] = /^(\w*):(.*)$/s.exec(whom) ?? [];
    this.#wish = { ...(name && { [name]: id }), ...(how !== "voice" && { mode: how }) };
    this.#amiss = "";
  }
}
