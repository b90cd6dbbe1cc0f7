// The durable queue of labeling events. Each event is its own localStorage entry until the server has acknowledged it, so
// tabs never overwrite one another; `(client, seq)` names an event for ever and makes sending it twice harmless.

const KEPT = "alcore:event:";
const BATCH = 100;

function newClient() {
  if (window.crypto?.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // plain http on a LAN address has no randomUUID
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

// One client per page load, not per tab: a duplicated tab copies sessionStorage, and two tabs counting the same
// (client, seq) would lose labels. Events of earlier loads keep the client they were made with.
const CLIENT = newClient();
let lastSeq = 0;

// Outboxes outlive the component: leaving the page while two labels are on their way must still deliver them.
const OUTBOXES = new Map();
function outboxFor(Kind, api, { identity, project, annotator }) {
  const name = JSON.stringify([identity, project, annotator]);
  if (!OUTBOXES.has(name)) OUTBOXES.set(name, new Kind(project, annotator, identity));
  const outbox = OUTBOXES.get(name);
  outbox.api = api;
  return outbox;
}

// Where events are kept is a matter of `kept`, `keep` and `drop`, how they are sent one of `send`: another cupboard overrides these.
class Outbox {
  constructor(project, annotator, identity) {
    this.project = project;
    this.annotator = annotator;
    this.prefix = `${KEPT}${encodeURIComponent(identity)}/${encodeURIComponent(project)}/`;
    this.events = []; // in the order they are sent
    this.state = "idle"; // idle | sending | offline | expired | refused
    this.problem = "";
    this.inMemoryOnly = false;
    this.othersWait = 0; // kept events of other annotators in this browser
    this.limit = BATCH;
    this.listener = null;
    window.addEventListener("beforeunload", (event) => {
      if (this.inMemoryOnly && this.events.length) event.preventDefault();
    });
    window.addEventListener("pagehide", () => this.lastTry());
    window.addEventListener("online", () => this.wake());
  }

  // Takes over what earlier loads of this page could not deliver. Resolves to how many.
  async recover() {
    const kept = await this.kept();
    const known = new Set(this.events.map(({ client, seq }) => `${client}/${seq}`));
    this.othersWait = kept.filter(({ annotator }) => annotator !== this.annotator).length;
    const groups = new Map();
    for (const event of kept) {
      if (event.annotator !== this.annotator || known.has(`${event.client}/${event.seq}`)) continue;
      const group = groups.get(event.client) || groups.set(event.client, []).get(event.client);
      group.push(event);
    }
    const older = [...groups.values()].map((group) => group.sort((a, b) => a.seq - b.seq)).sort((a, b) => a[0].at - b[0].at).flat();
    this.events.unshift(...older);
    if (older.length) this.wake();
    return older.length;
  }

  // Every event of this project that this browser keeps, whoever made it.
  kept() {
    const events = [];
    for (const key of this.keptKeys()) {
      const [client, seq] = key.slice(this.prefix.length).split("/");
      try {
        events.push({ ...JSON.parse(localStorage.getItem(key)), client, seq: Number(seq) });
      } catch {
        // not ours, or damaged; leave it
      }
    }
    return events;
  }

  keptKeys() {
    try {
      return Object.keys(localStorage).filter((key) => key.startsWith(this.prefix));
    } catch {
      this.inMemoryOnly = true;
      return [];
    }
  }

  // event: {item, kind, value, ms, round, replaces}; `started` is the key press, for the benchmark. Returns the sequence number.
  push(event, started) {
    lastSeq += 1;
    const kept = { ...event, client: CLIENT, seq: lastSeq, at: Date.now(), annotator: this.annotator };
    this.keep(kept);
    this.events.push({ ...kept, started });
    if (!this.running) this.run(); // while a try is paused, new keys must not hammer a server that is away
    return kept.seq;
  }

  keep(event) {
    try {
      localStorage.setItem(this.place(event), JSON.stringify(event));
    } catch {
      this.inMemoryOnly = true;
    }
  }

  // An event is over: the server has it, or with `refused` does not want it.
  drop(event) {
    try {
      localStorage.removeItem(this.place(event));
    } catch {
      this.inMemoryOnly = true;
    }
  }

  place(event) {
    return `${this.prefix}${event.client}/${event.seq}`;
  }

  // Sends now what waits, cutting a pause short: the browser is online again, or the page gave a new token.
  wake() {
    this.hurry?.();
    if (!this.running) this.run();
  }

  renew() {
    if (this.state === "expired") this.state = "idle";
    this.wake();
  }

  drained() {
    if (!this.events.length) return Promise.resolve();
    return new Promise((resolve) => (this.whenDrained ||= []).push(resolve));
  }

  async run() {
    this.running = true;
    let wait = 500;
    while (this.events.length && this.state !== "expired") {
      const batch = this.nextBatch();
      if (this.state === "idle") this.state = "sending";
      this.listener?.saved();
      try {
        const answer = await this.send(batch);
        if (!(await this.settle(batch, answer))) throw new ApiError("the server acknowledged nothing");
        wait = 500;
        this.limit = BATCH;
        this.state = "idle";
      } catch (error) {
        wait = await this.failed(error, batch, wait);
      }
    }
    this.running = false;
    if (!this.events.length) {
      this.state = "idle";
      for (const resolve of this.whenDrained || []) resolve();
      this.whenDrained = [];
    }
    this.listener?.saved();
  }

  nextBatch() {
    const { client } = this.events[0];
    const end = this.events.findIndex((event, i) => event.client !== client || i >= this.limit);
    return this.events.slice(0, end < 0 ? undefined : end);
  }

  // Resolves to the server's answer, {acked, rejected}.
  send(batch, extra = {}) {
    const events = batch.map(({ seq, item, kind, value = null, ms, round, replaces }) => ({ seq, item, kind, value, ms, round, replaces }));
    return this.api.post(`/projects/${encodeURIComponent(this.project)}/annotations`, { client: batch[0].client, events }, extra);
  }

  async settle(batch, answer) {
    const acked = new Set(answer.acked || []);
    const rejected = new Map((answer.rejected || []).map((r) => [r.seq, r.reason]));
    const over = new Set(batch.filter((event) => acked.has(event.seq) || rejected.has(event.seq)));
    const now = performance.now();
    for (const event of over) await this.drop(event, rejected.has(event.seq));
    this.events = this.events.filter((event) => !over.has(event));
    for (const event of over) {
      if (rejected.has(event.seq)) this.listener?.rejected(event, rejected.get(event.seq));
      else if (event.started) measure(event.packed ? "alcore:mask-ack" : "alcore:ack", event.started, now);
    }
    for (const conflict of answer.conflicts || []) {
      const event = batch.find(({ seq }) => seq === conflict.seq);
      if (event) this.listener?.contradicted(event, conflict);
    }
    return over.size > 0;
  }

  async failed(error, batch, wait) {
    this.problem = error.message;
    if (error.status === 401) {
      this.state = "expired";
      return wait;
    }
    if (error.status === 413 && batch.length > 1) {
      this.limit = Math.ceil(batch.length / 2);
      return wait;
    }
    this.state = error.told || (error.status >= 400 && error.status < 500) ? "refused" : "offline";
    this.listener?.saved();
    await Promise.race([sleep(wait), new Promise((resolve) => (this.hurry = resolve))]);
    this.hurry = null;
    return Math.min(wait * 2, error.status === 403 ? 30000 : 5000); // 403: somebody must change the server's settings first
  }

  // The page is closing: hand what is left to the browser. It stays stored, so a failure here loses nothing.
  lastTry() {
    if (this.events.length && this.state !== "expired") this.send(this.nextBatch(), { keepalive: true }).catch(() => {});
  }
}
