// Why an image was asked for, what the model sees in it, and its scores.

import { button, element } from "../shared/dom.js";
import { short, wantedness, whole } from "../shared/numbers.js";
import { Why } from "../shared/why.js";
import { Opinions } from "./opinions.js";
import { nameOf } from "../shared/named.js";
import { thinBar } from "./words.js";

/** @import { Detail } from "../shared/types.js" */
/** @import { Item } from "./answers.js" */
/** @import { Queue } from "./queue.js" */

/** @template {Item} I */
export class Reasons {
  /** @param {Queue<I>} queue */
  constructor(queue) {
    this.queue = queue;
    /** @type {I | null} the item whose scores are shown */
    this.described = null;
    this.reason = element("p", { class: "reason" });
    this.top = element("ul", { class: "top" });
    this.scores = element("ul", { class: "scores", tabindex: "0", "aria-label": "Scores" });
    this.told = new Why(queue.api);
    this.ask = button({ class: "ask", "aria-expanded": "false", "aria-keyshortcuts": "w", title: "The numbers behind it (W)", text: "why?", onclick: () => this.toggle() });
    const close = button({ class: "ask", "aria-label": "Close", title: "Close (W)", text: "×", onclick: () => this.toggle(false) });
    this.sheet = element("aside", { class: "behind", "aria-label": "The numbers behind it", tabindex: "0", hidden: true }, element("header", {}, element("h4", { text: "The numbers behind it" }), close), this.told.root);
    /** @type {Opinions<I>} */
    this.opinions = new Opinions(queue);
    this.title = element("h4", { text: "Why this image" });
    this.why = element("section", { class: "why" }, element("header", {}, this.title, this.ask), this.reason, this.opinions.node);
    this.model = element("section", { class: "model" }, element("h4", { text: "What the model sees" }), this.top);
    this.numbers = element("section", { class: "numbers" }, element("h4", { text: "Scores" }), this.scores);
  }

  get isOpen() {
    return !this.sheet.hidden;
  }

  /** Unfolds what is behind the sentence, or folds it again; it stays open from image to image. @param {boolean} [open] */
  async toggle(open = !this.isOpen && !this.ask.hidden) {
    this.sheet.hidden = !open;
    this.ask.setAttribute("aria-expanded", String(open));
    if (this.described) await this.explain(this.described);
    if (open && this.isOpen && this.sheet.getBoundingClientRect().top > innerHeight / 2) this.sheet.scrollIntoView({ block: "start" }); // on a phone it lies below
  }

  /** @param {I} item */
  explain(item) {
    this.ask.hidden = item.rank === null && !this.isOpen;
    const { project } = this.queue.who;
    return this.isOpen && project ? this.told.show(project, item.id, this.queue.asked) : undefined;
  }

  /** Scores are drawn anew with the next drawing. */
  forget() {
    this.described = null;
  }

  /**
   * @param {I} item
   * @returns {boolean} true when its scores were drawn anew
   */
  render(item) {
    this.reason.textContent = item.problem ? `Not saved: ${item.problem}` : item.disputed ? `Two answers: ${this.queue.answers.saidOf(item)}. ${this.queue.view === "review" ? "What is it?" : "It waits for review."}` : item.reason || "";
    this.reason.toggleAttribute("data-problem", Boolean(item.problem || item.disputed));
    this.why.hidden = !this.reason.textContent;
    this.title.textContent = this.queue.view === "review" ? "Who said what" : "Why this image";
    this.opinions.render(item);
    if (item === this.described) return false;
    this.described = item;
    this.explain(item);
    const top = (item.top || []).map(([name, p]) => element("li", { title: `${name}: ${percent(p)}` }, nameOf(name), thinBar(p), element("span", { class: "value", text: percent(p) })));
    this.top.replaceChildren(...top);
    this.model.hidden = !top.length;
    this.scores.replaceChildren(...(item.details || []).map(scoreRow));
    this.numbers.hidden = !this.scores.children.length;
    return true;
  }

  /** More scores of the item that is shown. @param {HTMLElement[]} rows */
  add(rows) {
    this.scores.append(...rows);
    this.numbers.hidden = !this.scores.children.length;
  }
}

/** @param {number} p */
function percent(p) {
  return `${p > 0 && p < 0.01 ? "<1" : Math.round(p * 100)} %`;
}

/** @param {Detail} d */
function scoreRow(d) {
  const unit = d.unit ? ` ${d.unit}` : "";
  const range = Number.isFinite(d.low) && Number.isFinite(d.high) ? ` (from ${short(d.low)} to ${short(d.high)})` : "";
  return element(
    "li",
    { title: `${d.title ?? d.name} ${short(d.value)}${unit}${range}, rank ${whole(d.rank)} of ${whole(d.of)}: ${wantedness(d.rank, d.of)}` },
    element("span", { class: "name", text: (d.title || d.name).replaceAll("_", " ") }),
    element("span", { class: "value" }, element("b", { text: short(d.value) }), unit),
    thinBar(d.percentile / 100),
    element("span", { class: "rank", text: `#${whole(d.rank)} of ${whole(d.of)} · ${d.percentile >= 99.95 ? "100" : d.percentile.toFixed(d.percentile < 99 ? 0 : 1)} %` }),
  );
}
