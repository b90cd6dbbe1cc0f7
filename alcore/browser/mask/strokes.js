// Strokes that no save has yet, kept in the browser as they are made.

import { isUnsaved, spentOn } from "./item.js";
import { packed } from "./packing.js";

/** @import { MaskItem } from "./item.js" */
/** @import { StrokeBox } from "./store.js" */

const KEEP_AFTER = 250; // milliseconds from a stroke to its copy in the browser's store

export class Strokes {
  /** @param {(items: number) => void} [tell] hears of how many items something is not in the browser's store yet */
  constructor(tell = () => {}) {
    this.tell = tell;
    /** @type {StrokeBox | null} of the person and project at hand */
    this.box = null;
    /** @type {Map<number, number>} item -> strokes and writes that are under way */
    this.underWay = new Map();
  }

  /** @param {number} item @param {number} more */
  count(item, more) {
    const left = (this.underWay.get(item) ?? 0) + more;
    if (left > 0) this.underWay.set(item, left);
    else this.underWay.delete(item);
    this.tell(this.underWay.size);
  }

  /** @param {number} item @param {Promise<unknown> | undefined} write */
  track(item, write) {
    this.count(item, 1);
    Promise.resolve(write).finally(() => this.count(item, -1));
  }

  /** Keeps what an item holds, or drops what was kept where a save has it. @param {MaskItem} item */
  keep(item) {
    this.forgetTimer(item);
    const { box } = this;
    if (!box) return;
    if (!isUnsaved(item)) return this.track(item.id, box.drop(item.id));
    const bytes = item.doc ? packed(item.doc.mask) : item.kept;
    if (bytes) this.track(item.id, box.put({ item: item.id, width: item.width, height: item.height, packed: bytes, at: Date.now(), ms: Math.round(spentOn(item)), clicks: item.clicks }));
  }

  /** Keeps them soon. @param {MaskItem} item */
  keepSoon(item) {
    if (item.keepTimer !== undefined) return;
    this.count(item.id, 1);
    item.keepTimer = setTimeout(() => this.keep(item), KEEP_AFTER);
  }

  /** Keeps now what was to be kept soon. @param {MaskItem[]} items */
  keepAll(items) {
    for (const item of items) if (item.keepTimer !== undefined) this.keep(item);
  }

  /** @param {MaskItem} item */
  forgetTimer(item) {
    if (item.keepTimer !== undefined) this.count(item.id, -1);
    clearTimeout(item.keepTimer);
    item.keepTimer = undefined;
  }

  /** A save was taken back, or was refused: its strokes are unsaved again. @param {MaskItem} item */
  markUnsaved(item) {
    item.unsaved = true;
    if (item.doc) item.doc.savedState = -1;
    this.keep(item);
  }
}
