// What is looked at: the filters as chips, the menu they are chosen from, the order. A view is what its address says (views.py).

import { button, element, rootOf } from "../shared/dom.js";
import { plain } from "../shared/keys.js";
import { nameOf } from "../shared/named.js";
import { whole } from "../shared/numbers.js";
import { swatchOf } from "./overlays.js";
import { ordersOf, saidOf, sectionsOf } from "./described.js";
import { PAINTED, STATES } from "./pages.js";

/** @import { Head } from "./pages.js" */

const MANY = 12; // values of a filter among which one is found by typing
const NO_CLASS = { label: "no label", guess: "no guess", by: "nobody" };
const TITLES = { state: "State", label: "Label", guess: "Model's guess", by: "Labeled by", split: "Part", painted: "Painted", holds: "Mask holds" };
const PARTS = { pool: "to label", val: "validation", test: "test", slice: "test slice", held: "held out by hand" };
const EXTENTS = { whole: "whole masks", part: "unfinished", none: "without a mask" };
const DOUBT = ["doubt", "Doubtful labels"];
const ORDERS = [["number", "Number"], ["name", "Name"], ["time", "Last answered"], ["label", "Label"], ["guess", "Guess"], ["confidence", "Confidence"]];

/** @type {[string, string, string][]} names of the two ends in an address, and what is bounded */
const BOUNDS = [["above", "below", "Confidence"], ["iou_above", "iou_below", "IoU with the draft"]];

/** @typedef {keyof typeof TITLES} Choice */

/**
 * The values a filter may have: its name in an address, what people read, how many images.
 * @param {Head} head
 * @param {Choice} name
 * @returns {[string, string, number][]}
 */
function valuesOf(head, name) {
  const counts = head.counts[name];
  if (name === "state") return STATES.map((state, i) => [state, state, counts[i]]);
  if (name === "split") return head.splits.map((split, i) => [split, PARTS[/** @type {keyof typeof PARTS} */ (split)] ?? split, counts[i]]);
  if (name === "painted") return PAINTED.map((extent, i) => [extent, EXTENTS[/** @type {keyof typeof EXTENTS} */ (extent)], counts[i] ?? 0]);
  if (name === "holds") return head.classes.map((of, i) => [of, of, counts[i] ?? 0]);
  const names = name === "by" ? head.people : head.classes;
  /** @type {[string, string, number][]} */
  const found = names.map((of, i) => [of, of, counts[i] ?? 0]);
  if (name !== "by") found.push(["", NO_CLASS[name], counts[names.length] ?? 0]);
  return found;
}

export class Filters {
  /** @param {(view: URLSearchParams) => void} look somebody wants another view */
  constructor(look) {
    this.look = look;
    this.view = new URLSearchParams();
    /** @type {Head | null} */
    this.head = null;
    this.typing = 0;
    this.text = element("input", { type: "search", class: "text", placeholder: "Find in names", "aria-label": "Find in names", oninput: () => this.typed() });
    this.chips = element("div", { class: "chips", role: "group", "aria-label": "Filters" });
    this.sheet = element("div", { class: "sheet" });
    this.menu = element("details", { class: "menu", ontoggle: () => this.fillSheet() }, element("summary", { text: "Filter" }), this.sheet);
    this.order = element("select", { "aria-label": "Order", onchange: () => this.sorted() }, element("option", { value: ORDERS[0][0], text: ORDERS[0][1] }));
    this.turned = button({ class: "turn", text: "↓", "aria-label": "Turn the order round", onclick: () => this.change((view) => (view.has("back") ? view.delete("back") : view.set("back", "1"))) });
    this.root = element("div", { class: "filters" }, this.text, this.menu, element("span", { class: "sort" }, this.order, this.turned), this.chips);
  }

