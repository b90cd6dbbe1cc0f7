// What the browser keeps of masks, in IndexedDB: answers on their way to the server, and strokes nobody has saved yet.
// `MaskOutbox` sends the answers in order; `(client, seq)` names one for ever and makes sending it twice harmless.

const MASK_DATABASE = "alcore-masks";
const REFUSED_FOR_GOOD = [400, 404, 413, 415, 422]; // sending the same mask again cannot help
const KEEPALIVE_BYTES = 60_000; // browsers let a closing page send 64 KiB

class MaskStore {
  constructor() {
    this.broken = false; // this browser keeps nothing: private windows, full disks
    this.ready = this.open().then(
      (db) => {
        this.db = db;
        db.onversionchange = () => db.close();
      },
      () => (this.broken = true),
    );
  }

  open() {
    return new Promise((resolve, reject) => {
      setTimeout(reject, 4000, new Error("IndexedDB does not answer"));
      const asked = indexedDB.open(MASK_DATABASE, 1);
      asked.onupgradeneeded = () => {
        asked.result.createObjectStore("events", { keyPath: ["client", "seq"] }).createIndex("where", "where");
        asked.result.createObjectStore("strokes", { keyPath: ["where", "annotator", "item"] });
      };
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  }

  // Runs `work(stores)` in one transaction, at once when the database is open: a closing page has no later. Resolves to its result.
  async with(names, mode, work) {
    if (!this.db) await this.ready;
    if (!this.db) return undefined;
    try {
      const transaction = this.db.transaction(names, mode);
      const over = new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = transaction.onerror = () => reject(transaction.error);
      });
      over.catch(() => {}); // told below, or by what `work` threw
      const result = work(Object.fromEntries(names.map((name) => [name, transaction.objectStore(name)])));
      if (mode === "readwrite" && !(result instanceof IDBRequest)) transaction.commit?.();
      await over;
      return result instanceof IDBRequest ? result.result : result;
    } catch (error) {
      console.warn("this browser does not keep masks:", error);
      this.broken = true;
      return undefined;
    }
  }

  putEvent(event) {
    return this.with(["events"], "readwrite", ({ events }) => void events.put(event));
  }

  eventsAt(where) {
    return this.with(["events"], "readonly", ({ events }) => events.index("where").getAll(where));
  }

  // An event is over. What a person painted since then stays; with `back` the mask that was refused is unsaved again.
  settle(event, key, back) {
    return this.with(["events", "strokes"], "readwrite", ({ events, strokes }) => {
      events.delete([event.client, event.seq]);
      if (!event.packed) return;
      const asked = strokes.get([key.where, key.annotator, event.item]);
      asked.onsuccess = () => {
        const kept = asked.result;
        if (back && !kept) strokes.put({ ...key, item: event.item, width: event.width, height: event.height, packed: event.packed, at: event.at });
        else if (!back && kept && kept.at <= event.at) strokes.delete([key.where, key.annotator, event.item]);
      };
      return asked;
    });
  }

  strokes({ where, annotator }, item) {
    return this.with(["strokes"], "readonly", ({ strokes }) => strokes.get([where, annotator, item]));
  }

  putStrokes(record) {
    return this.with(["strokes"], "readwrite", ({ strokes }) => void strokes.put(record));
  }

  dropStrokes({ where, annotator }, item) {
    return this.with(["strokes"], "readwrite", ({ strokes }) => void strokes.delete([where, annotator, item]));
  }
}

// Outboxes outlive the component, as those of the labeler do, and so does the one database.
const MASK_OUTBOXES = new Map();
let maskStore = null;
function maskOutboxFor(api, { identity, project, annotator }) {
  maskStore ||= new MaskStore();
  const name = JSON.stringify([identity, project, annotator]);
  if (!MASK_OUTBOXES.has(name)) MASK_OUTBOXES.set(name, new MaskOutbox(project, annotator, identity));
  const outbox = MASK_OUTBOXES.get(name);
  outbox.api = api;
  return outbox;
}

// The outbox of the labeler with another cupboard: one IndexedDB record an event, so that a mask's bytes fit, and masks sent one by one.
class MaskOutbox extends Outbox {
  constructor(project, annotator, identity) {
    super(project, annotator, identity);
    this.store = maskStore;
    this.key = { where: JSON.stringify([identity, project]), annotator };
  }

