// The classes of the labeler as buttons, each with its key; the model's guess and what was given are marked.

import { button, element, press } from "../shared/dom.js";
import { LABELING, keysOf } from "../shared/keys.js";
import { nameOf } from "./words.js";

/** @import { ClassList } from "./classes.js" */
/** @import { LabelItem } from "./labeler.js" */

export class ClassButtons {
  /**
   * @param {ClassList} list
   * @param {(name: string, event: Event) => void} give
   */
  constructor(list, give) {
    this.list = list;
    this.give = give;
    /** @type {Map<string, string>} key -> class */
    this.classByKey = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.buttonOf = new Map();
    /** @type {HTMLElement[]} */
    this.marked = [];
  }

  /** @param {string[]} classes */
  set(classes) {
    const keys = keysOf(classes, LABELING);
    this.classByKey = new Map([...keys].map(([name, key]) => [key, name]));
    const buttons = classes.map((name) =>
      button(
        { class: "class", "data-value": name, title: name, "aria-keyshortcuts": keys.get(name), onclick: (/** @type {Event} */ event) => this.give(name, event) },
        element("kbd", { text: keys.get(name) || "", "data-none": !keys.has(name) }),
        nameOf(name),
        element("span", { class: "mark" }),
      ),
    );
    this.buttonOf = new Map(classes.map((name, i) => [name, buttons[i]]));
    const longest = Math.max(...classes.map((name) => name.length), 0);
    this.list.show(buttons, { columns: longest <= 11 && classes.length > 4 ? (longest <= 2 ? "4" : "2") : "1", many: classes.length > 6, found: classes.length > 20 });
  }

  /** The key of a class; "" where it has none. @param {string} name */
  keyOf(name) {
    return [...this.classByKey].find(([, value]) => value === name)?.[0] ?? "";
  }

  /** Marks what the model guesses of an item and what was given. @param {LabelItem} item */
  mark(item) {
    for (const node of this.marked) {
      node.removeAttribute("data-draft");
      node.removeAttribute("data-given");
      node.removeAttribute("aria-pressed");
      markOf(node, "");
    }
    this.marked = [];
    const draft = this.buttonOf.get(item.draft ?? "");
    if (draft) {
      draft.setAttribute("data-draft", "");
      markOf(draft, this.list.box.dataset.columns !== "1" ? "↵" : "guess ↵");
      this.marked.push(draft);
    }
    const given = item.state === "label" ? this.buttonOf.get(item.label ?? "") : null;
    if (given) {
      given.setAttribute("data-given", "");
      press(given, true);
      markOf(given, "✓");
      this.marked.push(given);
    }
  }

  /** Says that a class was given. @param {string} name */
  flash(name) {
    const node = this.buttonOf.get(name);
    if (!node || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    node.animate([{ background: "var(--accent)", color: "var(--paper)" }, {}], { duration: 160, easing: "ease-out" });
  }
}

/**
 * @param {HTMLElement} row
 * @param {string} text
 */
function markOf(row, text) {
  const mark = row.lastElementChild;
  if (mark) mark.textContent = text;
}
