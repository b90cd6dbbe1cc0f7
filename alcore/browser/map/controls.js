// The buttons of the map: tools on it, and what is shown over the points below it.

import { button, element, press } from "../shared/dom.js";

/** @import { Board } from "./board.js" */
/**
 * @typedef {object} ControlUse
 * @property {Board} board
 * @property {(name: "pan" | "lasso") => void} setTool
 * @property {() => void} selectView
 * @property {{name: string, title: string, what: {on: boolean}}[]} shown what may be shown or not
 * @property {() => void} changed something is shown that was not, or the other way
 */

export class Controls {
  /** @param {ControlUse} use */
  constructor({ board, setTool, selectView, shown, changed }) {
    this.pan = tool("Pan", "Drag moves the map", () => setTool("pan"));
    this.lasso = tool("Lasso", "Drag around points to select them (L, or Shift and drag)", () => setTool("lasso"));
    this.lasso.dataset.key = "L"; // drawn by the style sheet: text would be a part of the button's name
    this.tools = element(
      "div",
      { class: "tools", role: "toolbar", "aria-label": "Map tools" },
      element("span", { class: "pair" }, this.pan, this.lasso),
      tool("Select view", "Select every point in view (V)", selectView),
      element("span", { class: "pair" }, tool("−", "Zoom out (−)", () => board.zoom(1 / 1.5)), tool("+", "Zoom in (+)", () => board.zoom(1.5)), tool("Fit", "Show all points (double click)", () => board.fit())),
    );
    /** @type {Map<string, HTMLElement>} by name */
    this.toggles = new Map();
    for (const { name, title, what } of shown) {
      const node = tool(name, title, () => {
        what.on = !what.on;
        press(node, what.on);
        changed();
      });
      press(node, what.on);
      this.toggles.set(name, node);
    }
    this.shown = element("span", { class: "shows", role: "group", "aria-label": "On the map" }, ...this.toggles.values());
    this.stays = element("span", { class: "stays", text: "All rounds share this map.", hidden: true });
  }

  /** @param {"pan" | "lasso"} name */
  setTool(name) {
    press(this.pan, name === "pan");
    press(this.lasso, name === "lasso");
  }

  /**
   * Trails are of points that move; where they do not, a line says so.
   * @param {boolean} moves
   * @param {number} rounds
   */
  setMoves(moves, rounds) {
    const trails = this.toggles.get("Trails");
    if (trails) trails.hidden = !moves || rounds < 2;
    this.stays.hidden = moves || rounds < 2;
  }
}

/**
 * @param {string} text
 * @param {string} title
 * @param {() => void} act
 */
function tool(text, title, act) {
  // a name begins with what stands on the button, for those who speak it; signs are read as what they do
  const name = /^\w/.test(text) ? `${text}: ${title[0].toLowerCase()}${title.slice(1)}` : title;
  return button({ class: "tool", title, "aria-label": name, onclick: act }, element("span", { text }));
}
