// Predict, then reveal: the class says which point will be asked for; then every method shows its own.

import { wordsOf } from "../shared/api.js";
import { button, element } from "../shared/dom.js";
import { percent } from "../shared/numbers.js";
import { CLASS_COLORS, css } from "./drawing.js";

/** @import { AskedTold, Named } from "../shared/types.js" */
/** @typedef {{text: string, color: string}} Mark */

export class Question {
  /**
   * @param {{reveal: () => Promise<Record<string, AskedTold>>, label: (point: number) => void, changed: () => void}} page
   */
  constructor(page) {
    this.page = page;
    this.on = false;
    /** @type {Map<number, number>} point -> votes */
    this.votes = new Map();
    /** @type {Record<string, AskedTold> | null} */
    this.asked = null;
    /** @type {Named[]} */
    this.strategies = [];
    this.turn = 0;
    this.begin = button({ class: "begin", text: "Predict", onclick: () => this.start() });
    this.reveal = button({ class: "reveal", text: "Reveal", onclick: () => this.show() });
    this.stop = button({ class: "stop", text: "Stop", onclick: () => this.end() });
    this.words = element("p", { role: "status" });
    this.list = element("ul", {});
    this.root = element("section", { class: "question", "aria-label": "Predict, then reveal" }, element("h3", { text: "Predict, then reveal" }), this.words, element("div", { class: "buttons" }, this.begin, this.reveal, this.stop), this.list);
    this.tell();
  }

  /** @param {string} name */
  titleOf(name) {
    return this.strategies.find((each) => each.name === name)?.title ?? name;
  }

  start() {
    this.clear();
    this.on = true;
    this.tell();
    this.page.changed();
  }

  end() {
    this.clear();
    this.tell();
    this.page.changed();
  }

  /** The board is another one: what was asked of it is over. */
  clear() {
    this.turn += 1;
    this.on = false;
    this.votes.clear();
    this.asked = null;
    this.list.replaceChildren();
  }

  /** @param {number} point */
  vote(point) {
    this.votes.set(point, (this.votes.get(point) ?? 0) + 1);
    this.tell();
    this.page.changed();
  }

  async show() {
    const turn = this.turn;
    this.words.textContent = "Every method learns and asks …";
    this.reveal.disabled = true;
    try {
      const asked = await this.page.reveal();
      if (turn !== this.turn) return;
      this.asked = asked;
      this.on = false;
    } catch (error) {
      if (turn === this.turn) this.words.textContent = `${wordsOf(error)}. Try again.`;
      this.reveal.disabled = false;
      return;
    }
    this.tell();
    this.page.changed();
  }

  tell() {
    const votes = [...this.votes.values()].reduce((sum, n) => sum + n, 0);
    this.begin.hidden = this.on;
    this.begin.textContent = this.asked ? "Predict again" : "Predict";
    this.reveal.hidden = this.stop.hidden = !this.on;
    this.reveal.disabled = false;
    if (this.on) this.words.textContent = votes ? `${votes} ${votes === 1 ? "vote" : "votes"}. A click is a vote.` : "Which point will be asked for? A click on a point is a vote.";
    else if (!this.asked) this.words.textContent = "Say which point will be asked for, then see what five methods want.";
    else this.words.textContent = votes ? this.hits(votes) : "What each would ask for, and how right the plain model is of all points with that label.";
    this.list.replaceChildren(...Object.entries(this.asked ?? {}).map(([name, told], i) => this.row(name, told, i)));
  }

  /** @param {number} votes */
  hits(votes) {
    const wanted = Object.entries(this.asked ?? {}).filter(([, { point }]) => this.votes.has(point));
    if (!wanted.length) return `None of ${votes} ${votes === 1 ? "vote" : "votes"} was for a point that a method asks for.`;
    return wanted.map(([name, { point }]) => `${this.votes.get(point)} of ${votes} for that of ${this.titleOf(name)}`).join("; ") + ".";
  }

  /** @param {string} name @param {AskedTold} told @param {number} i */
  row(name, { point, before, after }, i) {
    return element(
      "li",
      {},
      element("i", { style: `background: ${this.color(i)}` }),
      element("b", { text: this.titleOf(name) }),
      element("span", { text: `${percent(before)} → ${percent(after)}`, title: "how right the plain model is of all points, before and after this label" }),
      button({ text: "Label it", onclick: () => this.page.label(point) }),
    );
  }

  /** @param {number} i */
  color(i) {
    return ["#8c8c8c", ...CLASS_COLORS.map((color) => css(color)), "#d55e00"][[0, 1, 4, 3, 5][i] ?? 0];
  }

  /** What stands at points now. @returns {Map<number, Mark[]>} */
  marks() {
    /** @type {Map<number, Mark[]>} */
    const found = new Map();
    /** @type {(point: number, mark: Mark) => void} */
    const add = (point, mark) => {
      const there = found.get(point);
      if (there) there.push(mark);
      else found.set(point, [mark]);
    };
    for (const [point, votes] of this.votes) add(point, { text: `${votes} ${votes === 1 ? "vote" : "votes"}`, color: "#d55e00" });
    Object.entries(this.asked ?? {}).forEach(([name, { point }], i) => add(point, { text: this.titleOf(name), color: this.color(i) }));
    return found;
  }
}
