// Names of classes where their points lie, as far as there is room.

import { element } from "../shared/dom.js";
import { median } from "./geometry.js";

/** @import { Board } from "./board.js" */
/** @import { Box, Values } from "./geometry.js" */
/** @typedef {{index: number, x: number, y: number, n: number}} Center of a class: its place, and how many points speak for it */

const FEW = 3; // labeled points that are enough to say where a class lies
const LONGEST = 24; // characters
const COMPACT = 0.14; // of the map's larger side: the most that half of a class's points may lie away from its center
const [HALF, GAP] = [9, 3]; // pixels: of a name's height, and around it

/**
 * Where classes lie: the median of their labeled points, else of those that the model takes for them; classes that lie all over the map are
 * left out. The largest come first.
 * @param {{x: Values, y: Values, box: Box}} points
 * @param {(Values | null)[]} told classes of the points, -1 for none: by label, and then by what is guessed
 * @param {number} classes
 * @param {Uint8Array | null} shown
 * @returns {Center[]}
 */
export function centersOf({ x, y, box }, told, classes, shown) {
  const reach = COMPACT * Math.max(box.right - box.left, box.high - box.low);
  const sides = told.map((values) => (values ? membersOf(values, classes, shown) : null));
  /** @type {Center[]} */
  const found = [];
  for (let index = 0; index < classes; index++) {
    const members = sides.map((by) => by?.[index] ?? []).find((some) => some.length >= FEW);
    if (!members) continue;
    const at = { x: median(members.map((i) => x[i])), y: median(members.map((i) => y[i])) };
    if (median(members.map((i) => Math.hypot(x[i] - at.x, y[i] - at.y))) <= reach) found.push({ index, ...at, n: members.length });
  }
  return found.sort((a, b) => b.n - a.n || a.index - b.index);
}

/**
 * @param {Values} values
 * @param {number} classes
 * @param {Uint8Array | null} shown
 */
function membersOf(values, classes, shown) {
  /** @type {number[][]} */
  const by = Array.from({ length: classes }, () => []);
  for (let i = 0; i < values.length; i++) if (values[i] >= 0 && values[i] < classes && shown?.[i] !== 0) by[values[i]].push(i);
  return by;
}

export class Centers {
  constructor() {
    this.node = element("div", { class: "centers", "aria-hidden": "true" }); // a picture of what the legend lists
    /** @type {(Center & {node: HTMLElement, half: number})[]} */
    this.all = [];
    this.on = true;
  }

  /**
   * @param {Center[]} centers
   * @param {string[]} names
   */
  set(centers, names) {
    this.all = centers.map((center) => {
      const name = names[center.index] ?? String(center.index); // of a long one both ends: many begin alike
      return { ...center, half: 0, node: element("span", { text: name.length > LONGEST ? `${name.slice(0, 10)}…${name.slice(-12)}` : name, "data-class": center.index, hidden: true }) };
    });
    this.node.replaceChildren(...this.all.map(({ node }) => node));
  }

  /** Puts them where they belong in the view; of two that would touch the larger one is shown. @param {Board} board */
  draw(board) {
    const { width, height } = board.size ?? { width: 0, height: 0 };
    /** @type {{x: number, y: number, half: number}[]} */
    const taken = [];
    for (const center of this.all) {
      const [x, y] = board.onScreen(center.x, center.y);
      const { node } = center;
      let free = this.on && x > 0 && y > 0 && x < width && y < height;
      if (free) {
        node.hidden = false;
        center.half ||= node.offsetWidth / 2;
        const { half } = center;
        free = x > half && x + half < width && taken.every((other) => Math.abs(other.x - x) > other.half + half + GAP || Math.abs(other.y - y) > 2 * HALF + GAP);
        if (free) taken.push({ x, y, half });
      }
      node.hidden = !free;
      if (free) node.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`;
    }
  }
}
