// What the browser keeps of masks, in IndexedDB: answers on their way to the server, and strokes nobody has saved yet. A mask's bytes do not
// fit where the labeler keeps its events, and masks are sent one by one: so an outbox of masks has another cupboard and another post.

import { problemOf } from "../shared/api.js";
import { LabelPost, Outbox } from "../label/outbox.js";
import { leave, left } from "./leaving.js";
import { deflated, unpacked } from "./packing.js";

/** @import { Api } from "../shared/api.js" */
/** @import { Receipt } from "../shared/types.js" */
/** @import { Kept, Waiting, Who } from "../label/outbox.js" */
/** @import { Kind } from "./leaving.js" */
/** @import { Packed } from "./packing.js" */
/** @typedef {{where: string, annotator: string}} Key whose, and of what project */
/**
 * Strokes that no save has.
 * @typedef {object} StrokesKept
 * @property {number} item
 * @property {number} width
 * @property {number} height
 * @property {Packed} packed
 * @property {number} at when they were kept
 * @property {number} [ms] how long they took
 * @property {number} [clicks]
 */
/** @typedef {"events" | "strokes"} Shelf */
/** @typedef {Record<Shelf, IDBObjectStore>} Shelves */

const MASK_DATABASE = "alcore-masks";
const REFUSED_FOR_GOOD = [400, 404, 413, 415, 422]; // sending the same mask again cannot help
const KEEPALIVE_BYTES = 60_000; // browsers let a closing page send 64 KiB

class MaskStore {
  constructor() {
    this.broken = false; // this browser keeps nothing: private windows, full disks
    /** @type {IDBDatabase | undefined} */
    this.db = undefined;
    this.closing = false; // from now on what is to be kept is left for the next page too
    /** @type {Set<{shelf: Shelf, record: Kind}>} */
    this.beingPut = new Set();
    this.ready = this.open().then(
      (db) => {
        this.db = db;
        db.onversionchange = () => db.close();
        return this.bringIn();
      },
      () => {
        this.broken = true;
      },
    );
    window.addEventListener("pagehide", () => {
      this.closing = true;
      for (const { shelf, record } of this.beingPut) leave(shelf, record);
    });
    window.addEventListener("pageshow", ({ persisted }) => {
      this.closing = false;
      if (persisted) this.bringIn();
    });
  }

  /** Takes over what closing pages left, but for strokes of which newer ones are kept. */
  async bringIn() {
    const found = left();
    if (!found.length) return;
    await this.with(["events", "strokes"], "readwrite", (shelves) => {
      let last;
      for (const { shelf, record } of found) {
        last = shelves[shelf].get(shelf === "strokes" ? [record.where, record.annotator, record.item] : [/** @type {Kept} */ (record).client, /** @type {Kept} */ (record).seq]);
        last.onsuccess = ({ target }) => {
          const kept = /** @type {IDBRequest} */ (target).result;
          if (!kept || kept.at < record.at) shelves[shelf].put(record);
        };
      }
      return last;
    });
    if (!this.broken) for (const { forget } of found) forget();
  }

  /** @param {Shelf} shelf @param {Kind} record */
  put(shelf, record) {
    const write = { shelf, record };
    this.beingPut.add(write);
    if (this.closing) leave(shelf, record);
    return this.with([shelf], "readwrite", (shelves) => void shelves[shelf].put(record)).finally(() => this.beingPut.delete(write));
  }

  /** @returns {Promise<IDBDatabase>} */
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

