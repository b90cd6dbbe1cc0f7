// The board of a class: how right each team's model is, against how many labels it took, with the interval. Teacher and students see the same.

import { element } from "../shared/dom.js";
import { percent, whole } from "../shared/numbers.js";

/** @import { ClassBoard, ClassTeam } from "../shared/types.js" */

const NARROW = 280;
const HIGH = 240;
const LEFT = 44;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 34;
const TICKS = [0, 0.25, 0.5, 0.75, 1];

export class Board {
  constructor() {
    this.teams = element("ul", { class: "teams" });
    this.chart = element("div", { class: "chart" });
    this.root = element("section", { class: "board", "aria-label": "Board" }, element("h2", { text: "How right the model is" }), this.teams, this.chart);
    this.drawn = "";
    /** @type {ClassTeam[]} */
    this.told = [];
    this.width = 0;
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.chart);
  }

  dispose() {
    this.resized.disconnect();
  }

  /** @param {ClassBoard} board */
  update(board) {
    const now = JSON.stringify(board.teams);
    if (now === this.drawn) return;
    this.drawn = now;
    this.told = board.teams;
    this.teams.replaceChildren(...board.teams.map((team, at) => teamRow(team, at)));
    this.width = 0;
    this.draw();
  }

  /** The curves, as wide as there is room, so that what is written beside them can be read on a telephone. */
  draw() {
    const width = Math.max(NARROW, Math.round(this.chart.clientWidth));
    if (width === this.width || !this.told.length) return;
    this.width = width;
    this.chart.replaceChildren(chart(this.told, width));
  }
}

/**
 * @param {ClassTeam} team
 * @param {number} at
 */
function teamRow(team, at) {
  return element("li", { "data-team": String(at), "data-labels": team.labels },
    element("i", { "aria-hidden": "true" }),
    element("b", { text: team.title }),
    element("span", { class: "right", text: rightness(team) }),
    element("span", { class: "labels", text: `${whole(team.labels)} ${team.labels === 1 ? "label" : "labels"}${team.learning ? ", learning" : ""}` }),
    team.problem && element("span", { class: "problem", text: team.problem }));
}

/** @param {ClassTeam} team */
function rightness(team) {
  const last = team.curve.at(-1);
  if (!last) return "learns after 20 labels";
  const [labels, right, of, low, high] = last;
  return `${percent(right / of)} right on ${whole(of)} test images (${Math.round(100 * low)} to ${Math.round(100 * high)}) with ${whole(labels)} labels`;
}

/**
 * @param {ClassTeam[]} teams
 * @param {number} width
 */
function chart(teams, width) {
  const most = Math.max(40, ...teams.flatMap((team) => [team.labels, ...team.curve.map(([labels]) => labels)]));
  const step = niceStep(most, width);
  const end = Math.ceil(most / step) * step;
  /** @type {(labels: number) => number} */
  const x = (labels) => LEFT + ((width - LEFT - RIGHT) * labels) / end;
  /** @type {(share: number) => number} */
  const y = (share) => TOP + (HIGH - TOP - BOTTOM) * (1 - share);
  const told = teams.map((team) => `${team.title}: ${rightness(team)}`).join(". ");
  const root = svg("svg", { viewBox: `0 0 ${width} ${HIGH}`, role: "img", "aria-label": `Accuracy against labels. ${told}` });
  for (const share of TICKS) {
    root.append(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(share), y2: y(share) }));
    root.append(svg("text", { class: "tick", x: LEFT - 6, y: y(share) + 4, "text-anchor": "end" }, `${100 * share} %`));
  }
  for (let labels = 0; labels <= end; labels += step) root.append(svg("text", { class: "tick", x: x(labels), y: HIGH - 16, "text-anchor": "middle" }, whole(labels)));
  root.append(svg("text", { class: "tick", x: width - RIGHT, y: HIGH - 2, "text-anchor": "end" }, "labels"));
  teams.forEach(({ curve }, at) => {
    if (!curve.length) return;
    const group = svg("g", { "data-team": String(at) });
    const upper = curve.map(([labels, , , , high]) => `${x(labels)},${y(high)}`);
    const lower = curve.map(([labels, , , low]) => `${x(labels)},${y(low)}`).reverse();
    group.append(svg("polygon", { class: "band", points: [...upper, ...lower].join(" ") }));
    group.append(svg("polyline", { class: "curve", points: curve.map(([labels, right, of]) => `${x(labels)},${y(right / of)}`).join(" ") }));
    for (const [labels, right, of] of curve) group.append(svg("circle", { class: "point", cx: x(labels), cy: y(right / of), r: 3.5 }));
    root.append(group);
  });
  return root;
}

/**
 * A step of 1, 2 or 5 times a power of ten, of which about one each 90 pixels reach `most`.
 * @param {number} most
 * @param {number} width
 */
function niceStep(most, width) {
  const rough = most / Math.min(8, Math.max(3, width / 90));
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10);
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 */
function svg(name, attributes, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.textContent = text;
  return node;
}
