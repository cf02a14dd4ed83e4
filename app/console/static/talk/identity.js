// Who this browser is and which room is its own: kept here, so that a reload comes back to the same bot.

const KEY = "greenroom.key"; // for this tab only
const CALL = "greenroom.call"; // for this tab only: the call it is in
const USER = "greenroom.user"; // for good
const ROOM = "greenroom.room"; // for good

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

export function room() {
  return new URLSearchParams(location.search).get("room") || kept(ROOM, () => `local:talk-${random(6)}`);
}

export function useOwnRoom() {
  history.replaceState(null, "", location.pathname);
}

// The key out of the address bar and into this tab's memory, so that it is not bookmarked or shown around.
export function takeKey() {
  const key = keyIn(location.hash);
  if (key) {
    here.write(KEY, key);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return here.read(KEY);
}

export function keepKey(key) {
  here.write(KEY, key);
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
