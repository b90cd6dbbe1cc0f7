// The Classes page: the classes of a project with what is known of each, what can be done to them, and what is taken for what.

import { Api, wordsOf } from "../shared/api.js";
import { button, element, press } from "../shared/dom.js";
import { keyIsOurs, keyName, plain } from "../shared/keys.js";
import { mounted } from "../shared/mount.js";
import { percent } from "../shared/numbers.js";
import { Editor } from "./editor.js";
import { Matrix } from "./matrix.js";
import { Rows } from "./rows.js";
import { Story } from "./story.js";

/** @import { Told } from "../shared/mount.js" */
/** @import { ClassesData } from "../shared/types.js" */
/** @import { ClassesTold } from "./told.js" */

const WAYS = { tested: "Test images", labeled: "Labels" };
const PATIENCE = 60_000; // ms: doubts of 100,000 labels take half of it
const MANY = 12; // classes from which on one is found by typing

export class Classes {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.disposed = false;
    this.api = new Api();
    /** @type {ClassesData} */
    this.data = { project: "", token: "", api: "", role: "owner", identity: "" };
    /** @type {(name: string, value: unknown) => void} */
    this.trigger = () => {};
    /** @type {ClassesTold | null} */
    this.told = null;
    /** @type {keyof typeof WAYS} */
    this.way = "tested";
    this.turn = 0;
    this.chosen = "";
    const acts = {
      choose: (/** @type {string} */ name) => this.choose(name),
      open: (/** @type {string} */ view) => this.trigger("open", view),
      cell: (/** @type {string | null} */ label, /** @type {string | null} */ guess) => this.cell(label, guess),
      change: (/** @type {Record<string, unknown>} */ what, /** @type {string} */ words) => this.change(what, words),
    };
    this.rows = new Rows(acts);
    this.editor = new Editor(acts);
    this.matrix = new Matrix(acts);
    this.story = new Story(acts);
    /** @type {HTMLInputElement} */
    this.find = element("input", { type: "search", class: "find", placeholder: "Find a class  /", "aria-label": "Find a class", oninput: () => this.filter() });
    /** @type {HTMLInputElement} */
    this.name = element("input", { type: "text", maxlength: "200", placeholder: "New class", "aria-label": "New class", onkeydown: (/** @type {KeyboardEvent} */ event) => void (event.key === "Enter" && this.add()) });
    this.ways = element("span", { class: "ways", role: "group", "aria-label": "Mistakes on" }, ...Object.entries(WAYS).map(([way, text]) => button({ "data-way": way, text, onclick: () => this.measure(/** @type {keyof typeof WAYS} */ (way)) })));
    this.measured = element("p", { class: "measured" });
    this.note = element("p", { class: "note", role: "status", hidden: true });
    this.root = element("div", { class: "kinds", "aria-busy": "true" },
      element("div", { class: "top" }, this.find, element("span", { class: "adding owns" }, this.name, button({ text: "Add", onclick: () => this.add() })), this.ways),
      this.measured,
      this.note,
      element("div", { class: "body" }, this.rows.root, this.editor.root),
      this.matrix.root,
      this.story.root);
    parent.append(this.root);
    this.onKey = (/** @type {KeyboardEvent} */ event) => this.key(event);
    document.addEventListener("keydown", this.onKey, true);
  }

  dispose() {
    this.disposed = true;
    this.turn += 1;
    document.removeEventListener("keydown", this.onKey, true);
    this.root.remove();
  }

  /** @param {Told<ClassesData>} told */
  update({ data, setTriggerValue }) {
    const other = data.project !== this.data.project || data.identity !== this.data.identity;
    this.data = data;
    this.root.dataset.role = data.role;
    this.trigger = setTriggerValue;
    this.api.connect(data.api, data.token);
    if (!other) return;
    this.chosen = "";
    this.told = null;
    this.load();
  }

  get address() {
    return this.api.url(["projects", this.data.project, "classes"]);
  }

  async load() {
    const turn = (this.turn += 1);
    this.root.setAttribute("aria-busy", "true");
    try {
      const { body } = await this.api.request(`${this.address}?way=${this.way}`, {}, PATIENCE);
      if (turn === this.turn) this.show(JSON.parse(new TextDecoder().decode(body)));
    } catch (error) {
      if (turn === this.turn) this.tell(`${wordsOf(error)}.`);
    } finally {
      if (turn === this.turn) this.root.removeAttribute("aria-busy");
    }
  }

  /** @param {ClassesTold} told */
  show(told) {
    this.told = told;
    const { classes, measured, problem } = told;
    this.find.hidden = classes.length <= MANY;
    for (const node of this.ways.querySelectorAll("button")) press(node, node.dataset.way === this.way);
    this.ways.hidden = told.dense;
    const seen = measured ? `${measured.words}: ${percent(measured.right / measured.of)} right (${percent(measured.low)} to ${percent(measured.high)}).` : told.dense ? "" : `No mistakes to show: ${problem}.`;
    this.measured.textContent = [seen, told.hidden].filter(Boolean).join(" ");
    if (!classes.some(({ name }) => name === this.chosen)) this.chosen = "";
    this.rows.show(told, this.chosen);
    this.filter();
    this.editor.show(told, this.chosen);
    this.matrix.show(told);
    this.story.show(told.changes);
    this.root.dataset.classes = classes.map(({ name }) => name).join("|");
    this.root.toggleAttribute("data-chosen", Boolean(this.chosen));
  }

  /** @param {keyof typeof WAYS} way */
  measure(way) {
    this.way = way;
    this.load();
  }

  /** @param {string} name */
  choose(name) {
    if (this.data.role !== "owner") return; // what opens is an editor
    this.chosen = this.chosen === name ? "" : name;
    if (this.told) this.show(this.told);
    if (this.chosen) this.editor.enter();
  }

  filter() {
    this.rows.filter(plain(this.find.value));
  }

  add() {
    const name = this.name.value.trim();
    this.name.value = "";
    if (name) this.change({ do: "add", name }, `Added “${name}”.`);
    else this.name.focus();
  }

  /**
   * @param {Record<string, unknown>} what
   * @param {string} words said when it is done
   */
  async change(what, words) {
    this.root.setAttribute("aria-busy", "true");
    try {
      await this.api.post(this.address, what);
      if (what.do === "rename" && what.name === this.chosen) this.chosen = String(what.to).trim();
      this.tell(words);
    } catch (error) {
      this.tell(`Nothing was changed: ${wordsOf(error)}.`);
    }
    await this.load();
  }

  /**
   * Opens the images with a label that are taken for a class.
   * @param {string | null} label
   * @param {string | null} guess
   */
  async cell(label, guess) {
    try {
      const { view } = await this.api.post(`${this.address}/cell`, { way: this.way, label, guess });
      this.trigger("open", view);
    } catch (error) {
      this.tell(`${wordsOf(error)}.`);
    }
  }

  /** @param {string} text */
  tell(text) {
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!keyIsOurs(event, this.root) || event.composedPath().some((node) => node instanceof Element && node.matches("input, select, textarea"))) return;
    const name = keyName(event);
    if (name === "Escape" && this.chosen) this.choose(this.chosen);
    else if (name === "/" && !this.find.hidden) this.find.focus();
    else if (event.altKey && this.chosen && ["ArrowUp", "ArrowDown"].includes(name)) this.editor.move(name === "ArrowUp" ? -1 : 1);
    else if (name === "z" && !event.altKey && this.data.role === "owner") this.story.undoNewest();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

export default mounted(Classes);
