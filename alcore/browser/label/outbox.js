// The durable queue of answers on their way. `(client, seq)` names an event for ever and makes sending it twice harmless. Where events are
// kept until the server has acknowledged them is a matter of a `Cupboard`, how they are sent one of a `Post`: the mask editor has its own
// (mask/store.js). Those of labels are here.

import { Api, ApiError, problemOf } from "../shared/api.js";
import { newName } from "../shared/names.js";
import { measure, sleep } from "../shared/wait.js";

/** @import { Conflict, EventKind, EventSent, Receipt } from "../shared/types.js" */
/** @typedef {{project: string, annotator: string, identity: string}} Who whose answers, and to what */
/**
 * An answer as a part gives it; those below `packed` come with masks.
 * @typedef {object} Given
 * @property {number} item
 * @property {EventKind} kind
 * @property {string | null} [value]
 * @property {number | null} ms
 * @property {number | null} round
 * @property {string | null} [replaces]
 * @property {number} [opinions]
 * @property {Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>} [packed]
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [clicks]
 */
/** @typedef {Given & {client: string, seq: number, at: number, annotator: string}} Kept as a cupboard keeps it */
/** @typedef {Kept & {started?: number, body?: ArrayBuffer}} Waiting as it waits here; `started` is the key press, for the benchmark */
/**
 * @typedef {object} Cupboard
 * @property {boolean} broken it keeps nothing: private windows, full disks
 * @property {() => Kept[] | Promise<Kept[]>} kept every event of the project that this browser keeps, whoever made it
 * @property {(event: Kept) => Promise<unknown> | undefined} keep
 * @property {(event: Kept, refused: boolean) => Promise<unknown> | void} drop an event is over: the server has it, or does not want it
 */
/**
 * @typedef {object} Post
 * @property {(batch: Waiting[]) => Waiting[]} together how many of the first events go in one request
 * @property {(batch: Waiting[], extra?: RequestInit) => Promise<Receipt>} send
 * @property {(event: Waiting) => boolean} hasTime whether a page that is closing can still send the event
 */
/**
 * Who hears of what becomes of the answers.
 * @typedef {object} Listener
 * @property {() => void} saved
 * @property {(event: Waiting, reason: string) => void} rejected
 * @property {(event: Waiting, conflict: Conflict) => void} contradicted
 */

const KEPT = "alcore:event:";
const BATCH = 100;

// One client per page load, not per tab: a duplicated tab copies sessionStorage, and two tabs counting the same
// (client, seq) would lose labels. Events of earlier loads keep the client they were made with.
export const CLIENT = newName();
let lastSeq = 0;

/** @type {Map<string, Outbox>} outboxes outlive the component: leaving the page while two labels are on their way must still deliver them */
const OUTBOXES = new Map();

/**
 * The outbox of a person and a project, made where there is none.
 * @param {Api} api
 * @param {Who} who
 * @param {(who: Who) => Outbox} make
 */
export function outboxFor(api, who, make) {
  const name = JSON.stringify([who.identity, who.project, who.annotator]);
  const outbox = OUTBOXES.get(name) ?? make(who);
  OUTBOXES.set(name, outbox);
  outbox.api = api;
  return outbox;
}

/** @param {Who} who */
export function labelOutbox(who) {
  /** @type {Outbox} */
  const outbox = new Outbox(who, new LocalCupboard(who), new LabelPost(who, () => outbox.api));
  return outbox;
}

/** Each event as its own localStorage entry, so that tabs never overwrite one another. */
class LocalCupboard {
  /** @param {Who} who */
  constructor({ identity, project }) {
    this.prefix = `${KEPT}${encodeURIComponent(identity)}/${encodeURIComponent(project)}/`;
    this.broken = false;
  }

