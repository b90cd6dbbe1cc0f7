// What can be done with the chosen images: the bar at the foot of the grid.

import { button, element } from "../shared/dom.js";
import { keysOf, plain } from "../shared/keys.js";
import { nameOf } from "../shared/named.js";
import { whole } from "../shared/numbers.js";

const LETTERS = "bcdeghijklmopqrtuvwx"; // A chooses all, N asks next, Y says that a label is right, Z takes back, S skips, F flags
const SHOWN = 12; // class buttons; more are found by typing

/**
 * @typedef {object} Acts
 * @property {(kind: string, value: string | null) => void} give
 * @property {(name: string) => void} split makes them a class of their own
 * @property {() => void} clear
 * @property {() => void} link keeps the selection and gives its address
 * @property {() => void} map shows them on the map
 * @property {() => void} similar shows what is like the chosen images
 */

export class Actions {
  /** @param {Acts} acts */
  constructor(acts) {
    this.acts = acts;
    /** @type {string[]} */
    this.classes = [];
    /** @type {Map<string, string>} key -> class */
    this.classByKey = new Map();
    this.dense = false;
    this.past = false; // what was is looked at
    this.count = element("b", { "aria-live": "polite" });
    this.buttons = element("span", { class: "classes", role: "group", "aria-label": "Label as" });
    this.options = element("datalist", { id: "alcore-classes" });
    this.find = element("input", {
      type: "text", class: "find", placeholder: "Label as …  /", "aria-label": "Label as", autocomplete: "off", list: "alcore-classes",
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.typed(event),
      oninput: (/** @type {Event} */ event) => this.picked(event),
    });
    this.unknown = element("small", { class: "unknown", role: "status" });
    this.fresh = element("input", { type: "text", class: "find", maxlength: "200", placeholder: "Name of the new class", "aria-label": "Name of the new class", hidden: true, onkeydown: (/** @type {KeyboardEvent} */ event) => this.named(event), onblur: () => this.unname() });
    this.splitting = button({ class: "owns", text: "New class", title: "Make them a class of their own", onclick: () => this.name() });
    this.similar = button({ text: "Like these", title: "Order everything by likeness to the chosen images", onclick: () => acts.similar() });
    this.right = button({ class: "labels", text: "Label is right", title: "Never doubt it again (Y)", "aria-keyshortcuts": "Y", onclick: () => acts.give("sure", null) });
    this.mapping = button({ text: "On the map", title: "Select them on the map of the newest round", onclick: () => acts.map() });
    this.holding = button({ class: "owns", text: "Hold out", title: "Test on them: nobody is asked for them, and nothing trains on them", onclick: () => acts.give(this.held ? "back" : "hold", null) });
    this.held = false;
    this.root = element("div", { class: "actions", role: "toolbar", "aria-label": "Chosen images", hidden: true },
      this.count,
      button({ class: "clear", text: "Clear", title: "Choose none (Esc)", "aria-keyshortcuts": "Escape", onclick: () => acts.clear() }),
      element("span", { class: "label labels" }, this.buttons, this.find, this.options, this.unknown, this.splitting, this.fresh),
      button({ class: "labels", text: "Skip", title: "Skip (S)", "aria-keyshortcuts": "S", onclick: () => acts.give("skip", null) }),
      button({ class: "labels", text: "Flag", title: "Flag (F)", "aria-keyshortcuts": "F", onclick: () => acts.give("flag", null) }),
      this.right,
      button({ class: "labels", text: "Ask next", title: "Put them at the head of the queue (N)", "aria-keyshortcuts": "N", onclick: () => acts.give("ask", null) }),
      this.holding,
      this.similar,
      this.mapping,
      button({ text: "Only these", title: "A view of the chosen images alone, with an address to pass on", onclick: () => acts.link() }));
  }

  /**
   * @param {string[]} classes
   * @param {boolean} dense images have masks: no class each
   */
  of(classes, dense) {
    if (dense === this.dense && classes.join("\n") === this.classes.join("\n")) return;
    this.classes = classes;
    this.dense = dense;
    const keys = dense ? new Map() : keysOf(classes, LETTERS);
    this.classByKey = new Map([...keys].map(([name, key]) => [key, name]));
    const shown = dense || classes.length > SHOWN ? [] : classes;
    this.buttons.replaceChildren(...shown.map((name) => button({ class: "class", title: name, "aria-label": name, "aria-keyshortcuts": keys.get(name), onclick: () => this.acts.give("label", name) }, element("kbd", { text: keys.get(name) ?? "", hidden: !keys.has(name) }), nameOf(name))));
    this.options.replaceChildren(...classes.map((name) => element("option", { value: name })));
    this.find.hidden = dense || shown.length > 0;
    this.splitting.hidden = dense;
  }

  /**
   * @param {number} n how many are chosen
   * @param {boolean} [held] all of them are held out by hand
   */
  chosen(n, held = false) {
    this.held = held;
    this.holding.textContent = held ? "Put back" : "Hold out";
    this.holding.title = held ? "Label them and learn from them again" : "Test on them: nobody is asked for them, and nothing trains on them";
    this.root.hidden = n === 0 || this.past;
    this.count.textContent = `${whole(n)} chosen`;
  }

  /** The class that was meant: of that name, or the only one that begins so or has it in it. */
  meant() {
    const typed = plain(this.find.value);
    if (!typed) return null;
    const named = this.classes.filter((name) => plain(name) === typed);
    const begun = this.classes.filter((name) => plain(name).startsWith(typed));
    return named[0] ?? begun[0] ?? this.classes.find((name) => plain(name).includes(typed)) ?? null;
  }

  /** A name chosen from the list counts at once, as it does by Enter. @param {Event} event */
  picked(event) {
    this.unknown.textContent = "";
    const whole = !(event instanceof InputEvent) || event.inputType === "insertReplacementText";
    if (whole && this.classes.includes(this.find.value)) this.take(this.find.value);
  }

  /** @param {KeyboardEvent} event */
  typed(event) {
    event.stopPropagation();
    if (event.key === "Escape") {
      this.find.value = "";
      this.find.blur();
    } else if (event.key === "Enter" && this.find.value.trim()) {
      const name = this.meant();
      if (name) this.take(name);
      else this.unknown.textContent = `No class has “${this.find.value.trim()}” in its name.`;
    } else return;
    event.preventDefault();
  }

  /** Asks for the name of a new class. */
  name() {
    this.splitting.hidden = true;
    this.fresh.hidden = false;
    this.fresh.focus();
  }

  unname() {
    this.fresh.value = "";
    this.fresh.hidden = true;
    this.splitting.hidden = this.dense;
  }

  /** @param {KeyboardEvent} event */
  named(event) {
    event.stopPropagation();
    const name = this.fresh.value.trim();
    if (event.key === "Escape" || (event.key === "Enter" && name)) {
      this.unname();
      if (event.key === "Enter") this.acts.split(name);
      event.preventDefault();
    }
  }

  /** @param {string} name */
  take(name) {
    this.find.value = "";
    this.unknown.textContent = "";
    this.find.blur();
    this.acts.give("label", name);
  }
}
