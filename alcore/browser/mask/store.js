// What the browser keeps of masks, in IndexedDB: answers on their way to the server, and strokes nobody has saved yet.
// `MaskOutbox` sends the answers in order, as the outbox of the labeler (outbox.js) does.

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

// The outbox of the labeler with another cupboard: one IndexedDB record an event, so that a mask's bytes fit, and masks sent one by one.
let maskStore = null; // one database for all of them
class MaskOutbox extends Outbox {
  constructor(project, annotator, identity) {
    super(project, annotator, identity);
    this.store = maskStore ||= new MaskStore();
    this.key = { where: JSON.stringify([identity, project]), annotator };
  }

  get inMemoryOnly() {
    return Boolean(this.store?.broken);
  }

  set inMemoryOnly(_) {} // the base class resets it; here the store knows

  async kept() {
    return (await this.store.eventsAt(this.key.where)) || [];
  }

  // event: {item, kind, ms} and for masks {packed, width, height, round, clicks}.
  keep(event) {
    this.store.putEvent({ ...event, ...this.key }).then(() => this.listener?.saved());
  }

  drop(event, refused) {
    return this.store.settle(event, this.key, refused);
  }

  // One mask, or what stands before the next mask.
  nextBatch() {
    const batch = super.nextBatch();
    const mask = batch.findIndex((event) => event.packed);
    return mask < 0 ? batch : batch.slice(0, Math.max(1, mask));
  }

  async send(batch, extra = {}) {
    const [event] = batch;
    if (!event.packed) return super.send(batch, extra);
    event.body ||= await deflated(unpacked(event.packed, event.width * event.height));
    const { client, seq, kind, ms, round, clicks, replaces } = event;
    const told = Object.entries({ round, replaces: replaces === undefined ? undefined : (replaces ?? "") }).filter(([, value]) => value !== undefined && value !== null);
    const asked = new URLSearchParams({ client, seq, kind, ms, ...Object.fromEntries(told), clicks });
    const path = `/projects/${encodeURIComponent(this.project)}/items/${event.item}/mask?${asked}`;
    try {
      return await this.api.json(path, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: event.body, ...extra });
    } catch (error) {
      if (REFUSED_FOR_GOOD.includes(error.status)) return { rejected: [{ seq, reason: error.message }] };
      throw error;
    }
  }

  // What waits is stored, so a mask that is too large for a closing page, or not packed yet, loses nothing.
  lastTry() {
    const [first] = this.events;
    if (!first?.packed || first.body?.byteLength < KEEPALIVE_BYTES) super.lastTry();
  }
}
