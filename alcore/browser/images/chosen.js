// Which images are chosen: by click, shift, drag and keys. Holds numbers of images, so that a view in another order keeps them.

/** @import { Listing } from "./pages.js" */

export class Chosen {
  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    /** @type {Set<number>} */
    this.ids = new Set();
    this.anchor = 0; // the place that a range begins at
  }

  get size() {
    return this.ids.size;
  }

  /** @param {number} id */
  has(id) {
    return this.ids.has(id);
  }

  /** Chooses these alone. @param {Iterable<number>} ids */
  set(ids) {
    this.ids = new Set(ids);
    this.changed();
  }

  clear() {
    if (this.ids.size) this.set([]);
  }

  /**
   * A click at a place: alone, beside what is chosen, or all up to it.
   * @param {Listing} listing
   * @param {number} place
   * @param {{toggle?: boolean, range?: boolean}} how
   */
  click(listing, place, { toggle = false, range = false }) {
    const id = listing.ids[place];
    if (range) {
      const [from, to] = [Math.min(this.anchor, place), Math.max(this.anchor, place)];
      const between = listing.ids.subarray(from, to + 1);
      this.ids = toggle ? new Set([...this.ids, ...between]) : new Set(between);
    } else {
      this.anchor = place;
      if (toggle) {
        if (!this.ids.delete(id)) this.ids.add(id);
      } else this.ids = this.ids.size === 1 && this.ids.has(id) ? new Set() : new Set([id]);
    }
    this.changed();
  }

  /** Keeps those that the view still has, as an answer may have moved some out of it. @param {Listing} listing */
  within(listing) {
    this.set([...this.ids].filter((id) => listing.placeOf(id) >= 0));
  }

  /** The chosen images in the view's order; those that it does not have come last. @param {Listing} listing */
  inOrder(listing) {
    const place = (/** @type {number} */ id) => {
      const at = listing.placeOf(id);
      return at < 0 ? Infinity : at;
    };
    return [...this.ids].sort((a, b) => place(a) - place(b) || a - b);
  }
}
