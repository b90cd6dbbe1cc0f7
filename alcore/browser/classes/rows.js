// The classes as rows: what each is called, how often it was given and guessed, how well it is told from the others.

import { button, element } from "../shared/dom.js";
import { LABELING, keysOf, plain } from "../shared/keys.js";
import { nameOf } from "../shared/named.js";
import { percent, whole } from "../shared/numbers.js";
import { viewOf } from "./told.js";

/** @import { Acts, ClassTold, ClassesTold, Seen } from "./told.js" */

const HEADS = [
  ["Class", ""],
  ["Key", "The key that gives it while labeling"],
  ["Labels", "Images that have it. A click shows them."],
  ["Guesses", "Unlabeled images that the newest model takes for it. A click shows them, the least sure first."],
  ["Recall", "Of the images that are it, the share that is found"],
  ["Precision", "Of the images that are taken for it, the share that is it"],
  ["Taken for", "Which classes its images are taken for. A click shows them."],
];
const TAKEN = 3; // classes it was taken for that a row names

export class Rows {
  /** @param {Acts} acts */
  constructor(acts) {
    this.acts = acts;
    this.body = element("tbody");
    /** @type {HTMLTableRowElement[]} each has its class as data-class */
    this.rows = [];
    this.none = element("p", { class: "none", hidden: true });
    const heads = HEADS.map(([text, title], at) => element("th", { scope: "col", title, text, class: at === 0 || at === 6 ? "" : "number" }));
    this.root = element("div", { class: "rows", tabindex: "0", role: "region", "aria-label": "Classes" }, element("table", {}, element("thead", {}, element("tr", {}, ...heads)), this.body), this.none);
  }

  /**
   * @param {ClassesTold} told
   * @param {string} chosen
   */
  show({ classes, measured, dense }, chosen) {
    const seen = measured?.rows;
    const keys = keysOf(classes.map(({ name }) => name), LABELING, Object.fromEntries(classes.map(({ name, key }) => [name, key])));
    this.rows = classes.map((told, at) => this.row(told, keys.get(told.name) ?? "", seen?.[at] ?? null, classes, told.name === chosen, dense));
    this.body.replaceChildren(...this.rows);
    this.none.hidden = classes.length > 0;
    this.none.textContent = "There are no classes yet. Labeling needs two: add them above.";
    this.root.toggleAttribute("data-dense", dense);
  }

  /**
   * @param {ClassTold} told
   * @param {string} key
   * @param {Seen | null} seen
   * @param {ClassTold[]} classes
   * @param {boolean} chosen
   * @param {boolean} dense
   */
  row({ name, color, about, labels, guesses }, key, seen, classes, chosen, dense) {
    const { acts } = this;
    const link = (/** @type {number | null} */ n, /** @type {string} */ what, /** @type {Record<string, string>} */ view) => (n ? button({ class: "link", text: whole(n), "aria-label": `${whole(n)} ${what} ${name}: show them`, onclick: () => acts.open(viewOf(view)) }) : element("span", { class: "nil", text: n === null ? "" : "0" }));
    const share = (/** @type {number} */ of) => (seen && of ? [element("b", { text: percent(seen.right / of) }), element("small", { text: ` ${whole(seen.right)} of ${whole(of)}` })] : [element("span", { class: "nil", text: "–" })]);
    const mixed = (seen?.mixed ?? []).slice(0, TAKEN).map(([other, n]) => button({ class: "link", title: `${whole(n)} labeled ${name}, taken for ${classes[other].name}: show them`, onclick: () => acts.cell(name, classes[other].name) }, nameOf(classes[other].name), ` ${whole(n)}`));
    const swatch = element("i", { class: "swatch", hidden: !color });
    if (color) swatch.style.background = color;
    const opener = button({ class: "opener", title: about || name, "aria-expanded": String(chosen), onclick: () => acts.choose(name) }, swatch, nameOf(name));
    const cells = [
      element("th", { scope: "row" }, opener),
      element("td", { class: "number" }, key ? element("kbd", { text: key }) : ""),
      element("td", { class: "number" }, dense ? "" : link(labels, "labeled", { label: name })),
      element("td", { class: "number" }, dense ? "" : link(guesses, "guessed to be", { guess: name, state: "unlabeled", order: "confidence", back: "1" })),
      element("td", { class: "number" }, ...share(seen?.labeled ?? 0)),
      element("td", { class: "number" }, ...share(seen?.guessed ?? 0)),
      element("td", { class: "mixed" }, ...mixed),
    ];
    return element("tr", { "data-class": name, "data-chosen": chosen }, ...cells);
  }

  /** Shows those with this in their name. @param {string} typed plain */
  filter(typed) {
    let shown = 0;
    for (const row of this.rows) shown += Number(!(row.hidden = !plain(row.dataset.class ?? "").includes(typed)));
    if (this.rows.length) {
      this.none.hidden = shown > 0;
      this.none.textContent = "No class has that in its name.";
    }
  }
}