  /**
   * Runs `work(stores)` in one transaction, at once when the database is open. Resolves to its result.
   * @template T
   * @param {Shelf[]} names
   * @param {IDBTransactionMode} mode
   * @param {(shelves: Shelves) => IDBRequest<T> | undefined | void} work
   * @returns {Promise<T | undefined>}
   */
  async with(names, mode, work) {
    if (!this.db) await this.ready;
    if (!this.db) return undefined;
    try {
      const transaction = this.db.transaction(names, mode);
      /** @type {Promise<void>} */
      const over = new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = transaction.onerror = () => reject(transaction.error);
      });
      over.catch(() => {}); // told below, or by what `work` threw
      const result = work(/** @type {Shelves} */ (Object.fromEntries(names.map((name) => [name, transaction.objectStore(name)]))));
      if (mode === "readwrite" && !(result instanceof IDBRequest)) transaction.commit?.();
      await over;
      return result instanceof IDBRequest ? result.result : undefined;
    } catch (error) {
      console.warn("this browser does not keep masks:", error);
      this.broken = true;
      return undefined;
    }
  }

  /** @param {Kept & Key} event */
  putEvent(event) {
    return this.put("events", event);
  }

  /**
   * @param {string} where
   * @returns {Promise<Kept[] | undefined>}
   */
  eventsAt(where) {
    return this.with(["events"], "readonly", ({ events }) => events.index("where").getAll(where));
  }

  /**
   * An event is over. What a person painted since then stays; with `back` the mask that was refused is unsaved again.
   * @param {Kept} event
   * @param {Key} key
   * @param {boolean} back
   */
  settle(event, { where, annotator }, back) {
    return this.with(["events", "strokes"], "readwrite", ({ events, strokes }) => {
      events.delete([event.client, event.seq]);
      if (!event.packed) return;
      const asked = strokes.get([where, annotator, event.item]);
      asked.onsuccess = () => {
        const kept = asked.result;
        if (back && !kept) strokes.put({ where, annotator, item: event.item, width: event.width, height: event.height, packed: event.packed, at: event.at });
        else if (!back && kept && kept.at <= event.at) strokes.delete([where, annotator, event.item]);
      };
      return asked;
    });
  }

  /**
   * @param {Key} key
   * @param {number} item
   * @returns {Promise<StrokesKept | undefined>}
   */
  strokes({ where, annotator }, item) {
    return this.with(["strokes"], "readonly", ({ strokes }) => strokes.get([where, annotator, item]));
  }

  /** @param {StrokesKept & Key} record */
  putStrokes(record) {
    return this.put("strokes", record);
  }

  /**
   * @param {Key} key
   * @param {number} item
   */
  dropStrokes({ where, annotator }, item) {
    return this.with(["strokes"], "readwrite", ({ strokes }) => void strokes.delete([where, annotator, item]));
  }
}

/** @type {MaskStore | null} one database for all of them */
let store = null;

/** @param {Who} who */
function keyOf({ identity, project, annotator }) {
  return { where: JSON.stringify([identity, project]), annotator };
}

/** One IndexedDB record an event. */
class MaskCupboard {
  /** @param {Who} who */
  constructor(who) {
    this.store = store ??= new MaskStore();
    this.key = keyOf(who);
  }

  get broken() {
    return this.store.broken;
  }

  async kept() {
    return (await this.store.eventsAt(this.key.where)) || [];
  }

  /** @param {Kept} event */
  keep(event) {
    return this.store.putEvent({ ...event, ...this.key });
  }

  /**
   * @param {Kept} event
   * @param {boolean} refused
   */
  drop(event, refused) {
    return this.store.settle(event, this.key, refused);
  }
}

/** Sends a mask by itself, and what stands before the next mask as the labeler does. */
class MaskPost {
  /**
   * @param {Who} who
   * @param {() => Api} api
   */
  constructor(who, api) {
    this.project = who.project;
    this.api = api;
    this.plain = new LabelPost(who, api);
  }

  /** @param {Waiting[]} batch */
  together(batch) {
    const mask = batch.findIndex((event) => event.packed);
    return mask < 0 ? batch : batch.slice(0, Math.max(1, mask));
  }

  /**
   * @param {Waiting[]} batch
   * @param {RequestInit} [extra]
   * @returns {Promise<Receipt>}
   */
  async send(batch, extra = {}) {
    const [event] = batch;
    if (!event.packed) return this.plain.send(batch, extra);
    event.body ||= await deflated(unpacked(event.packed, (event.width ?? 0) * (event.height ?? 0)));
    const { client, seq, kind, ms, round, clicks, replaces } = event;
    const api = this.api();
    const url = api.url(["projects", this.project, "items", event.item, "mask"], { client, seq, kind, ms, round, replaces: replaces === undefined ? undefined : (replaces ?? ""), clicks });
    try {
      return await api.json(url, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: event.body, ...extra });
    } catch (error) {
      const { status, message } = problemOf(error);
      if (REFUSED_FOR_GOOD.includes(status)) return { rejected: [{ seq, reason: message }] };
      throw error;
    }
  }

  /**
   * What waits is stored, so a mask that is too large for a closing page, or not packed yet, loses nothing.
   * @param {Waiting} first
   */
  hasTime(first) {
    return !first.packed || (first.body !== undefined && first.body.byteLength < KEEPALIVE_BYTES);
  }
}

/** @param {Who} who */
export function maskOutbox(who) {
  /** @type {Outbox} */
  const outbox = new Outbox(who, new MaskCupboard(who), new MaskPost(who, () => outbox.api));
  return outbox;
}

/** The strokes of a person in a project that no save has. */
export class StrokeBox {
  /** @param {Who} who */
  constructor(who) {
    this.store = store ??= new MaskStore();
    this.key = keyOf(who);
  }

  /** @param {number} item */
  get(item) {
    return this.store.strokes(this.key, item);
  }

  /** @param {StrokesKept} strokes */
  put(strokes) {
    return this.store.putStrokes({ ...this.key, ...strokes });
  }

  /** @param {number} item */
  drop(item) {
    return this.store.dropStrokes(this.key, item);
  }
}
