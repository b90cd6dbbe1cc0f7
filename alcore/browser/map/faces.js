// Pictures on the points, once few enough are in view.

import { element } from "../shared/dom.js";
import { Thumbnails } from "../images/thumbnails.js";

/** @import { Api } from "../shared/api.js" */
/** @import { Board } from "./board.js" */

const SIDE = 44; // pixels of a picture
const GAP = 4;
const MOST = 60; // pictures at a time
const FEW = 1000; // points in view, the most among which pictures are shown
const CLOSE = 1.5; // times as large as the whole map, at least
const ASKED = 128; // pixels of a picture as it is fetched: the size that the page of all images keeps

export class Faces {
  /**
   * @param {Api} api
   * @param {() => void} came a picture is there
   */
  constructor(api, came) {
    this.node = element("div", { class: "faces", "aria-hidden": "true" }); // hover and the selection tell the same in words
    this.thumbnails = new Thumbnails(api, came);
    this.on = true;
    /** @type {Map<number, HTMLElement>} by id */
    this.shown = new Map();
  }

  close() {
    this.thumbnails.clear();
  }

  /** @param {string} project */
  of(project) {
    this.thumbnails.of(project, ASKED);
    this.clear();
  }

  clear() {
    this.node.replaceChildren();
    this.shown.clear();
  }

  /**
   * @param {Board} board
   * @param {(i: number) => string} colorOf its frame
   */
  draw(board, colorOf) {
    const picked = this.pick(board);
    const { pool } = board;
    if (!pool || !picked.length) {
      if (this.shown.size) this.clear();
      return;
    }
    const ids = picked.map((i) => pool.ids[i]);
    const kept = new Set(ids);
    for (const [id, node] of this.shown) {
      if (kept.has(id)) continue;
      node.remove();
      this.shown.delete(id);
    }
    this.thumbnails.want(ids);
    picked.forEach((i, k) => {
      const url = this.thumbnails.ready(ids[k]);
      if (!url) return;
      let node = this.shown.get(ids[k]);
      if (!node) {
        node = element("img", { alt: "", src: url, draggable: "false", "data-id": ids[k] });
        this.shown.set(ids[k], node);
        this.node.append(node);
      }
      const [x, y] = board.toScreen(i);
      node.style.transform = `translate(${x - SIDE / 2}px, ${y - SIDE / 2}px)`;
      node.style.borderColor = colorOf(i);
    });
  }

  /**
   * The points that get one, none touching another: those that have one already, then who was asked for, then by index.
   * @param {Board} board
   * @returns {number[]}
   */
  pick(board) {
    const { pool, fitted, size } = board;
    if (!this.on || !pool || !fitted || !size || board.view.scale < CLOSE * fitted.scale) return [];
    const box = board.box();
    if (pool.nearby.count(box) > 2 * FEW) return [];
    /** @type {{i: number, at: [number, number], rank: number}[]} */
    const there = [];
    pool.nearby.around(box, (i) => {
      if (board.shown?.[i] === 0) return;
      const at = board.toScreen(i);
      if (at[0] > 0 && at[1] > 0 && at[0] < size.width && at[1] < size.height) there.push({ i, at, rank: this.shown.has(pool.ids[i]) ? 0 : pool.queried[i] ? 1 : 2 });
    });
    if (there.length > FEW) return [];
    there.sort((a, b) => a.rank - b.rank || a.i - b.i);
    /** @type {typeof there} */
    const picked = [];
    for (const one of there) {
      if (picked.length === MOST) break;
      if (picked.every(({ at }) => Math.abs(at[0] - one.at[0]) >= SIDE + GAP || Math.abs(at[1] - one.at[1]) >= SIDE + GAP)) picked.push(one);
    }
    return picked.map(({ i }) => i);
  }
}
