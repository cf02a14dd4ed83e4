// RTVI, the language in which a pipecat bot tells its client what happens: what we send, and what we make of the rest.

const LABEL = "rtvi-ai";
const VERSION = "2.2.0"; // since 2.0 the bot says piece by piece what it has really spoken

const message = (type, data) => ({ label: LABEL, type, id: crypto.randomUUID?.() ?? String(Math.random()), data });

export const clientReady = () => message("client-ready", { version: VERSION, about: { library: "greenroom-talk" } });

export const sendText = (content) => message("send-text", { content, options: { run_immediately: true } });

// pipecat's own, beside RTVI: so that it does not wait for sound that cannot come.
export const microphoneStatus = (enabled) => ({
  type: "signalling",
  message: { type: "trackStatus", receiver_index: 0, enabled },
});

// Calls the listener that a message is meant for.  The same thing is also told under older names
// (user-transcription, user-llm-text, bot-transcription, bot-tts-text): those are left alone.
export function hear(received, on) {
  if (received.type === "signalling") {
    if (received.message?.type === "peerLeft") on.left();
    return;
  }
  if (received.label !== LABEL) return;
  const data = received.data ?? {};
  switch (received.type) {
    case "bot-ready":
      return on.ready(data.capabilities ?? {});
    case "user-input":
      return on.userSaid({ text: data.text, isFinal: data.final, id: data.msg_id, by: data.user_id });
    case "bot-output":
      return on.botSaid(segment(data));
    case "bot-interrupted":
      return on.interrupted();
    case "user-started-speaking":
      return on.speaking("you", true);
    case "user-stopped-speaking":
      return on.speaking("you", false);
    case "bot-started-speaking":
      return on.speaking("bot", true);
    case "bot-stopped-speaking":
      return on.speaking("bot", false);
    case "bot-llm-started":
      return on.thinking(true);
    case "bot-llm-stopped":
      return on.thinking(false);
    case "llm-function-call-in-progress":
      return on.working(data.tool_call_id ?? "", true);
    case "llm-function-call-stopped":
      return on.working(data.tool_call_id ?? "", false);
    case "server-message":
      return data.type === "greenroom" ? on.notice(data.event, data) : undefined;
    case "error":
      return on.error({ isFatal: Boolean(data.fatal) });
  }
}

// What of a piece has been said, and what is still coming.  A piece that is not for speaking is there at once.
function segment(data) {
  const isDone = !data.will_be_spoken || data.spoken_status === "completed";
  const progress = data.spoken_progress ?? { accumulated_text: "", remaining_text: data.text };
  const [said, coming] = isDone ? [data.text, ""] : [progress.accumulated_text, progress.remaining_text];
  return { id: data.segment_id, said: said.trim(), coming: coming.trim(), isDone };
}
