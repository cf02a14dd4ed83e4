// Every sentence the page says when something is unusual, and what the person can do then.

// What a button does (main.js), and what is written on it.
export const WAYS = {
  talk: "Start talking",
  rejoin: "Go back to your call",
  again: "Talk again",
  retry: "Try again",
  now: "Try now",
  type: "Write instead",
  own: "Use a room of my own",
  here: "Bring it back here",
  hear: "Turn the sound on",
  resume: "Go on",
  forum: "Go there without the bot",
  daily: "Open the room",
  stop: "Stop",
  leaveLine: "Leave the line",
};

// What was asked for in the address, and is not there or not ours to choose.
export const NO_CHOICE = "Your link leaves nothing to choose, so you meet the bot that everybody meets.";

export const GOES_ON = "A bot was here already, and goes on as it is: hang up to meet the one that you have chosen";

export function unknown(wish) {
  const [name, value] = wish;
  const what = { bot: "bot", personality: "personality", assistant: "assistant", mode: "way to talk" }[name];
  return `There is no ${what} “${value.slice(0, 64)}” here, so you meet the usual one.`;
}

// How a call may end, by the reason that the server gives.
const ENDINGS = {
  left: ["The bot said goodbye", "It has left the room."],
  idle: ["The bot went home", "Nobody was in the room for a while."],
  no_show: ["The bot went home", "It waited, and nobody came in."],
  max_duration: ["Time was up", "A call can only be so long, and this one got there."],
  superseded: ["Another bot took over", "This room has a newer bot now. Talk again to meet it."],
  moved_out: ["The bot moved on", "It went to another room."],
  launch_failed: ["The bot could not come", "Something kept it from starting. A second try often works."],
  not_asked_for: ["Your place in line was given up", "This page was not heard from for a while. Join the line again."],
  no_slot: ["The bot could not come back", "All bots stayed busy. Try again in a while."],
  no_worker: ["No bot can come", "Nothing here can run bots just now. Try again in a while."],
  room_gone: ["The room is closed", "It was shut while you were talking."],
  ejected: ["The bot was sent out", "Somebody removed it from the room."],
  crashed_too_often: [
    "The bot is not well",
    "It broke down three times in ten minutes, so it was not brought back again.",
  ],
  shutdown: ["Greenroom was switched off", "Somebody stopped or restarted it. Talk again when it is back."],
  error: ["Something broke", "The bot ran into a fault of its own. It was not you."],
};

export function ending(reason, { byMe = false, isLast = true, wasQueued = false } = {}) {
  if (wasQueued) return ["You left the line", "Your place is given to the next."];
  if (byMe && !isLast) return ["You hung up", "The bot stays with the others."];
  if (byMe) return ["You hung up", "The bot has left the room."];
  return ENDINGS[reason] ?? ["The call ended", "The bot is not in the room any more."];
}

// What may be in the way of a call: title, more, ways on.
const PROBLEMS = {
  "microphone-refused": [
    "The microphone is blocked",
    "Allow it for this page, next to the address, and try again. Or write: the bot answers aloud.",
    ["retry", "type"],
  ],
  "microphone-missing": [
    "There is no microphone",
    "Plug one in and try again. Or write: the bot answers aloud.",
    ["retry", "type"],
  ],
  "microphone-busy": [
    "The microphone is taken",
    "Another program seems to be using it. Close that and try again, or write instead.",
    ["retry", "type"],
  ],
  "microphone-unsafe": [
    "No microphone at this address",
    "A browser only gives it to pages on this computer or on a secure (https) address. You can write.",
    ["type"],
  ],
  "room-full": [
    "Somebody is in there",
    "This room is for one person, and another is talking with the bot just now.",
    ["retry", "own"],
  ],
  "bad-room": [
    "There is no such room",
    "A room's name is local: and then letters, digits, dashes or underscores, as in local:kitchen.",
    ["own"],
  ],
  "not-our-room": [
    "There are no rooms there",
    "This Greenroom has no key for the server in your link.",
    ["own"],
  ],
  forbidden: [
    "That link is for another room",
    "Ask whoever is in this one for an invitation.",
    ["own"],
  ],
  removed: [
    "You were sent out",
    "Somebody has removed you from the room.",
    [],
  ],
  "other-window": [
    "The call goes on in another window",
    "Somebody of your name has come in there, and so this window has left.",
    ["here"],
  ],
  "launch-failed": [
    "The bot could not come",
    "Something kept it from starting. A second try often works.",
    ["retry"],
  ],
  busy: [
    "Every bot is on stage",
    "They are all talking with somebody. One will be free before long.",
    ["retry"],
  ],
  "bot-silent": [
    "The bot does not answer",
    "It may have just broken down. Its room is free again within half a minute.",
    ["retry"],
  ],
  "queue-full": [
    "The line is full",
    "So many are waiting for a bot that no place is left. Please try again later.",
    ["retry"],
  ],
  lost: [
    "We lost the bot",
    "The line broke and could not be mended.",
    ["again"],
  ],
  blocked: [
    "No line to the bot",
    "It is there, but your network lets no voice through. Another network may.",
    ["retry"],
  ],
  elsewhere: [
    "You are talking in another tab",
    "The call went there with you.",
    ["here"],
  ],
  unsupported: [
    "This browser cannot call",
    "It lacks what a call needs. A current Chrome, Edge, Firefox or Safari has it.",
    [],
  ],
  other: [
    "That did not work",
    "Something unexpected got in the way.",
    ["retry"],
  ],
};

