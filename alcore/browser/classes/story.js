// What was done to the classes, newest first, each to be taken back.

import { button, element } from "../shared/dom.js";
import { moment } from "../shared/time.js";

/** @import { Acts, ChangeTold } from "./told.js" */

const SHOWN = 8;

export class Story {
  /** @param {Acts} acts */
  constructor(acts) {
    this.acts = acts;
    /** @type {ChangeTold[]} */
    this.changes = [];
    this.list = element("ol");
    this.more = button({ class: "link", text: "Show all", onclick: () => this.draw(this.changes.length) });
    this.root = element("section", { class: "story", "aria-label": "Changes", hidden: true }, element("h3", { text: "Changes" }), this.list, this.more);
  }

  /** @param {ChangeTold[]} changes */
  show(changes) {
    this.changes = changes;
    this.root.hidden = !changes.length;
    this.draw(SHOWN);
  }

  /** @param {number} n */
  draw(n) {
    const row = (/** @type {ChangeTold} */ change) => element("li", { "data-change": String(change.id) },
      element("span", { text: `${change.annotator ? `${change.annotator} ` : ""}${change.words}` }),
      element("small", { text: moment(change.time) }),
      change.undoable ? button({ class: "link owns", text: "Take back", "aria-label": `Take back: ${change.words}`, onclick: () => this.undo(change) }) : "");
    this.list.replaceChildren(...this.changes.slice(0, n).map(row));
    this.more.hidden = this.changes.length <= n;
  }

  /** @param {ChangeTold} change */
  undo({ id, words }) {
    this.acts.change({ do: "undo", change: id }, `Taken back: ${words}.`);
  }

  undoNewest() {
    const newest = this.changes.find(({ undoable }) => undoable);
    if (newest) this.undo(newest);
  }
}
