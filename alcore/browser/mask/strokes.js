// Strokes that no save has yet, kept in the browser as they are made.

import { isUnsaved, spentOn } from "./item.js";
import { packed } from "./packing.js";

/** @import { MaskItem } from "./item.js" */
/** @import { StrokeBox } from "./store.js" */

const KEEP_AFTER = 250; // milliseconds from a stroke to its copy in the browser's store

export class Strokes {
  constructor() {
    /** @type {StrokeBox | null} of the person and project at hand */
    this.box = null;
  }

  /** Keeps what an item holds, or drops what was kept where a save has it. @param {MaskItem} item */
  keep(item) {
    this.forgetTimer(item);
    const { box } = this;
    if (!box) return;
    if (!isUnsaved(item)) return void box.drop(item.id);
    const bytes = item.doc ? packed(item.doc.mask) : item.kept;
    if (bytes) box.put({ item: item.id, width: item.width, height: item.height, packed: bytes, at: Date.now(), ms: Math.round(spentOn(item)), clicks: item.clicks });
  }

  /** Keeps them soon. @param {MaskItem} item */
  keepSoon(item) {
    item.keepTimer ??= setTimeout(() => this.keep(item), KEEP_AFTER);
  }

  /** Keeps now what was to be kept soon. @param {MaskItem[]} items */
  keepAll(items) {
    for (const item of items) if (item.keepTimer !== undefined) this.keep(item);
  }

  /** @param {MaskItem} item */
  forgetTimer(item) {
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
