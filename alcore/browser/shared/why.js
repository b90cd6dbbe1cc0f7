// Why a round asked for an image: each score with its formula and the numbers put in, the heads side by side, prototypes and D, and the labeled
// images that are most like it.

import { wordsOf } from "./api.js";
import { element } from "./dom.js";
import { nameOf } from "./named.js";
import { percent, short, whole } from "./numbers.js";
import { Pictures } from "./pictures.js";
import { sleep } from "./wait.js";

/** @import { Api } from "./api.js" */
/** @import { HeadsTold, NeighborsTold, PrototypesTold, ScoreTold, WhyTold } from "./types.js" */

const PAUSE = 150; // ms that an image stays before it is asked about: who goes on at once does not want to know
const SIDE = 192; // of a neighbor's picture, as the strip has it

export class Why {
  /** @param {Api} api */
  constructor(api) {
    this.api = api;
    this.pictures = new Pictures(api, 60);
    this.turn = 0;
    /** what is shown, or on its way @type {string} */
    this.shown = "";
    this.root = element("div", { class: "because" });
  }

  close() {
    this.turn += 1;
    this.pictures.close();
  }

  forget() {
    this.turn += 1;
    this.shown = "";
    this.root.replaceChildren();
    this.root.removeAttribute("aria-busy");
  }

  /**
   * @param {string} project
   * @param {number} item
   * @param {number | null} [round] null: the one that asked for it, or the newest
   */
  async show(project, item, round = null) {
    const asked = JSON.stringify([project, item, round]);
    if (asked === this.shown) return;
    const turn = (this.turn += 1);
    this.shown = asked;
    this.root.setAttribute("aria-busy", "true");
    if (!this.root.children.length) this.root.append(element("p", { class: "nothing", text: "Working it out…" }));
    await sleep(PAUSE);
    if (turn !== this.turn) return;
    try {
      /** @type {WhyTold} */
      const told = await this.api.json(this.api.url(["projects", project, "items", item, "why"], { round }));
      if (turn === this.turn) this.tell(told);
    } catch (error) {
      if (turn !== this.turn) return;
      this.shown = ""; // asked anew the next time
      this.root.replaceChildren(element("p", { class: "nothing", role: "alert", text: `Why is not known now: ${wordsOf(error)}.` }));
    }
    this.root.removeAttribute("aria-busy");
    this.root.dataset.item = String(item);
  }

  /** @param {WhyTold} told */
  tell(told) {
    const { asked, of, round, title } = told;
    const place = asked === null ? `Round ${round} did not ask for it.` : `Asked for by round ${round}, ${whole(asked)} of ${whole(of)}.`;
    /** @type {HTMLElement[]} */
    const parts = [element("p", { class: "asked", text: title ? `${place} ${title}.` : place })];
    if (told.missing) parts.push(element("p", { class: "nothing", text: told.missing }));
    if (told.scores.length) parts.push(element("ul", { class: "formulas", "aria-label": "Scores and their formulas" }, ...told.scores.map(scoreOf)));
    if (told.heads) parts.push(...headsOf(told.heads));
    if (told.prototypes) parts.push(...prototypesOf(told.prototypes));
    if (told.discriminator) parts.push(...discriminatorOf(told.discriminator.probability));
    parts.push(...this.neighborsOf(told.neighbors));
    this.root.replaceChildren(...parts);
  }

  /** @param {NeighborsTold} told */
  neighborsOf({ by, rows, note }) {
    const heading = element("h4", { text: "Nearest labeled images" });
    if (!rows.length) return [heading, element("p", { class: "nothing", text: note })];
    const tiles = rows.map(({ name, image, label, cosine }) => {
      const picture = element("img", { alt: `${label}: ${name}` });
      this.pictures.load(this.api.url(image, { size: SIDE })).then((url) => (picture.src = url), () => picture.closest("li")?.setAttribute("data-gone", ""));
      return element("li", { title: `${name}, cosine ${short(cosine)}` }, element("span", {}, picture), element("b", { title: label }, nameOf(label)), element("small", { text: short(cosine) }));
    });
    const words = by === "features" ? "By the cosine of their pretrained features." : "By the cosine of what the round’s network makes of them.";
    return [heading, element("ul", { class: "neighbors" }, ...tiles), element("p", { class: "nothing", text: words })];
  }
}

/** @param {ScoreTold} score */
function scoreOf({ name, title, value, unit, rank, of, help, formula, put, note }) {
  const head = element("div", { title: help }, element("b", { text: title }), element("span", { text: `${short(value)}${unit ? ` ${unit}` : ""}` }), element("small", { text: `${whole(rank)} of ${whole(of)}` }));
  const lines = [formula && element("p", { class: "formula", text: formula }), put && element("p", { class: "put", text: `= ${put} = ${short(value)}` }), (note || (!formula && help)) && element("p", { class: "nothing", text: note || help })];
  return element("li", { "data-score": name }, head, ...lines);
}

/**
 * A bar behind a number of 0 to 1.
 * @param {number} share
 * @param {string} text
 */
function bar(share, text) {
  const node = element("td", { class: "share" }, element("span", { text }), element("i"));
  node.style.setProperty("--share", `${100 * Math.max(0, Math.min(1, share))}%`);
  return node;
}

/**
 * @param {string} label
 * @param {string[]} heads
 * @param {HTMLTableRowElement[]} rows
 */
function table(label, heads, rows) {
  const first = element("tr", {}, ...heads.map((text, at) => (at ? element("th", { scope: "col", text }) : element("td", { text }))));
  return element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": label }, element("table", {}, element("thead", {}, first), element("tbody", {}, ...rows)));
}

/**
 * @param {string} name of a class
 * @param {HTMLTableCellElement[]} cells
 */
function row(name, ...cells) {
  return element("tr", {}, element("th", { scope: "row", title: name }, nameOf(name)), ...cells);
}

/** @param {HeadsTold} told */
function headsOf({ names, bars, rest, more, pairs }) {
  const rows = bars.map((each) => row(each.class, ...each.p.map((p) => bar(p, percent(p)))));
  if (rest) rows.push(row(`${whole(more)} more`, ...rest.map((p) => bar(p, percent(p)))));
  /** @type {HTMLElement[]} */
  const parts = [element("h4", { text: "What each head says" }), table("What each head says", ["", ...names], rows)];
  if (pairs.length) {
    const most = Math.max(...pairs.map(({ value }) => value), Number.MIN_VALUE);
    const apart = pairs.map(({ title, value }) => row(title, bar(value / most, short(value))));
    parts.push(element("h4", { text: "How far the heads are apart" }), table("How far the heads are apart", [], apart));
  }
  return parts;
}

/** @param {PrototypesTold} told */
function prototypesOf({ temperature, rows, more }) {
  const shown = rows.map((each) => row(each.class, bar(each.cosine, each.cosine.toFixed(3)), element("td", { text: each.likeness.toFixed(3) }), element("td", { text: percent(each.p) })));
  const words = `w·z over T = ${temperature} is the class’s logit${more ? `; ${whole(more)} less likely classes are left out` : ""}.`;
  return [element("h4", { text: "How like each class’s prototype" }), table("Prototypes", ["", "cosine", "w·z", "p"], shown), element("p", { class: "nothing", text: words })];
}

/** @param {number} probability */
function discriminatorOf(probability) {
  return [element("h4", { text: "What the discriminator says" }), table("Discriminator", [], [row("labeled, D", bar(probability, short(probability))), row("unlabeled, 1 − D", bar(1 - probability, short(1 - probability)))])];
}
