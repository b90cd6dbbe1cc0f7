// The list of classes, and the field that finds one by typing. What a row is and what choosing it does is the part's.

import { element } from "../shared/dom.js";
import { fit, plain } from "../shared/keys.js";

export class ClassList {
  /** @param {(row: HTMLElement, event: Event) => void} give a class was found by typing */
  constructor(give) {
    this.give = give;
    /** @type {HTMLElement[]} each has its class as data-value */
    this.rows = [];
    /** @type {HTMLElement | null} the row that Enter takes */
    this.best = null;
    this.find = element("input", { class: "find", type: "text", placeholder: "Find a class  /", "aria-label": "Find a class", autocomplete: "off", spellcheck: "false", hidden: true, oninput: () => this.filter() });
    this.unknown = element("p", { class: "unknown", role: "status", hidden: true });
    this.box = element("div", { class: "classes", role: "group", "aria-label": "Classes" });
    this.node = element("section", { class: "choose" }, this.find, this.unknown, this.box);
  }

  /**
   * @param {HTMLElement[]} rows
   * @param {{columns: string, many: boolean, found: boolean}} look columns of the list, whether it takes much room, whether there is a field to find one
   */
  show(rows, { columns, many, found }) {
    this.rows = rows;
    this.box.replaceChildren(...rows);
    this.box.dataset.columns = columns;
    this.node.toggleAttribute("data-many", many);
    this.find.hidden = !found;
    this.find.value = "";
  }

  filter() {
    const typed = plain(this.find.value);
    const fits = this.rows.map((row) => fit(row.dataset.value ?? "", typed));
    const best = Math.min(...fits.filter((how) => how >= 0));
    // letters in order fit much of what nobody meant: only where nothing fits better
    this.rows.forEach((row, at) => (row.hidden = fits[at] < 0 || (fits[at] === 3 && best < 3)));
    const shown = this.shown();
    this.setBest(typed && shown.length ? this.rows[fits.indexOf(best)] : null);
    this.unknown.hidden = shown.length > 0;
    this.unknown.textContent = shown.length ? "" : `No class has “${this.find.value.trim()}” in its name. Esc shows all.`;
  }

  shown() {
    return this.rows.filter((row) => !row.hidden);
  }

  /** @param {HTMLElement | null | undefined} best */
  setBest(best) {
    this.best?.removeAttribute("data-best");
    this.best = best ?? null;
    best?.setAttribute("data-best", "");
    best?.scrollIntoView({ block: "nearest" });
  }

  /**
   * A key in the field.
   * @param {KeyboardEvent} event
   */
  key(event) {
    const shown = this.shown();
    event.stopImmediatePropagation();
    const leave = () => {
      this.find.value = "";
      this.filter();
      this.find.blur();
    };
    if (event.key === "Escape") leave();
    else if (event.key === "Enter" && shown.length && !event.repeat) {
      const row = this.best || shown[0];
      leave();
      this.give(row, event);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const place = (this.best ? shown.indexOf(this.best) : -1) + (event.key === "ArrowDown" ? 1 : -1);
      this.setBest(shown[(place + shown.length) % shown.length]);
    } else return;
    event.preventDefault();
  }
}
