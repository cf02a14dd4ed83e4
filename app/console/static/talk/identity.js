// Who this browser is and which room is its own: kept here, so that a reload comes back to the same bot.

import fresh from "./fresh.js"; // whose a room is that nobody has named

const KEY = "greenroom.key"; // for this tab only
const KEY_IN_LINK = "greenroom.key-in-link"; // for this tab only: whether the page's own link had it
const PERSON = "greenroom.person"; // for this tab only: who this one is, if another tab is the browser's user
const CALL = "greenroom.call"; // for this tab only: the call it is in
const USER = "greenroom.user"; // for good
const ROOM = "greenroom.room"; // for good
const SHARED_ROOM = "greenroom.shared-room"; // for good: one that the server has named

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

function random(bytes) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (b) => b.toString(16).padStart(2, "0")).join("");
}

function kept(name, make) {
  let value = forGood.read(name);
  if (!value) forGood.write(name, (value = make()));
  return value;
}

export const userId = () => kept(USER, () => `talk-${random(8)}`);

// The browser's user, for one tab at a time: two of the same name would push each other out of a room that several
// share.  A further tab is somebody else, and remains it.
export async function person() {
  const mine = here.read(PERSON) ?? userId();
  if (await isOnlyHere(mine)) return mine;
  const another = `talk-${random(8)}`;
  here.write(PERSON, another);
  await isOnlyHere(another);
  return another;
}

const onlyHere = new Set();

// Held for as long as this tab is open.  Without locks, as on an address that is not secure, nobody knows of other tabs.
function isOnlyHere(name) {
  if (onlyHere.has(name)) return Promise.resolve(true);
  if (!navigator.locks) return Promise.resolve(here.read(PERSON) === name);
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
  return fresh === "local" ? kept(ROOM, () => `local:talk-${random(6)}`) : forGood.read(SHARED_ROOM);
}

// Whose the room is.
export function provider() {
  const url = room();
  if (!url) return fresh;
  return url.startsWith("local:") ? "local" : url.startsWith("https:") ? "daily" : "livekit";
}

// A room that several share goes into the address, so that who opens it again, or is given it, comes to the same.
export function shareRoom(url) {
  if (!named()) forGood.write(SHARED_ROOM, url);
  history.replaceState(null, "", address(url));
}

export function useOwnRoom() {
  if (named() === forGood.read(SHARED_ROOM)) forGood.write(SHARED_ROOM, null); // it is the one that will not do
  history.replaceState(null, "", location.pathname);
}

const address = (url) => `${location.pathname}?room=${encodeURIComponent(url).replace(/%3A/g, ":").replace(/%2F/g, "/")}`;

// What somebody needs to come to this room.  It has the key if the link had it that opened this page.
export function invitation(url) {
  const hasKey = here.read(KEY_IN_LINK) !== null;
  const isForHereOnly = /^(localhost|127\.|\[::1\])/.test(location.hostname);
  const key = hasKey ? `#key=${encodeURIComponent(here.read(KEY))}` : "";
  return { link: `${location.origin}${address(url)}${key}`, hasKey, isForHereOnly };
}

// The key out of the address bar and into this tab's memory, so that it is not bookmarked or shown around.
export function takeKey() {
  const key = keyIn(location.hash);
  if (key) {
    here.write(KEY, key);
    here.write(KEY_IN_LINK, "yes");
    history.replaceState(null, "", location.pathname + location.search);
  }
  return here.read(KEY);
}

export function keepKey(key) {
  here.write(KEY, key);
  here.write(KEY_IN_LINK, null);
}

// The key in a pasted link, or in a key that was pasted alone.
export function keyIn(text) {
  const pasted = text.trim();
  const inLink = /#(?:.*&)?key=([^&\s]+)/.exec(pasted);
  if (inLink) {
    try {
      return decodeURIComponent(inLink[1]);
    } catch {
      return null;
    }
  }
  return /^[A-Za-z0-9._~-]{16,256}$/.test(pasted) ? pasted : null;
}

// The call this tab is in, with what was said: what a reload needs to come back to it.
export function keepCall(call) {
  here.write(CALL, call && JSON.stringify(call));
}

export function keptCall() {
  try {
    return JSON.parse(here.read(CALL));
  } catch {
    return null;
  }
}
