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
function outboxFor(api, { identity, project, annotator }) {
  const name = JSON.stringify([identity, project, annotator]);
  if (!OUTBOXES.has(name)) OUTBOXES.set(name, new Outbox(project, annotator, identity));
  const outbox = OUTBOXES.get(name);
  outbox.api = api;
  return outbox;
}

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

  // Takes over what earlier loads of this page could not deliver. Returns how many.
  recover() {
    const groups = new Map();
    this.othersWait = 0;
    for (const key of this.keptKeys()) {
      const [client, seq] = key.slice(this.prefix.length).split("/");
      let event;
      try {
        event = JSON.parse(localStorage.getItem(key));
      } catch {
        continue; // not ours, or damaged; leave it
      }
      if (this.events.some((known) => known.client === client && known.seq === Number(seq))) continue;
      if (event.annotator !== this.annotator) {
        this.othersWait += 1;
        continue;
      }
      const group = groups.get(client) || groups.set(client, []).get(client);
      group.push({ ...event, client, seq: Number(seq) });
    }
    const older = [...groups.values()].map((group) => group.sort((a, b) => a.seq - b.seq)).sort((a, b) => a[0].at - b[0].at).flat();
    this.events.unshift(...older);
    if (older.length) this.wake();
    return older.length;
  }

  keptKeys() {
    try {
      return Object.keys(localStorage).filter((key) => key.startsWith(this.prefix));
    } catch {
      this.inMemoryOnly = true;
      return [];
    }
  }

  // event: {item, kind, value, ms}; `started` is the key press, for the benchmark. Returns the sequence number.
  push(event, started) {
    lastSeq += 1;
    const kept = { ...event, client: CLIENT, seq: lastSeq, at: Date.now(), annotator: this.annotator };
    try {
      localStorage.setItem(this.place(kept), JSON.stringify(kept));
    } catch {
      this.inMemoryOnly = true;
    }
    this.events.push({ ...kept, started });
    if (!this.running) this.run(); // while a try is paused, new keys must not hammer a server that is away
    return kept.seq;
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
        const events = batch.map(({ seq, item, kind, value, ms }) => ({ seq, item, kind, value, ms }));
        const answer = await this.api.post(`/projects/${encodeURIComponent(this.project)}/annotations`, { client: batch[0].client, events });
        if (!this.settle(batch, answer)) throw new ApiError("the server acknowledged nothing");
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

  settle(batch, answer) {
    const acked = new Set(answer.acked || []);
    const rejected = new Map((answer.rejected || []).map((r) => [r.seq, r.reason]));
    const over = new Set(batch.filter((event) => acked.has(event.seq) || rejected.has(event.seq)));
    this.events = this.events.filter((event) => !over.has(event));
    for (const event of over) {
      try {
        localStorage.removeItem(this.place(event));
      } catch {
        this.inMemoryOnly = true;
      }
      if (rejected.has(event.seq)) this.listener?.rejected(event, rejected.get(event.seq));
      else if (event.started) measure("alcore:ack", event.started);
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
    this.state = error.status >= 400 && error.status < 500 ? "refused" : "offline";
    this.listener?.saved();
    await Promise.race([sleep(wait), new Promise((resolve) => (this.hurry = resolve))]);
    this.hurry = null;
    return Math.min(wait * 2, 5000);
  }

  // The page is closing: hand what is left to the browser. It stays stored, so a failure here loses nothing.
  lastTry() {
    if (!this.events.length || this.state === "expired") return;
    const batch = this.nextBatch().map(({ seq, item, kind, value, ms }) => ({ seq, item, kind, value, ms }));
    const path = `/projects/${encodeURIComponent(this.project)}/annotations`;
    this.api.post(path, { client: this.events[0].client, events: batch }, { keepalive: true }).catch(() => {});
  }
}
