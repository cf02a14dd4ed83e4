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
  stop: "Stop",
};

// How a call may end, by the reason that the server gives.
const ENDINGS = {
  left: ["The bot said goodbye", "It has left the room."],
  idle: ["The bot went home", "Nobody was in the room for a while."],
  no_show: ["The bot went home", "It waited, and nobody came in."],
  max_duration: ["Time was up", "A call can only be so long, and this one got there."],
  superseded: ["Another bot took over", "This room has a newer bot now. Talk again to meet it."],
  moved_out: ["The bot moved on", "It went to another room."],
  launch_failed: ["The bot could not come", "Something kept it from starting. A second try often works."],
  room_gone: ["The room is closed", "It was shut while you were talking."],
  ejected: ["The bot was sent out", "Somebody removed it from the room."],
  crashed_too_often: ["The bot is not well", "It broke down several times in a row, so it was stopped."],
  shutdown: ["Greenroom was switched off", "Somebody stopped or restarted it. Talk again when it is back."],
  error: ["Something broke", "The bot ran into a fault of its own. It was not you."],
};

export function ending(reason, { byMe = false } = {}) {
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

export function problem(kind) {
  return PROBLEMS[kind] ?? PROBLEMS.other;
}

export const KEY = {
  missing: [
    "The door is locked",
    "Open the link that “make up” printed: it carries the key. Or paste the link here.",
  ],
  wrong: [
    "That key does not fit",
    "Open the link that “make up” printed last, or paste it here.",
  ],
  unreadable: "There is no key in that. It is the part after #key= in the link.",
};

export const AWAY = ["Greenroom is not answering", "It may be starting again."];
