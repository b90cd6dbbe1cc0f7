// Beside the map: the images of the selection, in the order that was asked for.

import { button, element } from "../shared/dom.js";
import { whole } from "../shared/numbers.js";

/** @import { Pool } from "./pool.js" */
/** @import { MapData } from "../shared/types.js" */
/**
 * What the selection needs of the map.
 * @typedef {object} OfMap
 * @property {Pool | null} pool
 * @property {MapData} data
 * @property {boolean} ready the points have their colors
 * @property {<T>(work: () => Promise<T>) => Promise<T | null>} trying asks until there is an answer; null when it is not wanted any more
 * @property {(i: number) => string} valueText
 * @property {(id: number) => Promise<string>} picture
 * @property {(i: number) => void} point says which point is meant; -1 for none
 * @property {(members: number[]) => void} choose
 * @property {(value: {ids: number[], count: number}) => void} report
 * @property {{open: (ids: number[]) => void}} kept shows images on the page of all images
 */

const SHOWN = 60; // images beside the map
const REPORTED = 2000; // ids handed to Python

export class Selection {
  /** @param {OfMap} map */
  constructor(map) {
    this.map = map;
    /** @type {number[] | null} the points of the last lasso, ascending */
    this.chosen = null;
    /** @type {Uint8Array | null} 1 where a point is one of them */
    this.mask = null;
    this.note = ""; // what is to be said beside the count
    /** @type {object | null} the newest drawing that was asked for */
    this.asked = null;
    this.head = element("div", { class: "head" });
    this.grid = element("ul", { class: "grid", tabindex: "0", "aria-label": "Images of the selection" });
    this.node = element("section", { class: "side", "aria-label": "Selection" }, this.head, this.grid);
  }

  /** @param {number[]} members */
  set(members) {
    this.chosen = members.length ? members : null;
    this.mask = null;
    const { pool } = this.map;
    if (!this.chosen || !pool) return;
    this.mask = new Uint8Array(pool.ids.length);
    for (const i of members) this.mask[i] = 1;
  }

  /**
   * What it is sorted by: the score shown; where classes are shown, what the strategy ranks by; or the names.
   * @param {Pool} pool
   */
  sorting(pool) {
    const { order, color } = this.map.data;
    if (order === "name") return { name: "place_by_name", title: "name", wanted: "low" };
    const shown = pool.describe(color);
    return shown.kind === "number" ? shown : pool.describe("total");
  }

  /**
   * The wanted end first, or last when it is asked for; no value last; equal values by id, so that the order never wavers.
   * @param {number} most how many are wanted: the first few of many are found without sorting the others
   */
  async ranked(most) {
    const { pool, data } = this.map;
    const { chosen } = this;
    if (!pool) return null;
    const by = this.sorting(pool);
    const values = await this.map.trying(() => pool.values(by.name));
    if (!values || !chosen || chosen !== this.chosen) return null;
    const sign = (by.wanted === "low") === (data.order !== "least") ? 1 : -1;
    const key = (/** @type {number} */ i) => (Number.isFinite(values[i]) ? sign * values[i] : Infinity);
    const first = most < chosen.length ? firstOf(chosen, key, (i) => pool.ids[i], most) : [...chosen];
    return first.sort((a, b) => key(a) - key(b) || pool.ids[a] - pool.ids[b]); // Infinity - Infinity is NaN, which is falsy
  }

  /** @param {Pool} pool */
  orderWords(pool) {
    const { order } = this.map.data;
    if (order === "name") return "by name";
    const by = this.sorting(pool);
    return `${order === "least" ? "least" : "most"} wanted first, by ${(by.title ?? by.name.replaceAll("_", " ")).toLowerCase()}`;
  }

  async reorder() {
    await this.render();
    if (this.chosen) await this.report();
  }

  async render() {
    const { map, head, grid } = this;
    if (!this.chosen || !map.ready) {
      head.replaceChildren(element("b", { text: "Selection" }), element("span", { text: this.note }));
      grid.replaceChildren(element("li", { class: "none" }, "Draw around points to see their images here: press ", element("kbd", { text: "L" }), " or hold ", element("kbd", { text: "Shift" }), " and drag."));
      return;
    }
    const asked = (this.asked = {});
    const order = await this.ranked(SHOWN);
    const { pool } = map;
    if (!order || !pool || !this.chosen || this.asked !== asked) return; // something newer is on its way
    const count = this.chosen.length;
    const words = this.orderWords(pool);
    const note = [count > SHOWN ? `first ${SHOWN}, ${words}` : words, this.note].filter(Boolean).join("; ");
    const all = map.data.opens && button({ class: "tool", text: "Open in Images", title: "Look at all of them, label many at once, or ask for them next", onclick: () => this.openAll() });
    head.replaceChildren(element("b", { text: `${whole(count)} selected` }), all || "", button({ class: "tool", text: "Clear", title: "Clear the selection (Esc)", onclick: () => map.choose([]) }), element("span", { text: note }));
    grid.replaceChildren(...order.map((i) => this.card(pool, i)));
  }

  async openAll() {
    const order = await this.ranked(Infinity);
    const { pool } = this.map;
    if (order && pool) this.map.kept.open(order.map((i) => pool.ids[i]));
  }

  /**
   * @param {Pool} pool
   * @param {number} i
   */
  card(pool, i) {
    const { map } = this;
    const image = element("img", { alt: `image ${pool.ids[i]}`, draggable: "false" });
    map.picture(pool.ids[i]).then((url) => setPicture(image, url), () => image.replaceWith(element("span", { class: "gone", text: "no picture" })));
    const text = map.valueText(i);
    return element("li", { onmouseenter: () => map.point(i), onmouseleave: () => map.point(-1), title: text }, image, element("span", { text }));
  }

  /** Says something beside the count. @param {string} text */
  tell(text) {
    this.head.append(element("span", { role: "alert", text }));
  }

  /** Tells Python what is selected. */
  async report() {
    const { chosen } = this;
    const order = chosen ? await this.ranked(REPORTED) : [];
    const { pool } = this.map;
    if (order && chosen === this.chosen && (pool || !order.length)) this.map.report({ ids: order.map((i) => pool?.ids[i] ?? 0), count: chosen?.length ?? 0 });
  }
}

/**
 * The `most` members of least key, equal ones of least id, in any order.
 * @param {number[]} members
 * @param {(i: number) => number} key
 * @param {(i: number) => number} id
 * @param {number} most fewer than there are members
 */
function firstOf(members, key, id, most) {
  const keys = new Float64Array(members.length);
  for (let k = 0; k < keys.length; k++) keys[k] = key(members[k]);
  const limit = keys.slice().sort()[most];
  /** @type {number[]} */
  const below = [];
  /** @type {number[]} */
  const level = [];
  for (let k = 0; k < keys.length; k++) {
    if (keys[k] < limit) below.push(members[k]);
    else if (keys[k] === limit) level.push(members[k]);
  }
  const last = Float64Array.from(level, id).sort()[most - below.length];
  return below.concat(level.filter((i) => id(i) < last));
}

/**
 * @param {HTMLImageElement} image
 * @param {string} url
 */
export function setPicture(image, url) {
  image.src = url;
  image.decode().catch(() => {}).then(() => image.classList.toggle("pixels", image.naturalWidth <= 64));
}
