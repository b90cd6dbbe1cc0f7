// One mask that is being painted: its pixels, how many there are of each class, undo and redo. Knows no page; drawing asks for `takeDirty`.

import { VOID, joined } from "./raster.js";

/** @import { Box, Mask } from "./raster.js" */
/** @typedef {Uint8Array | number} Patch the bytes of a tile; one number where all are equal */
/**
 * What a stroke changed: what its tiles held before it, their bytes, and the states of the mask it leads from and to.
 * @typedef {{patches: Map<number, Patch>, bytes: number, from: number, to: number}} Stroke
 */

const TILE = 64; // side of the patches undo keeps
const FEWEST_STROKES = 100; // kept for undo whatever they take
const MOST_STROKES = 400;
const PATCH_BYTES = 200e6;

/**
 * A tile of one value is kept as that number.
 * @param {Uint8Array} bytes
 * @returns {Patch}
 */
function flattened(bytes) {
  for (let i = 1; i < bytes.length; i++) if (bytes[i] !== bytes[0]) return bytes;
  return bytes[0];
}

export class MaskDocument {
  /**
   * `allowed`: 1 where painting is allowed, null for everywhere. `unsaved`: the mask holds strokes that no save has.
   * @param {number} width
   * @param {number} height
   * @param {Mask} mask
   * @param {{allowed?: Mask | null, unsaved?: boolean}} [options]
   */
  constructor(width, height, mask, { allowed = null, unsaved = false } = {}) {
    this.width = width;
    this.height = height;
    this.mask = mask;
    this.allowed = allowed;
    this.counts = new Float64Array(256);
    for (let i = 0; i < mask.length; i++) this.counts[mask[i]] += 1;
    this.across = Math.ceil(width / TILE);
    /** @type {Stroke[]} */
    this.done = [];
    /** @type {Stroke[]} */
    this.undone = [];
    this.bytes = 0;
    this.state = 0; // a number of its own for each state of the mask that undo and redo can reach
    this.lastState = 0;
    this.savedState = unsaved ? -1 : 0;
    /** @type {Box | null} what changed since it was last asked */
    this.dirty = null;
    /** @type {Map<number, Uint8Array> | null} of the stroke under way: tile -> what it held */
    this.stroke = null;
  }

  get unsaved() {
    return this.state !== this.savedState;
  }

  saved() {
    this.savedState = this.state;
  }

  begin() {
    this.end();
    this.stroke = new Map();
  }

  /**
   * Paints a span with one value; out of the picture or out of what is allowed nothing happens.
   * @param {number} y
   * @param {number} from
   * @param {number} to
   * @param {number} value
   */
  span(y, from, to, value) {
    const range = this.reach(y, from, to);
    if (!range) return;
    const { mask, counts, allowed } = this;
    for (let i = range[0]; i <= range[1]; i++) {
      const old = mask[i];
      if (old === value || (allowed && !allowed[i])) continue;
      counts[old] -= 1;
      counts[value] += 1;
      mask[i] = value;
    }
  }

  /**
   * Takes a span from another mask of this size; `onlyVoid` leaves alone what is painted.
   * @param {number} y
   * @param {number} from
   * @param {number} to
   * @param {Mask} source
   * @param {boolean} onlyVoid
   */
  copy(y, from, to, source, onlyVoid) {
    const range = this.reach(y, from, to);
    if (!range) return;
    const { mask, counts, allowed } = this;
    for (let i = range[0]; i <= range[1]; i++) {
      const old = mask[i];
      const value = source[i];
      if (old === value || (onlyVoid && old !== VOID) || (allowed && !allowed[i])) continue;
      counts[old] -= 1;
      counts[value] += 1;
      mask[i] = value;
    }
  }

