// Selections that come to the map from another page, and go from it to one.

import { wordsOf } from "../shared/api.js";
import { whole } from "../shared/numbers.js";
import { keep, kept } from "../shared/selections.js";

/** @import { Api } from "../shared/api.js" */
/** @import { MapData } from "../shared/types.js" */
/** @import { Pool } from "./pool.js" */
/** @import { Selection } from "./selection.js" */
/**
 * What this needs of the map.
 * @typedef {object} OfMap
 * @property {Api} api
 * @property {MapData} data
 * @property {Pool | null} pool
 * @property {Selection} selection
 * @property {<T>(work: () => Promise<T>) => Promise<T | null>} trying asks until there is an answer; null when it is not wanted any more
 * @property {(members: number[], among: string) => void} choose
 * @property {(name: string, value: unknown) => void} trigger
 */

export class Kept {
  /** @param {OfMap} map */
  constructor(map) {
    this.map = map;
    this.taken = ""; // the kept selection that was selected last
    this.left = ""; // the one that a person chose something else after
  }

  /** Selects the images of the kept selection that the page names, once: those of them that the map has. */
  async take() {
    const { map } = this;
    const { among = "", project } = map.data;
    if (among === this.taken) return;
    this.taken = among;
    if (!among) return;
    const ids = await map.trying(() => kept(map.api, project, among));
    const { pool } = map;
    if (!ids || !pool || among !== this.taken) return;
    const members = Array.from(pool.places(ids).filter((i) => i >= 0)).sort((a, b) => a - b);
    const missing = ids.length - members.length;
    map.choose(members, among);
    map.selection.note = missing ? `${whole(missing)} more not on this map` : "";
  }

  /** Shows these images on the page of all images. @param {number[]} ids */
  async open(ids) {
    const { map } = this;
    try {
      map.trigger("opened", await keep(map.api, map.data.project, ids));
    } catch (error) {
      map.selection.tell(`${wordsOf(error)}.`);
    }
  }
}
