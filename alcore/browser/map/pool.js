// The columns of a round as raw arrays, each fetched once; and what the map knows of the pool from them.

import { ApiError } from "../shared/api.js";
import { boxAround, Nearby } from "./geometry.js";

/** @import { Api } from "../shared/api.js" */
/** @import { Column, ColumnsTold } from "../shared/types.js" */
/** @import { Values } from "./geometry.js" */

/** @type {Record<string, new (buffer: ArrayBuffer) => Values>} by the header x-dtype */
const ARRAYS = { float32: Float32Array, int32: Int32Array, int16: Int16Array, uint8: Uint8Array };

/** @param {Column} column */
export function titleOf(column) {
  return column.title ?? column.name.replaceAll("_", " ");
}

/** Fetches the columns of a round. */
export class Columns {
  /**
   * @param {Api} api
   * @param {string} project
   * @param {number} round
   */
  constructor(api, project, round) {
    this.api = api;
    this.round = round;
    this.place = ["projects", project, "rounds", round, "columns"];
    /** @type {Map<string, Promise<Values>>} */
    this.fetched = new Map();
  }

  /** @returns {Promise<ColumnsTold>} what there is */
  list() {
    return this.api.json(this.api.url(this.place));
  }

  /**
   * @param {string} name
   * @returns {Promise<Values>}
   */
  get(name) {
    const known = this.fetched.get(name);
    if (known) return known;
    const got = this.api.request(this.api.url([...this.place, name])).then(({ answer, body }) => {
      const Kind = ARRAYS[answer.headers.get("x-dtype") ?? ""];
      if (!Kind) throw new ApiError("the server gave no column");
      return new Kind(body);
    });
    this.fetched.set(name, got);
    got.catch(() => this.fetched.delete(name));
    return got;
  }
}

/** The points of a round. */
export class Pool {
  /**
   * @param {Columns} columns
   * @param {ColumnsTold} listing
   * @param {Values[]} parts ids, x, y, and 1 where a point was asked for
   */
  constructor(columns, listing, [ids, x, y, selected]) {
    this.columns = columns;
    this.listing = listing;
    this.ids = ids;
    this.queried = /** @type {Uint8Array} */ (selected);
    this.x = x;
    this.y = y;
    /** @type {number[]} the points that were asked for */
    this.ringed = [];
    selected.forEach((/** @type {number} */ on, /** @type {number} */ i) => on && this.ringed.push(i));
    /** @type {Map<number, number> | undefined} id -> place, made when it is asked for */
    this.index = undefined;
    this.box = boxAround(x, y);
    this.nearby = new Nearby(x, y, this.box);
  }

  /**
   * @param {string} name
   * @returns {Column}
   */
  describe(name) {
    return this.listing.columns.find((column) => column.name === name) || { name, kind: "number", low: 0, high: 1 };
  }

  /** Names of the classes. @param {string[]} known where the round does not tell them */
  classes(known) {
    return this.listing.classes?.length ? this.listing.classes : known;
  }

  /** Whether the round has that column. @param {string} name */
  has(name) {
    return this.listing.columns.some((column) => column.name === name);
  }

  /**
   * A column, or blanks where the round has none of that name.
   * @param {string} name
   * @returns {Promise<Values>}
   */
  values(name) {
    return this.has(name) ? this.columns.get(name) : Promise.resolve(new Float32Array(this.ids.length).fill(NaN));
  }

  /**
   * What the values of a column are called.
   * @param {Column} column
   * @param {string[]} classes where neither it nor the round tells them
   */
  names(column, classes) {
    return column.names ?? this.classes(classes);
  }

  /** Where each of some ids is; -1 for one that is not here. @param {ArrayLike<number>} ids */
  places(ids) {
    if (!this.index) {
      this.index = new Map();
      for (let i = 0; i < this.ids.length; i++) this.index.set(this.ids[i], i);
    }
    const found = new Int32Array(ids.length);
    for (let k = 0; k < ids.length; k++) found[k] = this.index.get(ids[k]) ?? -1;
    return found;
  }

  /** Where each of these points is in another pool; -1 for one that is not there. @param {Pool} other */
  placesIn(other) {
    return other.places(this.ids);
  }

  /**
   * Where each point was before: those that are new are where they are.
   * @param {Pool} old
   * @param {Int32Array} from place of each in it
   * @returns {{x: Values, y: Values} | null} null where none moves
   */
  movedFrom(old, from) {
    let moved = false;
    const before = (/** @type {Values} */ was, /** @type {Values} */ is) =>
      Float32Array.from(is, (v, i) => {
        if (from[i] < 0) return v;
        moved ||= was[from[i]] !== v;
        return was[from[i]];
      });
    const [x, y] = [before(old.x, this.x), before(old.y, this.y)];
    return moved ? { x, y } : null;
  }
}

/**
 * The colors that points had in another pool; those that are new come out of nothing.
 * @param {Uint8Array} colors
 * @param {Int32Array} from
 */
export function carried(colors, from) {
  const old = new Uint32Array(colors.buffer);
  return new Uint8Array(Uint32Array.from(from, (i) => (i < 0 ? 0 : old[i])).buffer);
}

/** 1 where a point has a class. @param {Values} classes */
export function where(classes) {
  const there = new Uint8Array(classes.length);
  for (let i = 0; i < there.length; i++) there[i] = classes[i] >= 0 ? 1 : 0;
  return there;
}
