// The server, as the page needs it.  It answers, refuses (Refusal) or is away (Away).

const PATIENCE = 20_000; // ms; longer than the server waits for a bot

const CHOICES_WITHIN = 10_000; // ms; without them one meets the usual bot

const COMING_BACK = new Set(["redis-away", "room-in-doubt"]); // as if the server were away

export class Away extends Error {
  constructor(retryAfter) {
    super("away");
    this.retryAfter = retryAfter; // seconds, if the server said
  }
}

export class Refusal extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.title ?? `refused (${status})`);
    this.status = status;
    this.retryAfter = retryAfter; // seconds, if the server said
    this.kind = String(problem.type ?? "").split(":").pop();
    this.reason = problem.reason ?? null; // why a call ended, if it has
  }
}

export class Api {
  #pass; // to one room, as one user
  #renewed = new Map(); // tokens in place of those that have expired, by session

  constructor(pass = null) {
    this.#pass = pass;
  }

  // From now on, this pass.
  comeWith(pass) {
    this.#pass = pass;
  }

  // With whom one may talk, for the pass or the key.
  choices(credential) {
    return this.#ask("GET", "/choices", { token: credential, patience: CHOICES_WITHIN });
  }

  // A pass, for what somebody has: another pass, or the key.
  pass(credential, wish) {
    return this.#ask("POST", "/passes", { body: wish, token: credential });
  }

  join(wish, { wait = 10 } = {}) {
    return this.#ask("POST", `/join?wait=${wait}`, { body: wish });
  }

  // Back to a session that a page before this one was in; a token is good for one return.
  goBack(resumeToken, { wait = 10 } = {}) {
    return this.#ask("POST", `/join?wait=${wait}`, { body: {}, token: resumeToken });
  }

  offer(connect, offer) {
    return this.#ask("POST", connect.offer_url, { body: offer, token: connect.token });
  }

  session(id, token, { patience = PATIENCE } = {}) {
    const path = `/sessions/${encodeURIComponent(id)}`;
    return this.#withToken(id, token, (bearer) => this.#ask("GET", path, { token: bearer, patience }));
  }

  // Survives the page being closed in the same moment.
  leave(id, token) {
    const body = { session_id: id };
    return this.#withToken(id, token, (bearer) => this.#ask("POST", "/leave", { body, token: bearer, keepalive: true }));
  }

  // Has the bot go to another room, and us with it; answers when it is there.
  move(id, token, wish, { wait = 10 } = {}) {
    const path = `/sessions/${encodeURIComponent(id)}/move?wait=${wait}`;
    return this.#withToken(id, token, (bearer) => this.#ask("POST", path, { body: wish, token: bearer }));
  }

  // A pass for whoever comes to the room that the session is in.
  invitation(id, token) {
    const path = `/sessions/${encodeURIComponent(id)}/invitation`;
    return this.#withToken(id, token, (bearer) => this.#ask("POST", path, { token: bearer }));
  }

  resume(id, token) {
    const path = `/sessions/${encodeURIComponent(id)}/resume`;
    return this.#withToken(id, token, (bearer) => this.#ask("POST", path, { token: bearer }));
  }

  // A call's token is short-lived; for the pass there is another.
  async #withToken(id, token, ask) {
    try {
      return await ask(this.#renewed.get(id) ?? token);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 401 || !this.#pass) throw error;
    }
    const { token: another } = await this.renew(id);
    this.#renewed.set(id, another);
    return ask(another);
  }

  // For the pass: other tokens of a session of its user.
  renew(id) {
    return this.#ask("POST", `/sessions/${encodeURIComponent(id)}/token`, {});
  }

  async #ask(method, path, { body, token = this.#pass, keepalive = false, patience = PATIENCE }) {
    let response, answer;
    try {
      response = await fetch(path, {
        method,
        keepalive,
        cache: "no-store",
        credentials: "omit",
        signal: AbortSignal.timeout(patience),
        headers: {
          Authorization: `Bearer ${token}`,
          ...(body && { "Content-Type": "application/json" }),
        },
        body: body && JSON.stringify(body),
      });
      answer = await response.json();
    } catch {
      if (!response || response.status >= 500) throw new Away();
      answer = {};
    }
    if (response.ok) return answer;
    const retryAfter = Number(response.headers.get("Retry-After")) || undefined;
    const refusal = new Refusal(response.status, answer, retryAfter);
    const isOurs = String(answer.type ?? "").startsWith("urn:greenroom:");
    if (COMING_BACK.has(refusal.kind) || (response.status >= 502 && !isOurs)) throw new Away(retryAfter);
    throw refusal;
  }
}