  get inMemoryOnly() {
    return Boolean(this.store?.broken);
  }

  set inMemoryOnly(_) {} // the base class resets it; here the store knows

  // Takes over what earlier loads of this page could not deliver. Resolves to how many.
  async recover() {
    const kept = (await this.store.eventsAt(this.key.where)) || [];
    const known = new Set(this.events.map(({ client, seq }) => `${client}/${seq}`));
    const mine = kept.filter(({ client, seq, annotator }) => annotator === this.annotator && !known.has(`${client}/${seq}`));
    this.othersWait = kept.filter(({ annotator }) => annotator !== this.annotator).length;
    const groups = new Map();
    for (const event of mine) (groups.get(event.client) || groups.set(event.client, []).get(event.client)).push(event);
    const older = [...groups.values()].map((group) => group.sort((a, b) => a.seq - b.seq)).sort((a, b) => a[0].at - b[0].at).flat();
    this.events.unshift(...older);
    if (older.length) this.wake();
    return older.length;
  }

  // event: {item, kind, ms} and for masks {packed, width, height, round, clicks}. Returns the sequence number.
  push(event, started) {
    lastSeq += 1;
    const kept = { ...event, ...this.key, client: CLIENT, seq: lastSeq, at: Date.now() };
    this.store.putEvent(kept).then(() => this.listener?.saved());
    this.events.push({ ...kept, started });
    if (!this.running) this.run();
    return kept.seq;
  }

  async run() {
    this.running = true;
    let wait = 500;
    while (this.events.length && this.state !== "expired") {
      const batch = this.nextBatch();
      if (this.state === "idle") this.state = "sending";
      this.listener?.saved();
      try {
        const answer = await (batch[0].packed ? this.sendMask(batch[0]) : this.sendSmall(batch));
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

  // One mask, or what stands before the next mask.
  nextBatch() {
    const batch = super.nextBatch();
    const mask = batch.findIndex((event) => event.packed);
    return mask < 0 ? batch : batch.slice(0, Math.max(1, mask));
  }

  sendSmall(batch, extra = {}) {
    const events = batch.map(({ seq, item, kind, ms }) => ({ seq, item, kind, value: null, ms }));
    return this.api.post(`/projects/${encodeURIComponent(this.project)}/annotations`, { client: batch[0].client, events }, extra);
  }

  async sendMask(event) {
    event.body ||= await deflated(unpacked(event.packed, event.width * event.height));
    try {
      return await this.api.json(...this.maskRequest(event));
    } catch (error) {
      if (REFUSED_FOR_GOOD.includes(error.status)) return { rejected: [{ seq: event.seq, reason: error.message }] };
      throw error;
    }
  }

  maskRequest(event, extra = {}) {
    const { client, seq, kind, ms, round, clicks } = event;
    const asked = new URLSearchParams({ client, seq, kind, ms, ...(round === null || round === undefined ? {} : { round }), clicks });
    const path = `/projects/${encodeURIComponent(this.project)}/items/${event.item}/mask?${asked}`;
    return [path, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: event.body, ...extra }];
  }

  async settle(batch, answer) {
    const acked = new Set(answer.acked || []);
    const rejected = new Map((answer.rejected || []).map((r) => [r.seq, r.reason]));
    const over = batch.filter((event) => acked.has(event.seq) || rejected.has(event.seq));
    const now = performance.now();
    for (const event of over) await this.store.settle(event, this.key, rejected.has(event.seq));
    this.events = this.events.filter((event) => !over.includes(event));
    for (const event of over) {
      if (rejected.has(event.seq)) this.listener?.rejected(event, rejected.get(event.seq));
      else if (event.started) measure(event.packed ? "alcore:mask-ack" : "alcore:ack", event.started, now);
    }
    return over.length > 0;
  }

  // The page is closing. What waits is stored, so a failure here loses nothing.
  lastTry() {
    if (!this.events.length || this.state === "expired") return;
    const batch = this.nextBatch();
    if (!batch[0].packed) this.sendSmall(batch, { keepalive: true }).catch(() => {});
    else if (batch[0].body && batch[0].body.byteLength < KEEPALIVE_BYTES) this.api.json(...this.maskRequest(batch[0], { keepalive: true })).catch(() => {});
  }
}
