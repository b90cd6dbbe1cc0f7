// The classes of the mask editor as rows: the color, the key, how much of the picture it has, and whether it is shown. Void is the last one.

import { button, element, press } from "../shared/dom.js";
import { keysOf } from "../shared/keys.js";
import { whole } from "../shared/numbers.js";
import { nameOf } from "../shared/named.js";
import { VOID } from "./raster.js";

/** @import { Rgb } from "../shared/types.js" */
/** @import { ClassList } from "../label/classes.js" */
/** @import { Look } from "./coloring.js" */
/** @import { MaskDocument } from "./document.js" */
/** @typedef {{row: HTMLElement, choose: HTMLElement, eye: HTMLElement, share: HTMLElement}} ClassRow */

const LETTERS = "aijkmqrtuwy"; // of classes; the other letters are tools
const EYE = `<svg viewBox="0 0 18 18" aria-hidden="true"><path d="M1.500 9s2.800-5 7.500-5 7.500 5 7.500 5-2.800 5-7.500 5S1.500 9 1.500 9z"/><circle cx="9" cy="9" r="2.200"/><path class="off" d="M3 15L15 3"/></svg>`;

export class MaskClasses {
  /**
   * @param {ClassList} list
   * @param {{choose: (value: number) => void, toggle: (value: number) => void}} acts what a row does, and its eye
   */
  constructor(list, acts) {
    this.list = list;
    this.acts = acts;
    this.isSet = false;
    /** @type {string[]} */
    this.names = [];
    /** @type {Rgb[]} */
    this.colors = [];
    /** @type {Map<number, ClassRow>} */
    this.rows = new Map();
    /** @type {Map<string, number>} */
    this.valueByKey = new Map();
    this.sharesText = element("span", { class: "share" });
    list.node.prepend(element("h4", {}, element("span", { text: "Classes" }), this.sharesText));
  }

  /**
   * @param {string[]} names
   * @param {Rgb[]} colors
   */
  set(names, colors) {
    const keys = keysOf(names, LETTERS);
    Object.assign(this, { isSet: true, names, colors });
    this.valueByKey = new Map([...keys].map(([name, key]) => [key, names.indexOf(name)]));
    this.valueByKey.set("v", VOID);
    this.rows = new Map(names.map((name, value) => [value, this.rowOf(name, value, keys.get(name))]));
    this.rows.set(VOID, this.rowOf("void", VOID, "v"));
    this.list.show([...this.rows.values()].map(({ row }) => row), { columns: "1", many: names.length > 4, found: keys.size !== names.length || names.length > 20 });
  }

  /**
   * @param {string} name
   * @param {number} value
   * @param {string | undefined} key
   * @returns {ClassRow}
   */
  rowOf(name, value, key) {
    const isVoid = value === VOID;
    const swatch = element("i", { class: "swatch" });
    if (!isVoid) swatch.style.background = `rgb(${this.colors[value]})`;
    const share = element("span", { class: "share" });
    const choose = button({ class: "class", title: isVoid ? "void: belongs to no class, trains nothing" : name, "aria-keyshortcuts": key, onclick: () => this.acts.choose(value) }, element("kbd", { text: key?.toUpperCase() || "", "data-none": !key }), swatch, nameOf(name), share);
    const eye = button({ class: "eye", "aria-label": `Hide ${name}`, title: isVoid ? "Show where the mask is void" : "Hide this class", onclick: () => this.acts.toggle(value) });
    eye.innerHTML = EYE;
    return { row: element("div", { class: "row", "data-value": name }, choose, eye), choose, eye, share };
  }

  /** The class of a row. @param {HTMLElement} row */
  valueOf(row) {
    for (const [value, made] of this.rows) if (made.row === row) return value;
    return undefined;
  }

  /** @param {number} value */
  reveal(value) {
    this.rows.get(value)?.choose.scrollIntoView({ block: "nearest" });
  }

  /**
   * @param {MaskDocument | null} doc
   * @param {number} chosen
   * @param {Look} look
   */
  render(doc, chosen, look) {
    const size = doc ? doc.width * doc.height : 0;
    for (const [value, { choose, eye, share, row }] of this.rows) {
      const pixels = doc?.counts[value] ?? 0;
      const part = doc ? pixels / size : 0;
      share.textContent = part ? (part < 0.01 ? "<1 %" : `${Math.round(100 * part)} %`) : "";
      share.title = part ? `${whole(pixels)} pixels` : "";
      press(choose, value === chosen);
      const hidden = value === VOID ? !look.voidShown : look.hidden.has(value);
      row.toggleAttribute("data-hidden", hidden);
      press(eye, hidden);
    }
    const painted = doc ? 1 - doc.counts[VOID] / size : 0;
    this.sharesText.textContent = doc ? `${painted && painted < 0.01 ? "<1" : Math.min(Math.round(100 * painted), painted < 1 ? 99 : 100)} % painted` : "";
  }
}
