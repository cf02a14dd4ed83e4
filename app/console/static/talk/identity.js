// Who this browser is and which room is its own: kept here, so that a reload comes back to the same bot.

import fresh from "./fresh.js"; // whose a room is that nobody has named

const DOOR = "greenroom.door"; // for this tab only: the pass of the link that opened the page
const ADMISSION = "greenroom.admission"; // for this tab only: its own pass, with the room and the user that it is for
const CALL = "greenroom.call"; // for this tab only: the call it is in
const ADMISSIONS = "greenroom.admissions"; // for good: such passes of this browser, by room, until they expire
const OWN = "greenroom.own-room"; // for good: where the browser comes to without a room in the address

const NEARLY_OVER = 60_000; // ms before its end in which a pass is not begun with any more

// A browser that refuses storage gets a page that forgets, not one that breaks.
function shelf(storage) {
  const memory = new Map();
  return {
    read(name) {
      try {
        return window[storage].getItem(name);
      } catch {
        return memory.get(name) ?? null;
      }
    },
    write(name, value) {
      try {
        if (value === null) window[storage].removeItem(name);
        else window[storage].setItem(name, value);
      } catch {
        memory.set(name, value);
      }
    },
  };
}

const here = shelf("sessionStorage");
const forGood = shelf("localStorage");

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// The key, if somebody gave it: for as long as this page is open, and kept nowhere.
let key = null;

// What opens this page: its link's pass, or the key.
const door = () => key ?? here.read(DOOR);

const isGood = (admission) => Boolean(admission) && admission.until - Date.now() > NEARLY_OVER;

function browsers() {
  const kept = Object.entries(parsed(forGood.read(ADMISSIONS)) ?? {});
  return Object.fromEntries(kept.filter(([, admission]) => isGood(admission)));
}

function ofTab(url) {
  const admission = parsed(here.read(ADMISSION));
  return isGood(admission) && admission.room === url ? admission : null;
}

// The pass of this tab, for a room it has been in; null if there is none.
export const passFor = (url) => ofTab(url)?.pass ?? null;

// What says with whom this tab may talk: the pass that it comes in with, or what opens the page.
export const credential = () => (ofTab(room()) ?? browsers()[room()])?.pass ?? door();

// Whom the address names to talk with.
export function wish() {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(["bot", "personality", "assistant", "mode"].flatMap((name) => (query.get(name) ? [[name, query.get(name)]] : [])));
}

// Whether there is anything to come in with.
export const hasWayIn = () => Boolean(door() || ofTab(room()) || browsers()[room()]);

// This tab's pass to its room, with the room and the user: one that is kept, or one that `ask` gets for what opened
// the page.  Two tabs of one user would push each other out of a room that several share, so a further tab gets a user
// of its own, and keeps it.  A pass that was refused is replaced, if there is something to do that with.
export async function admission(ask, { refused = false } = {}) {
  const url = room();
  if (refused) forget(url);
  const mine = ofTab(url);
  if (mine && (await isOnlyHere(mine.user))) return mine;
  const browser = browsers()[url];
  if (browser && (provider() === "local" || (await isOnlyHere(browser.user)))) return keepHere(browser);
  const wish = { ...(named() && { room_url: named() }), ...(key && !browser && { may_choose: true }) };
  const given = await ask(browser?.pass ?? door(), wish);
  const admission = { room: given.room_url, user: given.user_id, pass: given.pass, until: Date.parse(given.expires_at) };
  await isOnlyHere(admission.user);
  if (!browser) forGood.write(ADMISSIONS, JSON.stringify({ ...browsers(), [admission.room]: admission }));
  if (!named()) forGood.write(OWN, admission.room);
  return keepHere(admission);
}

function keepHere(admission) {
  here.write(ADMISSION, JSON.stringify(admission));
  return admission;
}

function forget(url) {
  here.write(ADMISSION, null);
  const { [url]: _, ...others } = browsers();
  forGood.write(ADMISSIONS, JSON.stringify(others));
}

const onlyHere = new Set();

// Held for as long as this tab is open.  Without locks, as on an address that is not secure, nobody knows of other tabs.
function isOnlyHere(name) {
  if (onlyHere.has(name)) return Promise.resolve(true);
  if (!navigator.locks) return Promise.resolve(ofTab(room())?.user === name);
  return new Promise((resolve) => {
    navigator.locks.request(`greenroom.${name}`, { ifAvailable: true }, (lock) => {
      if (lock) onlyHere.add(name);
      resolve(Boolean(lock));
      return lock && new Promise(() => {});
    });
  });
}

const named = () => new URLSearchParams(location.search).get("room");

// The room in the address, or this browser's own; null if the server is to name one.
export function room() {
  if (named()) return named();
  const own = forGood.read(OWN);
  return own && browsers()[own] && whose(own) === fresh ? own : null;
}

const whose = (url) => (url.startsWith("local:") ? "local" : url.startsWith("https:") ? "daily" : "livekit");

// Whose the room is.
export function provider() {
  const url = room();
  return url ? whose(url) : fresh;
}

// A room that several share goes into the address, so that who opens it again comes to the same.
export function shareRoom(url) {
  history.replaceState(null, "", address(url));
}

export function useOwnRoom() {
  if (named() === forGood.read(OWN)) forGood.write(OWN, null); // it is the one that will not do
  history.replaceState(null, "", location.pathname);
}

export const address = (url) => `${location.pathname}?room=${encodeURIComponent(url).replace(/%3A/g, ":").replace(/%2F/g, "/")}`;

// What somebody needs to come to this room, with a pass that opens it and nothing else.
export function invitation(url, pass) {
  const isForHereOnly = /^(localhost|127\.|\[::1\])/.test(location.hostname);
  return { link: `${location.origin}${address(url)}#pass=${pass}`, isForHereOnly };
}

// The pass or the key out of the address bar and into this tab's memory, so that it is not bookmarked or shown around.
export function takeLink() {
  const found = wayIn(location.hash);
  if (!found) return;
  keepWayIn(found);
  history.replaceState(null, "", location.pathname + location.search);
}

export function keepWayIn(found) {
  key = found?.key ?? null;
  here.write(DOOR, found?.pass ?? null);
  if (found) here.write(ADMISSION, null); // another link may be for somebody else
}

// The pass or the key in a pasted link, or one that was pasted alone.
export function wayIn(text) {
  const pasted = text.trim();
  const [, name, value] = /#(?:.*&)?(pass|key)=([^&\s]+)/.exec(pasted) ?? [];
  if (name) {
    try {
      return { [name]: decodeURIComponent(value) };
    } catch {
      return null;
    }
  }
  if (/^pass\.[A-Za-z0-9._~-]+$/.test(pasted)) return { pass: pasted };
  return /^[A-Za-z0-9._~-]{16,256}$/.test(pasted) ? { key: pasted } : null;
}

// The call this tab is in, with what was said: what a reload needs to come back to it.
export function keepCall(call) {
  here.write(CALL, call && JSON.stringify(call));
}

export const keptCall = () => parsed(here.read(CALL));