  /**
   * The indices of a span inside the picture, after keeping what its tiles hold; null when it is outside.
   * @param {number} y
   * @param {number} from
   * @param {number} to
   * @returns {[number, number] | null}
   */
  reach(y, from, to) {
    from = Math.max(0, from);
    to = Math.min(this.width - 1, to);
    if (y < 0 || y >= this.height || from > to) return null;
    const { stroke } = this;
    if (!stroke) throw new Error("nothing is painted before a stroke begins");
    const tiles = Math.floor(y / TILE) * this.across;
    for (let tile = tiles + Math.floor(from / TILE); tile <= tiles + Math.floor(to / TILE); tile++) if (!stroke.has(tile)) stroke.set(tile, this.readTile(tile));
    const dirty = (this.dirty ||= { left: from, top: y, right: to, bottom: y });
    if (from < dirty.left) dirty.left = from;
    if (to > dirty.right) dirty.right = to;
    if (y < dirty.top) dirty.top = y;
    if (y > dirty.bottom) dirty.bottom = y;
    return [y * this.width + from, y * this.width + to];
  }

  /** Ends the stroke; true when it changed anything. */
  end() {
    if (!this.stroke) return false;
    /** @type {Map<number, Patch>} */
    const patches = new Map();
    let bytes = 0;
    for (const [tile, before] of this.stroke) {
      if (this.sameTile(tile, before)) continue;
      const patch = flattened(before);
      patches.set(tile, patch);
      bytes += typeof patch === "number" ? 8 : patch.length;
    }
    this.stroke = null;
    if (!patches.size) return false;
    for (const stroke of this.undone) this.bytes -= stroke.bytes;
    this.undone = [];
    this.lastState += 1;
    this.done.push({ patches, bytes, from: this.state, to: this.lastState });
    this.bytes += bytes;
    this.state = this.lastState;
    while (this.done.length > MOST_STROKES || (this.bytes > PATCH_BYTES && this.done.length > FEWEST_STROKES)) this.bytes -= this.done.shift()?.bytes ?? 0;
    return true;
  }

  undo() {
    this.end();
    const stroke = this.done.pop();
    if (!stroke) return false;
    this.swap(stroke);
    this.undone.push(stroke);
    this.state = stroke.from;
    return true;
  }

  redo() {
    this.end();
    const stroke = this.undone.pop();
    if (!stroke) return false;
    this.swap(stroke);
    this.done.push(stroke);
    this.state = stroke.to;
    return true;
  }

  /**
   * Exchanges the tiles of the mask with those of a stroke.
   * @param {Stroke} stroke
   */
  swap(stroke) {
    const { mask, counts } = this;
    for (const [tile, kept] of stroke.patches) {
      const flat = typeof kept === "number";
      const now = this.readTile(tile);
      const box = this.tileBox(tile);
      const wide = box.right - box.left + 1;
      for (let y = box.top; y <= box.bottom; y++) {
        for (let i = y * this.width + box.left, k = (y - box.top) * wide, end = k + wide; k < end; i++, k++) {
          const value = flat ? kept : kept[k];
          counts[now[k]] -= 1;
          counts[value] += 1;
          mask[i] = value;
        }
      }
      stroke.patches.set(tile, flattened(now));
      this.dirty = joined(this.dirty, box);
    }
  }

  /** @param {number} tile */
  tileBox(tile) {
    const left = (tile % this.across) * TILE;
    const top = Math.floor(tile / this.across) * TILE;
    return { left, top, right: Math.min(left + TILE, this.width) - 1, bottom: Math.min(top + TILE, this.height) - 1 };
  }

  /** @param {number} tile */
  readTile(tile) {
    const { left, top, right, bottom } = this.tileBox(tile);
    const wide = right - left + 1;
    const bytes = new Uint8Array(wide * (bottom - top + 1));
    for (let y = top; y <= bottom; y++) bytes.set(this.mask.subarray(y * this.width + left, y * this.width + left + wide), (y - top) * wide);
    return bytes;
  }

  /**
   * @param {number} tile
   * @param {Uint8Array} before
   */
  sameTile(tile, before) {
    const { left, top, right, bottom } = this.tileBox(tile);
    for (let y = top, k = 0; y <= bottom; y++) for (let i = y * this.width + left, end = i + right - left; i <= end; i++, k++) if (this.mask[i] !== before[k]) return false;
    return true;
  }

  /** What changed since it was last asked. */
  takeDirty() {
    const { dirty } = this;
    this.dirty = null;
    return dirty;
  }
}
