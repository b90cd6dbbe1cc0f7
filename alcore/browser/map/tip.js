// What is told of the point under the pointer.

import { element } from "../shared/dom.js";
import { titleOf } from "./pool.js";
import { setPicture } from "./selection.js";

/** @import { Board } from "./board.js" */
/** @import { Place } from "./geometry.js" */
/** @import { ItemTold, MapData } from "../shared/types.js" */
/** @import { Pool } from "./pool.js" */
/**
 * What the tip needs of the map.
 * @typedef {object} TipOf
 * @property {Pool | null} pool
 * @property {MapData} data
 * @property {Board} board
 * @property {(i: number) => string} valueText
 * @property {(id: number, urgent: boolean) => Promise<string>} picture
 * @property {(id: number) => Promise<ItemTold>} item
 */

export class Tip {
  /** @param {TipOf} map */
  constructor(map) {
    this.map = map;
    this.node = element("div", { class: "tip", role: "tooltip", hidden: true });
    /** @type {Map<number, ItemTold>} by id */
    this.about = new Map();
    /** @type {number | undefined} */
    this.soon = undefined;
  }

  /** @param {Place | null} at of the pointer */
  hover(at) {
    const { board } = this.map;
    const found = at ? board.under(at) : -1;
    if (found === board.hovered) return;
    board.hovered = found;
    board.draw();
    clearTimeout(this.soon);
    if (found < 0) this.node.hidden = true;
    else this.soon = setTimeout(() => this.show(found), this.node.hidden ? 60 : 0);
  }

  /** @param {number} i */
  show(i) {
    const { pool, data, board } = this.map;
    if (!pool || !board.size) return;
    const id = pool.ids[i];
    const image = element("img", { alt: "" });
    const path = element("span", { class: "path", text: this.about.get(id)?.name ?? `image ${id}` });
    const rows = element("span", {}, `${titleOf(pool.describe(data.color))} `, element("b", { text: this.map.valueText(i) }));
    this.node.replaceChildren(image, element("div", {}, rows, path, pool.ringed.includes(i) ? element("span", { class: "asked", text: "queried" }) : null));
    this.node.hidden = false;
    const [px, py] = board.toScreen(i);
    const { width, height } = board.size;
    this.node.style.left = `${px + 16 + 220 > width ? Math.max(4, px - 16 - 216) : px + 16}px`;
    this.node.style.top = `${Math.min(Math.max(4, py - 50), height - 116)}px`;
    this.map.picture(id, true).then((url) => setPicture(image, url), () => {});
    if (this.about.has(id)) return;
    this.map.item(id).then(
      (told) => {
        this.about.set(id, told);
        path.textContent = told.name ?? "";
      },
      () => {}, // the number stands there already
    );
  }
}