  kept() {
    /** @type {Kept[]} */
    const events = [];
    for (const key of this.keys()) {
      const [client, seq] = key.slice(this.prefix.length).split("/");
      try {
        events.push({ ...JSON.parse(localStorage.getItem(key) ?? ""), client, seq: Number(seq) });
      } catch {
        // not ours, or damaged; leave it
      }
    }
    return events;
  }

  keys() {
    try {
      return Object.keys(localStorage).filter((key) => key.startsWith(this.prefix));
    } catch {
      this.broken = true;
      return [];
    }
  }

  /** @param {Kept} event */
  keep(event) {
    try {
      localStorage.setItem(this.place(event), JSON.stringify(event));
    } catch {
      this.broken = true;
    }
    return undefined;
  }

  /** @param {Kept} event */
  drop(event) {
    try {
      localStorage.removeItem(this.place(event));
    } catch {
      this.broken = true;
    }
  }

  /** @param {Kept} event */
  place(event) {
    return `${this.prefix}${event.client}/${event.seq}`;
  }
}

/** Sends events of one client together, as JSON. */
export class LabelPost {
  /**
   * @param {Who} who
   * @param {() => Api} api
   */
  constructor({ project }, api) {
    this.project = project;
    this.api = api;
  }

  /** @param {Waiting[]} batch */
  together(batch) {
    return batch;
  }

  /** @returns {boolean} */
  hasTime() {
    return true;
  }

  /**
   * @param {Waiting[]} batch
   * @param {RequestInit} [extra]
   * @returns {Promise<Receipt>}
   */
  send(batch, extra = {}) {
    const api = this.api();
    /** @type {EventSent[]} */
    const events = batch.map(({ seq, item, kind, value = null, ms, round, replaces, opinions }) => ({ seq, item, kind, value, ms, round, replaces, opinions }));
    return api.post(api.url(["projects", this.project, "annotations"]), { client: batch[0].client, events }, extra);
  }
}

/** Keeps answers in order, sends them until the server has them, tells a listener what becomes of them. */
export class Outbox {
  /**
   * @param {Who} who
   * @param {Cupboard} cupboard
   * @param {Post} post
   */
  constructor({ annotator }, cupboard, post) {
    this.annotator = annotator;
    this.cupboard = cupboard;
    this.post = post;
    this.api = new Api(); // outboxFor gives that of the page
    /** @type {Waiting[]} in the order they are sent */
    this.events = [];
    /** @type {"idle" | "sending" | "offline" | "expired" | "refused"} */
    this.state = "idle";
    this.problem = "";
    /** @type {Map<number, number>} item -> the newest answer to it: the how manieth of all it was */
    this.given = new Map();
    this.pushed = 0;
    this.othersWait = 0; // kept events of other annotators in this browser
    this.limit = BATCH;
    this.running = false;
    /** @type {Listener | null} */
    this.listener = null;
    /** @type {(() => void) | null} ends a pause */
    this.hurry = null;
    /** @type {(() => void)[]} */
    this.whenDrained = [];
    window.addEventListener("beforeunload", (event) => {
      if (this.inMemoryOnly && this.events.length) event.preventDefault();
    });
    window.addEventListener("pagehide", () => this.lastTry());
    window.addEventListener("online", () => this.wake());
  }

  get inMemoryOnly() {
    return this.cupboard.broken;
  }

  /** Takes over what earlier loads of this page could not deliver. Resolves to how many. */
  async recover() {
    const kept = await this.cupboard.kept();
    const known = new Set(this.events.map(({ client, seq }) => `${client}/${seq}`));
    this.othersWait = kept.filter(({ annotator }) => annotator !== this.annotator).length;
    /** @type {Map<string, Kept[]>} */
    const groups = new Map();
    for (const event of kept) {
      if (event.annotator !== this.annotator || known.has(`${event.client}/${event.seq}`)) continue;
      const group = groups.get(event.client);
      if (group) group.push(event);
      else groups.set(event.client, [event]);
    }
    const older = [...groups.values()].map((group) => group.sort((a, b) => a.seq - b.seq)).sort((a, b) => a[0].at - b[0].at).flat();
    this.events.unshift(...older);
    if (older.length) this.wake();
    return older.length;
  }