// retryAfter: seconds, if the server said
export function problem(kind, { retryAfter } = {}) {
  const [title, more, ways] = PROBLEMS[kind] ?? PROBLEMS.other;
  if (kind !== "queue-full" || !retryAfter) return [title, more, ways];
  return [title, more.replace("later", `in about ${duration(retryAfter)}`), ways];
}

// What befell the bot or the line: title, more, what the top says, and the transcript's note then and afterwards.
const MENDING = {
  line: ["One moment", "The line broke; we are mending it.", "Reconnecting"],
  lost: [
    "The bot broke down",
    "It is coming back, with everything you said.",
    "Reconnecting",
    "The bot broke down.",
    "The bot broke down. It was back after %.",
  ],
  handed_over: [
    "The bot has moved to another machine",
    "It goes on where you were.",
    "Reconnecting",
    "The bot has moved to another machine.",
  ],
  moved: [
    "The bot has gone to another room",
    "We are following it.",
    "Following the bot",
    "The bot has gone to another room, and you with it.",
  ],
  parked: [
    "The bot will be right back",
    "Its worker is being replaced. You can wait here, or hang up.",
    "Waiting",
    "The bot’s worker is being replaced.",
    "The bot’s worker was replaced. It was back after %.",
  ],
  away: [
    "The bot is away",
    "It has left the room, and is expected back.",
    "Waiting for the bot",
    "The bot is away.",
    "The bot was away for %.",
  ],
  late: ["The bot is on its way", "Whoever is here can hear you already.", "Waiting for the bot"],
};

export function mending(why) {
  const [title, more, line, note = null] = MENDING[why];
  return { title, more, line, note };
}

// What stands in the transcript when the bot is back, if that is something new.
export function mended(why, ms) {
  return MENDING[why][4]?.replace("%", duration(Math.max(1, Math.round(ms / 1000))));
}

// While the bot is paused: title, more.  call: the room whose call its person is in meanwhile, or null.
export function pausing({ call }) {
  if (call) return ["The bot is paused", "You are in another call. It goes on here when you have left that one."];
  return ["The bot is paused", "It neither hears nor speaks until you go on."];
}

// While an admin has muted the bot: title, more.
export const MUTED = ["The bot is muted", "It hears you, and says nothing until it is let."];

export const STAYS_PAUSED = "The bot does not answer; try again";

export const endsSoon = (seconds) => `Time is nearly up: ${seconds} seconds`;

// To a room that several share, and back.
export const WALK = { there: "Go to the forum", back: "Go back" };
export const ALONG = {
  there: "The bot has gone to the forum, and you with it.",
  back: "The bot has gone back to your room, and you with it.",
};

// Why the bot does not come along, by the kind of the refusal; null: the way there is offered without it.
const STAYS = {
  "others-there": "The bot stays with the others here",
  "room-has-a-bot": null,
  "not-movable": "The bot cannot come just now; try again",
};

export const HAS_A_BOT = "There is a bot already";

export const stays = (kind) => (kind in STAYS ? STAYS[kind] : "The bot cannot get there, and stays here");

// What may be said to a bot that follows only a few sentences.
export function hint(tries) {
  return tries.length ? `Try: ${tries.map((each) => `“${each}”`).join(" · ")}` : "";
}

export const BACK = "The bot is back";
export const AT_ONCE = "The bot broke down, and is back"; // so soon that the call did not look broken

// In the line for a bot.  Without a position it is on its way, or nobody knows.
export function queue(position) {
  if (!position) return ["Calling the bot", "It is on its way."];
  return ["All bots are busy", `You are number ${position} in the line.`];
}

export function duration(seconds) {
  const count = (n, unit) => (n ? [`${n} ${unit}${n === 1 ? "" : "s"}`] : []);
  return [...count(Math.floor(seconds / 60), "minute"), ...count(seconds % 60, "second")].join(" and ");
}

export const KEY = {
  missing: [
    "The door is locked",
    "Open the link that “make up” printed, or that somebody sent you. Or paste it here.",
  ],
  wrong: [
    "That link does not fit",
    "It may be too old. Open the one that “make up” printed last, or ask for another; or paste it here.",
  ],
  unreadable: "There is no way in to be found in that. It is the part of the link after #pass=.",
};

export const AWAY = ["Greenroom is not answering", "It may be starting again."];

// Neither the bot nor the server is heard, and the line may still come back.
export const UNANSWERED = "Greenroom is not answering; trying again";

// In a room that several share

export const SILENT = "The sound is off";

// Where the person wanted to be seen.
export const NO_CAMERA = {
  refused: "Your browser does not let me see you",
  missing: "No camera can be used here",
};

export const DAILY = [
  "The bot is in the room",
  "The room is at Daily, whose own page opens it. It asks for your microphone there; this page is done.",
];

export function speaks(names) {
  if (names.length > 2) return "Several people are speaking";
  return `${names.join(" and ")} ${names.length === 1 ? "is" : "are"} speaking`;
}

// What one should know of the link that one gives away.
export function invited({ isForHereOnly, isForThisCall }) {
  const long = isForThisCall ? "for as long as this call may last" : "for a day";
  const more = `Whoever has it can come into this room, ${long}. It opens nothing else.`;
  return ["Link copied", isForHereOnly ? `${more} It opens on this computer only.` : more, "Copy this link"];
}
