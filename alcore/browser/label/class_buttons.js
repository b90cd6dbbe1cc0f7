// The classes of the labeler as buttons, each with its key; the model's guess and what was given are marked. Of many classes, those that were
// given last stand first once more, and the first digits may be for what the model takes each image for.

import { button, element, press } from "../shared/dom.js";
import { LABELING, keysOf } from "../shared/keys.js";
import { nameOf } from "../shared/named.js";

/** @import { ClassList } from "./classes.js" */
/** @import { Looks } from "./dress.js" */
/** @import { LabelItem } from "./labeler.js" */

const MANY = 20; // classes beyond which one is found by typing
const ALL_KEYS = 35; // classes beyond which some have no key of their own
const TOPS = "12345"; // keys for the model's guesses
const REST = "67890"; // digits that are left for classes then
const RECENT = 5;
const SETTING = "alcore.label.tops"; // "1" or "0" once somebody has chosen

export class ClassButtons {
  /**
   * @param {ClassList} list
   * @param {(name: string, event: Event) => void} give
   */
  constructor(list, give) {
    this.list = list;
    this.give = give;
    /** @type {string[]} */
    this.classes = [];
    /** @type {Looks} */
    this.looks = {};
    /** @type {Map<string, string>} key -> class, of the item that is marked */
    this.classByKey = new Map();
    /** @type {Map<string, string>} class -> key, whatever the item */
    this.keys = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.buttonOf = new Map();
    /** @type {HTMLElement[]} */
    this.marked = [];
    /** @type {string[]} classes by the last time they were given */
    this.recent = [];
    /** @type {HTMLInputElement} */
    this.tick = element("input", { type: "checkbox", onchange: () => this.choose() });
    this.tops = element("label", { class: "tops", title: "Keys 1 to 5 give the classes that the model takes the image for, the likeliest first", hidden: true }, this.tick, "1–5: the model’s guesses");
    this.again = element("div", { class: "recent", role: "group", "aria-label": "Given lately", hidden: true });
    list.box.before(this.tops, this.again);
  }

  /** Whether the first digits are for the model's guesses. */
  get byGuess() {
    const chosen = localStorage.getItem(SETTING);
    return this.classes.length > MANY && (chosen === null ? this.classes.length > ALL_KEYS : chosen === "1");
  }

  choose() {
    localStorage.setItem(SETTING, this.tick.checked ? "1" : "0");
    this.set(this.classes, this.looks);
    this.tick.blur();
  }

  /**
   * @param {string[]} classes
   * @param {Looks} [looks]
   */
  set(classes, looks = {}) {
    this.classes = classes;
    this.looks = looks;
    const chosen = Object.fromEntries(Object.entries(looks).map(([name, { key }]) => [name, key ?? ""]));
    this.keys = keysOf(classes, LABELING, chosen, this.byGuess ? REST : undefined);
    this.classByKey = new Map([...this.keys].map(([name, key]) => [key, name]));
    const buttons = classes.map((name) => this.button(name));
    this.buttonOf = new Map(classes.map((name, i) => [name, buttons[i]]));
    this.marked = [];
    const longest = Math.max(...classes.map((name) => name.length), 0);
    this.list.show(buttons, { columns: longest <= 11 && classes.length > 4 ? (longest <= 2 ? "4" : "2") : "1", many: classes.length > 6, found: classes.length > MANY });
    this.tops.hidden = classes.length <= MANY;
    this.tick.checked = this.byGuess;
    this.showRecent();
  }

  /** @param {string} name */
  button(name) {
    const { color } = this.looks[name] ?? {};
    const key = this.keys.get(name);
    const swatch = element("i", { class: "swatch", hidden: !color });
    if (color) swatch.style.background = color;
    return button(
      { class: "class", "data-value": name, title: name, "aria-keyshortcuts": key, onclick: (/** @type {Event} */ event) => this.give(name, event) },
      element("kbd", { text: key || "", "data-none": !key }),
      swatch,
      nameOf(name),
      element("span", { class: "mark" }),
    );
  }

  /** The key of a class; "" where it has none. @param {string} name */
  keyOf(name) {
    return [...this.classByKey].find(([, value]) => value === name)?.[0] ?? "";
  }

  /** Marks what the model guesses of an item and what was given. @param {LabelItem} item @param {boolean} [alone] it alone will be answered */
  mark(item, alone = true) {
    for (const node of this.marked) {
      node.removeAttribute("data-draft");
      node.removeAttribute("data-given");
      node.removeAttribute("aria-pressed");
      markOf(node, "");
      keyed(node, this.keys.get(node.dataset.value ?? "") ?? "");
    }
    this.marked = [];
    this.markTops(alone ? item.top ?? [] : []);
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

  /** Gives the first digits to the classes that the model takes an item for. @param {[string, number][]} top */
  markTops(top) {
    if (!this.byGuess) return;
    this.classByKey = new Map([...this.keys].map(([name, key]) => [key, name]));
    const known = top.filter(([name]) => this.buttonOf.has(name)).slice(0, TOPS.length);
    for (const [at, [name]] of known.entries()) {
      const node = /** @type {HTMLElement} */ (this.buttonOf.get(name));
      this.classByKey.set(TOPS[at], name);
      keyed(node, TOPS[at]);
      this.marked.push(node);
    }
  }

  /** Says that a class was given. @param {string} name */
  flash(name) {
    this.recent = [name, ...this.recent.filter((other) => other !== name)].slice(0, RECENT);
    this.showRecent();
    const node = this.buttonOf.get(name);
    if (!node || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    node.animate([{ background: "var(--accent)", color: "var(--paper)" }, {}], { duration: 160, easing: "ease-out" });
  }

  /** Of many classes, those that were given last, in reach. */
  showRecent() {
    const there = this.recent.filter((name) => this.buttonOf.has(name));
    this.again.hidden = this.classes.length <= MANY || !there.length;
    this.again.replaceChildren(...(this.again.hidden ? [] : there).map((name) => button({ class: "tool", "data-value": name, title: name, onclick: (/** @type {Event} */ event) => this.give(name, event) }, nameOf(name))));
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

/**
 * @param {HTMLElement} row
 * @param {string} key
 */
function keyed(row, key) {
  const node = row.querySelector("kbd");
  if (!node) return;
  node.textContent = key;
  node.toggleAttribute("data-none", !key);
  if (key) row.setAttribute("aria-keyshortcuts", key);
  else row.removeAttribute("aria-keyshortcuts");
}
