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
    this.x = x;
    this.y = y;
    /** @type {number[]} the points that were asked for */
    this.ringed = [];
    selected.forEach((/** @type {number} */ on, /** @type {number} */ i) => on && this.ringed.push(i));
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
}
