// What lies over the points: names of classes, pictures, and the trails of what is looked at.

import { css } from "./board.js";
import { Centers, centersOf } from "./centers.js";
import { Faces } from "./faces.js";
import { MOST_TRAILS, Trails } from "./trails.js";

/** @import { Api } from "../shared/api.js" */
/** @import { Column, MapData } from "../shared/types.js" */
/** @import { Board } from "./board.js" */
/** @import { Values } from "./geometry.js" */
/** @import { Pool } from "./pool.js" */
/** @typedef {{label: Values | null, prediction: Values | null, labeled: Uint8Array | null}} Classes of the points, -1 for none; 1 where there is a label */

export class Layers {
  /**
   * @param {Api} api
   * @param {Board} board
   */
  constructor(api, board) {
    this.board = board;
    const again = () => board.draw();
    this.centers = new Centers();
    this.faces = new Faces(api, again);
    this.trails = new Trails(api, again);
  }

  /** @returns {HTMLElement[]} what lies in the plot */
  get nodes() {
    return [this.faces.node, this.centers.node];
  }

  close() {
    this.faces.close();
  }

  /** @param {string} project */
  open(project) {
    this.faces.of(project);
    this.trails.clear();
  }

  /**
   * Names of classes: by label and guess, or by the truth where that is what is shown.
   * @param {Pool} pool
   * @param {Column} column
   * @param {Values} values
   * @param {{label: Values | null, prediction: Values | null}} of
   * @param {string[]} classes
   */
  name(pool, column, values, { label, prediction }, classes) {
    this.centers.set(centersOf(pool, column.name === "truth" ? [values] : [label, prediction], classes.length, this.board.shown), classes);
  }

  /**
   * Trails of what is selected, else of what is asked for.
   * @param {MapData} data
   * @param {number[] | null} chosen
   */
  follow(data, chosen) {
    const { pool } = this.board;
    if (pool && data.moves) this.trails.want(data.project, (chosen ?? pool.ringed).slice(0, MOST_TRAILS).map((i) => pool.ids[i]));
  }

  /**
   * Follows the view.
   * @param {number} round
   */
  draw(round) {
    const { board } = this;
    const colors = board.painted?.colors;
    this.centers.draw(board);
    this.faces.draw(board, (i) => (colors ? css([colors[4 * i], colors[4 * i + 1], colors[4 * i + 2]]) : ""));
    board.trails = this.trails.ways(board, round);
  }
}