  /**
   * Shows a view that came.
   * @param {URLSearchParams} view
   * @param {Head} head
   */
  show(view, head) {
    this.view = view;
    this.head = head;
    if (rootOf(this.text).activeElement !== this.text && !this.typing) this.text.value = view.get("text") ?? "";
    const scores = head.scores.map((name) => [`score:${name}`, `Score: ${name.replaceAll("_", " ")}`]);
    const orders = [...ORDERS, ...(head.features && head.counts.state[1] ? [DOUBT] : []), ...(view.has("like") ? [["similar", "Likeness"]] : []), ...(head.drafts ? [["iou", "IoU with the draft"]] : []), ...ordersOf(head.meta), ...(head.round === null ? [] : scores)];
    this.order.replaceChildren(...orders.filter(([name]) => head.round !== null || !["guess", "confidence"].includes(name)).map(([value, text]) => element("option", { value, text })));
    this.order.value = view.get("order") ?? "number";
    const back = view.has("back");
    this.turned.textContent = back ? "↑" : "↓";
    this.turned.title = this.turned.ariaLabel = back ? "In the order turned round" : "Turn the order round";
    this.turned.setAttribute("aria-pressed", String(back));
    this.chips.replaceChildren(...this.shown());
  }

  /** @param {(view: URLSearchParams) => void} how */
  change(how) {
    const view = new URLSearchParams(this.view);
    how(view);
    this.look(view);
  }

  typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => {
      this.typing = 0;
      this.change((view) => (this.text.value.trim() ? view.set("text", this.text.value.trim()) : view.delete("text")));
    }, 250);
  }

  sorted() {
    this.change((view) => {
      view.delete("back");
      if (this.order.value === "number") view.delete("order");
      else view.set("order", this.order.value);
    });
  }

  /** A chip for each filter that is set. */
  shown() {
    const { head, view } = this;
    if (!head) return [];
    /** @type {HTMLElement[]} */
    const chips = [];
    /** @param {string} text @param {(view: URLSearchParams) => void} without */
    const chip = (text, without) => chips.push(element("span", { class: "chip" }, element("span", { text, title: text }), button({ text: "×", title: `Without “${text}”`, "aria-label": `Without ${text}`, onclick: () => this.change(without) })));
    for (const name of /** @type {Choice[]} */ (Object.keys(TITLES))) {
      const said = view.getAll(name);
      if (!said.length) continue;
      const words = new Map(valuesOf(head, name).map(([value, text]) => [value, text]));
      chip(`${TITLES[name]}: ${said.map((value) => words.get(value) ?? value).join(" or ")}`, (other) => other.delete(name));
    }
    for (const [low, high, title] of BOUNDS) {
      if (!view.has(low) && !view.has(high)) continue;
      const part = (/** @type {string} */ name, /** @type {number} */ usual) => Math.round(100 * Number(view.get(name) ?? usual));
      chip(`${title} ${part(low, 0)} to ${part(high, 1)} %`, (other) => (other.delete(low), other.delete(high)));
    }
    for (const [text, without] of saidOf(head.meta, view)) chip(text, without);
    if (view.has("differs")) chip("Label differs from the guess", (other) => other.delete("differs"));
    if (view.has("alike")) chip("Has near duplicates", (other) => other.delete("alike"));
    if (view.has("doubted")) chip("Label the others speak against", (other) => other.delete("doubted"));
    if (view.has("answered")) chip(`Labeled by at least ${view.get("answered")} people`, (other) => other.delete("answered"));
    if (view.has("noted")) chip("Has a note", (other) => other.delete("noted"));
    if (view.has("group")) chip(`Near duplicates of image ${view.get("group")}`, (other) => other.delete("group"));
    if (view.has("asked")) chip(`Asked by round ${view.getAll("asked").join(" or ")}`, (other) => other.delete("asked"));
    if (view.has("among")) chip("A selection", (other) => other.delete("among"));
    if (view.has("like")) chip(`Like image ${view.getAll("like").slice(0, 3).join(", ")}${view.getAll("like").length > 3 ? " …" : ""}`, (other) => (other.delete("like"), other.delete("order")));
    if (view.has("then")) chip(`As it was before round ${view.get("then")}`, (other) => other.delete("then"));
    if (view.has("text")) chip(`Name has “${view.get("text")}”`, (other) => other.delete("text"));
    if (chips.length > 1) chips.push(button({ class: "all", text: "Show all", onclick: () => this.look(new URLSearchParams(view.has("order") && view.get("order") !== "similar" ? { order: view.get("order") ?? "" } : {})) }));
    return chips;
  }

  // ---- the menu: made when it is opened, so that a tick keeps the keyboard

  fillSheet() {
    const { head } = this;
    if (!this.menu.open || !head) return;
    const sections = /** @type {Choice[]} */ (Object.keys(TITLES)).filter((name) => head.counts[name].some((count, i) => count && (name !== "split" || i))).map((name) => this.section(head, name));
    const flags = element("fieldset", { class: "wide" }, element("legend", { text: "Only those" }), head.round !== null && this.flag("differs", "whose label differs from the guess"), head.features && this.flag("alike", "that have near duplicates"), head.features && this.flag("doubted", "whose label the others speak against"), this.flag("noted", "that have a note"), head.people.length > 1 && this.flag("answered", "that two people or more labeled", "2"));
    this.sheet.replaceChildren(...sections, ...sectionsOf(head.meta, this.view, (how) => this.change(how)), ...(head.round === null ? [] : [this.between(0)]), ...(head.drafts ? [this.between(1)] : []), flags, ...(head.rounds.length ? [this.past(head)] : []));
  }

  /** What had been said when a round began. @param {Head} head */
  past(head) {
    const node = element("select", { "aria-label": "As it was before", onchange: () => this.change((view) => (node.value ? view.set("then", node.value) : view.delete("then"))) },
      element("option", { value: "", text: "Now" }), ...[...head.rounds].reverse().map((number) => element("option", { value: String(number), text: `Before round ${number}` })));
    node.value = this.view.get("then") ?? "";
    return element("fieldset", { "data-filter": "then" }, element("legend", { text: "As it was" }), node);
  }

  /**
   * @param {Head} head
   * @param {Choice} name
   */
  section(head, name) {
    const said = new Set(this.view.getAll(name));
    const values = valuesOf(head, name).filter(([value, , count]) => count || said.has(value));
    const rows = values.map(([value, text, count]) => {
      const tick = element("input", { type: "checkbox", checked: said.has(value), onchange: () => this.change((view) => (tick.checked ? view.append(name, value) : view.delete(name, value))) });
      return element("label", { "data-name": plain(text) }, tick, name === "holds" && swatchOf(head.colors[head.classes.indexOf(value)]), element("span", { title: text }, nameOf(text)), element("small", { text: whole(count) }));
    });
    const find = element("input", { type: "text", class: "find", placeholder: "Find", "aria-label": `Find in ${TITLES[name]}` });
    find.addEventListener("input", () => rows.forEach((row) => (row.hidden = !(row.dataset.name ?? "").includes(plain(find.value)))));
    return element("fieldset", { "data-filter": name }, element("legend", { text: TITLES[name] }), values.length > MANY && find, element("div", { class: "values" }, ...rows));
  }

  /**
   * @param {string} name
   * @param {string} text
   * @param {string} [value]
   */
  flag(name, text, value = "1") {
    const tick = element("input", { type: "checkbox", checked: this.view.has(name), onchange: () => this.change((view) => (tick.checked ? view.set(name, value) : view.delete(name))) });
    return element("label", {}, tick, element("span", { text }));
  }

  /** Two fields for the ends of what is bounded. @param {number} which of BOUNDS */
  between(which) {
    const [low, high, about] = BOUNDS[which];
    const field = (/** @type {string} */ name, /** @type {number} */ usual, /** @type {string} */ title) => {
      const node = element("input", { type: "number", min: "0", max: "100", step: "1", "aria-label": title, value: String(Math.round(100 * Number(this.view.get(name) ?? usual))) });
      node.addEventListener("change", () => {
        const share = Math.max(0, Math.min(100, Number(node.value))) / 100;
        this.change((view) => (share === usual ? view.delete(name) : view.set(name, String(share))));
      });
      return node;
    };
    return element("fieldset", {}, element("legend", { text: `${about}, %` }), element("div", { class: "between" }, field(low, 0, `${about} from`), "to", field(high, 1, `${about} to`)));
  }
}
