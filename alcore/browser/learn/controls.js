// What can be chosen at the playground: points, method, what is changed of it, what is beside it, colors.

import { button, element, press } from "../shared/dom.js";
import { short } from "../shared/numbers.js";
import { css, linesOf, topOf } from "./drawing.js";

/** @import { LearnData } from "../shared/types.js" */
/** @import { Film } from "./film.js" */
/** @import { Chosen, Learn } from "./learn.js" */

export const PAINT = "paint"; // the points are a person's own
/** @type {Record<string, string>} */
const SHADES = { labeledness: "labeled, says D" };

export class Controls {
  /** @param {Learn} page */
  constructor(page) {
    this.page = page;
    this.kinds = choices("Points");
    this.strategies = choices("Method");
    this.change = element("select", { "aria-label": "Change of the method" });
    this.change.addEventListener("change", () => page.choose({ change: this.change.value }));
    this.beside = element("select", { "aria-label": "Beside it" });
    this.beside.addEventListener("change", () => page.choose({ beside: this.beside.value }));
    this.shades = choices("Colors", "small");
    this.legend = element("div", { class: "lines" });
    this.top = element(
      "div",
      { class: "top" },
      element("div", {}, element("b", { text: "Points" }), this.kinds),
      element("div", {}, element("b", { text: "Method" }), this.strategies),
      element("div", {}, element("b", { text: "Change" }), this.change),
    );
    this.hidden = button({ class: "tool", text: "Show all classes", "aria-pressed": "false", onclick: () => this.toggleClasses() });
    this.tools = element(
      "span",
      { class: "choices" },
      this.hidden,
      button({ class: "tool", text: "Other labels", title: "Begin with other labels, drawn by chance", onclick: () => page.choose({ seed: page.chosen.seed + 1 }) }),
      button({ class: "tool", text: "Start again", title: "Only the first labels", onclick: () => page.choose({ labeled: null }) }),
    );
  }

  toggleClasses() {
    const { look } = this.page;
    look.classes = !look.classes;
    press(this.hidden, look.classes);
    this.page.redraw();
  }

  /** @param {LearnData} data @param {Chosen} chosen */
  offer(data, { kind, strategy, change, beside }) {
    const { page } = this;
    const kinds = [...data.kinds, { name: PAINT, title: "Paint your own" }];
    this.kinds.replaceChildren(...kinds.map(({ name, title }) => chip(title, name === kind, () => page.choose({ kind: name }))));
    this.strategies.replaceChildren(...data.strategies.map(({ name, title }) => chip(title, name === strategy, () => page.choose({ strategy: name }))));
    const switches = data.switches.filter((each) => each.strategy === strategy);
    options(this.change, [["", "none: as in the paper"], ...switches.map(({ name, title }) => pair(name, title))], change);
    this.change.disabled = !switches.length;
    const others = [pair("", "features"), ...switches.filter(({ name }) => name !== change).map(({ name, title }) => pair(`switch ${name}`, title))];
    if (change) others.push(pair("switch ", "as in the paper"));
    for (const { name, title } of data.strategies) if (name !== strategy) others.push(pair(`strategy ${name}`, title));
    options(this.beside, others, beside);
  }

  /** @param {Film} film */
  offerShades(film) {
    const { look, theme } = this.page;
    const frame = film.at(0);
    if (!frame || !theme) return;
    const names = ["prediction", ...frame.scores.keys()];
    this.shades.replaceChildren(...names.map((name) => chip(SHADES[name] ?? name, name === look.shade, () => this.shade(film, name))));
    const lines = [...linesOf(frame, theme)].map(([name, { dash, color, width }]) => {
      const node = element("span", {});
      node.innerHTML = `<svg width="30" height="8" aria-hidden="true"><line x1="0" x2="30" y1="4" y2="4" stroke="${color}" stroke-width="${width}" stroke-dasharray="${dash}"/></svg>`; // numbers of ours
      node.append(`border of ${name}`);
      return node;
    });
    const score = frame.scores.get(look.shade);
    const last = score && (look.shade === "discrepancy" ? "most" : short(topOf(look.shade, film.told.classes, score.high)));
    const stops = theme.ramp.filter((_, i) => i % 32 === 0).map((color) => css(color));
    const scale = last ? [element("span", {}, "0", element("i", { class: "ramp", style: `background: linear-gradient(to right, ${stops})` }), last)] : [];
    const region = !score && frame.heads.has("F2") ? [element("span", {}, element("i", { class: "region" }), "the heads differ")] : [];
    this.legend.replaceChildren(...lines, ...region, ...scale);
  }

  /** @param {Film} film @param {string} name */
  shade(film, name) {
    this.page.look.shade = name;
    this.offerShades(film);
    this.page.redraw();
  }
}

/** @param {string} name @param {string} [kind] */
function choices(name, kind = "") {
  return element("span", { class: `choices ${kind}`, role: "group", "aria-label": name });
}

/** @param {string} title @param {boolean} on @param {() => void} chosen */
function chip(title, on, chosen) {
  return button({ class: "chip", text: title, "aria-pressed": String(on), onclick: chosen });
}

/** @param {string} value @param {string} title @returns {[string, string]} */
function pair(value, title) {
  return [value, title];
}

/** @param {HTMLSelectElement} select @param {[string, string][]} all @param {string} chosen */
function options(select, all, chosen) {
  select.replaceChildren(...all.map(([value, title]) => element("option", { value, text: title, selected: value === chosen })));
}