  /**
   * @param {Given} event
   * @param {number} started when the key was pressed
   * @returns {number} the sequence number
   */
  push(event, started) {
    lastSeq += 1;
    this.pushed += 1;
    this.given.set(event.item, this.pushed);
    const kept = { ...event, client: CLIENT, seq: lastSeq, at: Date.now(), annotator: this.annotator };
    this.cupboard.keep(kept)?.then(() => this.listener?.saved());
    this.events.push({ ...kept, started });
    if (!this.running) this.run(); // while a try is paused, new keys must not hammer a server that is away
    return kept.seq;
  }

  /** Sends now what waits, cutting a pause short: the browser is online again, or the page gave a new token. */
  wake() {
    this.hurry?.();
    if (!this.running) this.run();
  }

  renew() {
    if (this.state === "expired") this.state = "idle";
    this.wake();
  }

  /** @returns {Promise<void>} */
  drained() {
    if (!this.events.length) return Promise.resolve();
    return new Promise((resolve) => this.whenDrained.push(resolve));
  }

  async run() {
    this.running = true;
    let wait = 500;
    while (this.events.length && this.state !== "expired") {
      const batch = this.nextBatch();
      if (this.state === "idle") this.state = "sending";
      this.listener?.saved();
      try {
        const answer = await this.post.send(batch);
        if (!(await this.settle(batch, answer))) throw new ApiError("the server acknowledged nothing");
        wait = 500;
        this.limit = BATCH;
        this.state = "idle";
      } catch (error) {
        wait = await this.failed(problemOf(error), batch, wait);
      }
    }
    this.running = false;
    if (!this.events.length) {
      this.state = "idle";
      for (const resolve of this.whenDrained) resolve();
      this.whenDrained = [];
    }
    this.listener?.saved();
  }

  nextBatch() {
    const { client } = this.events[0];
    const end = this.events.findIndex((event, i) => event.client !== client || i >= this.limit);
    return this.post.together(this.events.slice(0, end < 0 ? undefined : end));
  }

  /**
   * @param {Waiting[]} batch
   * @param {Receipt} answer
   */
  async settle(batch, answer) {
    const acked = new Set(answer.acked || []);
    const rejected = new Map((answer.rejected || []).map((r) => [r.seq, r.reason]));
    const over = new Set(batch.filter((event) => acked.has(event.seq) || rejected.has(event.seq)));
    const now = performance.now();
    for (const event of over) await this.cupboard.drop(event, rejected.has(event.seq));
    this.events = this.events.filter((event) => !over.has(event));
    for (const event of over) {
      const reason = rejected.get(event.seq);
      if (reason !== undefined) this.listener?.rejected(event, reason);
      else if (event.started) measure(event.packed ? "alcore:mask-ack" : "alcore:ack", event.started, now);
    }
    for (const conflict of answer.conflicts || []) {
      const event = batch.find(({ seq }) => seq === conflict.seq);
      if (event) this.listener?.contradicted(event, conflict);
    }
    return over.size > 0;
  }

  /**
   * @param {ApiError} error
   * @param {Waiting[]} batch
   * @param {number} wait
   */
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
    await Promise.race([sleep(wait), /** @type {Promise<void>} */ (new Promise((resolve) => (this.hurry = resolve)))]);
    this.hurry = null;
    return Math.min(wait * 2, error.status === 403 ? 30000 : 5000); // 403: somebody must change the server's settings first
  }

  /** The page is closing: hand what is left to the browser. It stays stored, so a failure here loses nothing. */
  lastTry() {
    if (this.events.length && this.state !== "expired" && this.post.hasTime(this.events[0])) this.post.send(this.nextBatch(), { keepalive: true }).catch(() => {});
  }
}
