// What the server tells of a view: a JSON head and columns as arrays, in the view's order.

/**
 * A column of the metadata; of texts the most frequent values with how many images have each, and how many values more there are.
 * @typedef {object} MetaColumn
 * @property {string} name
 * @property {"number" | "text" | "date"} kind
 * @property {number} without images that have none
 * @property {number | null} [low] of numbers, and of dates in seconds since 1970
 * @property {number | null} [high]
 * @property {[string, number][]} [values]
 * @property {number} [more]
 */
/**
 * @typedef {object} Head
 * @property {number} count images of the view
 * @property {number} of images in all
 * @property {number} event the newest event it knows
 * @property {number | null} round whose model guesses; null before the first
 * @property {boolean} features whether likeness can be told
 * @property {boolean} drafts whether a model has drafted masks
 * @property {number[]} rounds that can be looked back to
 * @property {string[]} scores names of that round's scores
 * @property {string[]} classes
 * @property {string[]} colors of the classes of masks, #rrggbb; none where an image has one class
 * @property {string[]} people
 * @property {string[]} splits
 * @property {Record<string, string>} views kept views, name -> address
 * @property {Record<"label" | "guess" | "by" | "split" | "state" | "holds" | "painted", number[]>} counts of all images, by value; those without one last
 * @property {MetaColumn[]} meta
 * @property {[string, string][]} columns
 */

// bits of a state
export const LABELED = 1;
export const SKIPPED = 2;
export const FLAGGED = 4;
export const DISPUTED = 8;
export const PAINTED = ["whole", "part", "none"];
export const STATES = ["unlabeled", "labeled", "skipped", "flagged", "disputed"];

/** A view's images; places count from 0 in its order. */
export class Listing {
  /** @param {ArrayBuffer} body */
  constructor(body) {
    const length = new DataView(body).getUint32(0, true);
    /** @type {Head} */
    this.head = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 4, length)));
    const { count, columns } = this.head;
    let at = 4 + length;
    /** @param {string} wanted @param {number} width */
    const take = (wanted, width) => {
      const [name] = columns.shift() ?? [""];
      if (name !== wanted) throw new Error(`the server sent ${name || "nothing"} for ${wanted}`);
      const start = at;
      at += width * count;
      return start;
    };
    this.ids = new Int32Array(body, take("id", 4), count);
    this.confidence = new Float32Array(body, take("confidence", 4), count);
    this.labels = new Int16Array(body, take("label", 2), count);
    this.guesses = new Int16Array(body, take("guess", 2), count);
    this.people = new Int16Array(body, take("by", 2), count);
    /** @type {Int16Array | null} the class that the other labels speak for, where doubts were asked for */
    this.likelier = columns[0]?.[0] === "likelier" ? new Int16Array(body, take("likelier", 2), count) : null;
    this.states = new Uint8Array(body, take("state", 1), count);
    this.splits = new Uint8Array(body, take("split", 1), count);
    /** @type {Map<number, number> | null} */
    this.places = null;
  }

  get count() {
    return this.head.count;
  }

  /** The place of an image, -1 where the view does not have it. @param {number} id */
  placeOf(id) {
    if (!this.places) {
      this.places = new Map();
      for (let at = 0; at < this.ids.length; at++) this.places.set(this.ids[at], at);
    }
    return this.places.get(id) ?? -1;
  }

  /** Whether the view has an image and somebody held it out by hand. @param {number} id */
  isHeld(id) {
    const place = this.placeOf(id);
    return place >= 0 && this.head.splits[this.splits[place]] === "held";
  }

  /** The label's name, "" for none. @param {number} at */
  label(at) {
    return this.head.classes[this.labels[at]] ?? "";
  }

  /** The class that the other labels speak for, "" where nobody was asked. @param {number} at */
  likelierOf(at) {
    return this.likelier ? (this.head.classes[this.likelier[at]] ?? "") : "";
  }

  /** The guessed class, "" for none. @param {number} at */
  guess(at) {
    return this.head.classes[this.guesses[at]] ?? "";
  }
}
