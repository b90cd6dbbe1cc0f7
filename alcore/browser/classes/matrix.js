// What is taken for what: labels down, guesses across; a cell opens its images. Of many classes, those that are mixed up most.

import { element } from "../shared/dom.js";
import { nameOf } from "../shared/named.js";
import { whole } from "../shared/numbers.js";

/** @import { Acts, ClassesTold } from "./told.js" */

const MOST = 20; // classes of the matrix

export class Matrix {
  /** @param {Acts} acts */
  constructor(acts) {
    this.acts = acts;
    this.words = element("p", { class: "hint" });
    this.table = element("table", { onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event) });
    this.root = element("section", { class: "matrix", "aria-label": "What is taken for what", hidden: true },
      element("h3", { text: "What is taken for what" }), this.words, element("div", { class: "across", tabindex: "0", role: "region", "aria-label": "Matrix" }, this.table));
  }

  /** @param {ClassesTold} told */
  show({ classes, measured }) {
    this.root.hidden = !measured;
    if (!measured) return;
    const at = mixedMost(classes.length, measured.cells);
    /** @type {Map<string, number>} */
    const counts = new Map(measured.cells.map(([label, guess, n]) => [`${label} ${guess}`, n]));
    const shown = at.length < classes.length ? ` The ${whole(at.length)} classes that are mixed up most.` : "";
    this.words.textContent = `Down: the label. Across: the guess. A cell shows its images.${shown}`;
    const name = (/** @type {number} */ k) => classes[k].name;
    const head = element("thead", {}, element("tr", {}, element("td"), ...at.map((k) => element("th", { scope: "col", title: name(k) }, nameOf(name(k))))));
    const rows = at.map((label) => {
      const row = at.map((guess) => counts.get(`${label} ${guess}`) ?? 0);
      const all = measured.cells.reduce((sum, [of, , n]) => sum + (of === label ? n : 0), 0);
      const cells = row.map((n, place) => element("td", {}, n ? this.cell(name(label), name(at[place]), n, n / all) : ""));
      return element("tr", {}, element("th", { scope: "row", title: name(label) }, nameOf(name(label))), ...cells);
    });
    this.table.replaceChildren(head, element("tbody", {}, ...rows));
    this.table.querySelector("button")?.setAttribute("tabindex", "0");
  }

  /**
   * @param {string} label
   * @param {string} guess
   * @param {number} n
   * @param {number} share of the images with that label
   */
  cell(label, guess, n, share) {
    const right = label === guess;
    const words = right ? `${whole(n)} of ${label}, found` : `${whole(n)} labeled ${label}, taken for ${guess}`;
    const node = element("button", { type: "button", tabindex: "-1", class: right ? "right" : "wrong", title: words, "aria-label": words, text: whole(n), onclick: () => this.acts.cell(label, guess) });
    node.style.setProperty("--share", share.toFixed(3));
    return node;
  }

  /** Arrows go from cell to cell. @param {KeyboardEvent} event */
  key(event) {
    const step = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] })[event.key];
    const target = event.target instanceof HTMLElement ? event.target.closest("td") : null;
    const row = target?.parentElement;
    if (!step || !target || !(row instanceof HTMLTableRowElement)) return;
    const rows = [...(this.table.tBodies[0]?.rows ?? [])];
    for (let [y, x] = [rows.indexOf(row) + step[0], target.cellIndex + step[1]]; rows[y]?.cells[x]; y += step[0], x += step[1]) {
      const next = rows[y].cells[x].querySelector("button");
      if (!next) continue;
      this.table.querySelector("button[tabindex='0']")?.setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
      break;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

/**
 * The classes to show, in their order: all, or those in most mistakes.
 * @param {number} n
 * @param {[number, number, number][]} cells
 * @returns {number[]}
 */
function mixedMost(n, cells) {
  const every = Array.from({ length: n }, (_, k) => k);
  if (n <= MOST) return every;
  const wrong = new Array(n).fill(0);
  for (const [label, guess, count] of cells) {
    if (label === guess) continue;
    wrong[label] += count;
    wrong[guess] += count;
  }
  return every.sort((a, b) => wrong[b] - wrong[a] || a - b).slice(0, MOST).sort((a, b) => a - b);
}
