// What can be done to the chosen class.

import { button, element, rootOf } from "../shared/dom.js";
import { nameOf } from "../shared/named.js";
import { whole } from "../shared/numbers.js";

/** @import { Acts, ClassTold, ClassesTold } from "./told.js" */

export class Editor {
  /** @param {Acts} acts */
  constructor(acts) {
    this.acts = acts;
    /** @type {ClassTold | null} */
    this.of = null;
    /** @type {string[]} */
    this.names = [];
    this.title = element("h3");
    this.name = element("input", { type: "text", maxlength: "200", "aria-label": "Name", onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && this.save() });
    this.key = element("input", { type: "text", maxlength: "1", class: "key", "aria-label": "Key", placeholder: "usual" });
    this.color = element("input", { type: "color", "aria-label": "Color" });
    this.usual = element("input", { type: "checkbox" });
    this.about = element("textarea", { rows: "3", maxlength: "1000", "aria-label": "Description", placeholder: "What belongs to it and what does not. Shown while labeling." });
    this.into = element("select", { "aria-label": "Merge into" });
    this.merging = button({ text: "Merge", onclick: () => this.merge() });
    this.removing = button({ text: "Delete", onclick: () => this.of && this.acts.change({ do: "delete", name: this.of.name }, `Deleted “${this.of.name}”.`) });
    this.why = element("small");
    this.up = button({ text: "↑", title: "Earlier (Alt ↑)", "aria-label": "Earlier", onclick: () => this.move(-1) });
    this.down = button({ text: "↓", title: "Later (Alt ↓)", "aria-label": "Later", onclick: () => this.move(1) });
    this.first = button({ text: "First", onclick: () => this.moveTo(0) });
    this.order = element("div", { class: "line" }, element("span", { text: "Place" }), this.up, this.down, this.first);
    this.merges = element("div", { class: "line" }, element("span", { text: "Merge into" }), this.into, this.merging);
    this.deletes = element("div", { class: "line" }, element("span", { text: "Delete" }), this.removing, this.why);
    this.color.addEventListener("input", () => (this.usual.checked = false));
    this.root = element("aside", { class: "editor", "aria-label": "The chosen class", hidden: true },
      element("div", { class: "head" }, this.title, button({ text: "×", title: "Close (Esc)", "aria-label": "Close", onclick: () => this.of && acts.choose(this.of.name) })),
      element("label", { class: "line" }, element("span", { text: "Name" }), this.name),
      element("label", { class: "line" }, element("span", { text: "Key" }), this.key),
      element("div", { class: "line" }, element("span", { text: "Color" }), this.color, element("label", { class: "usual" }, this.usual, "usual")),
      element("label", { class: "line tall" }, element("span", { text: "Description" }), this.about),
      element("div", { class: "line" }, element("span"), button({ class: "main", text: "Save", onclick: () => this.save() })),
      this.order,
      this.merges,
      this.deletes);
  }

  /**
   * @param {ClassesTold} told
   * @param {string} chosen
   */
  show({ classes, dense }, chosen) {
    const of = classes.find(({ name }) => name === chosen) ?? null;
    const other = of?.name !== this.of?.name;
    this.of = of;
    this.names = classes.map(({ name }) => name);
    this.root.hidden = !of;
    if (!of) return;
    this.title.replaceChildren(nameOf(of.name));
    this.title.title = of.name;
    const focused = rootOf(this.root).activeElement;
    const types = focused?.matches("input, textarea, select") && this.root.contains(focused);
    if (other || !types) {
      this.name.value = of.name;
      this.key.value = of.key;
      this.color.value = of.color || "#808080";
      this.usual.checked = !of.color;
      this.about.value = of.about;
    }
    this.into.replaceChildren(element("option", { value: "", text: "another class …" }), ...this.names.filter((name) => name !== of.name).map((name) => element("option", { value: name, text: name })));
    this.order.hidden = this.merges.hidden = this.deletes.hidden = dense;
    const at = this.names.indexOf(of.name);
    this.up.disabled = this.first.disabled = at === 0;
    this.down.disabled = at === this.names.length - 1;
    this.merging.disabled = this.names.length < 2;
    this.removing.disabled = of.labels > 0;
    this.why.textContent = of.labels ? `${whole(of.labels)} ${of.labels === 1 ? "image has" : "images have"} it: merge it, or label them anew.` : "";
  }

  /** Takes the keyboard. */
  enter() {
    this.name.focus();
    this.name.select();
    this.root.scrollIntoView({ block: "nearest" });
  }

  /** Name and look, in as few changes as it takes. */
  async save() {
    const { of } = this;
    if (!of) return;
    const to = this.name.value.trim();
    const look = { color: this.usual.checked ? "" : this.color.value, key: this.key.value.trim(), about: this.about.value };
    const changed = Object.entries(look).some(([what, value]) => value !== of[/** @type {"color" | "key" | "about"} */ (what)]);
    if (changed) await this.acts.change({ do: "describe", name: of.name, ...look }, `Saved “${of.name}”.`);
    if (to && to !== of.name) await this.acts.change({ do: "rename", name: of.name, to }, `“${of.name}” is called “${to}” now, wherever it stands.`);
  }

  merge() {
    const into = this.into.value;
    if (!this.of || !into) return this.into.focus();
    const { name, labels } = this.of;
    this.acts.change({ do: "merge", name, into }, `“${name}” is part of “${into}” now, with ${whole(labels)} ${labels === 1 ? "label" : "labels"}. It can be taken back below.`);
  }

  /** @param {number} step */
  move(step) {
    if (this.of) this.moveTo(this.names.indexOf(this.of.name) + step);
  }

  /** @param {number} place */
  moveTo(place) {
    if (!this.of || place < 0 || place >= this.names.length) return;
    const { name } = this.of;
    const names = this.names.filter((other) => other !== name);
    names.splice(place, 0, name);
    this.acts.change({ do: "arrange", names }, "");
  }
}
