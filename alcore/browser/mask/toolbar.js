// The tools beside the stage, and what can be set of the one at hand above it.

import { button, element, press, slider } from "../shared/dom.js";
import { MOST_SIZE, SUPERPIXELS } from "./settings.js";
import { VOID } from "./raster.js";

/** @import { MaskClasses } from "./classes.js" */
/** @import { MaskEasel } from "./easel.js" */
/** @import { MaskItem } from "./item.js" */
/** @import { ToolName } from "./settings.js" */
/** @import { Tools } from "./tools.js" */
/**
 * What its buttons do.
 * @typedef {object} ToolbarActs
 * @property {(name: ToolName) => void} setTool
 * @property {(size: number) => void} setSize
 * @property {(n: number) => void} setSuperpixels
 * @property {(everything: boolean) => void} acceptDraft
 * @property {() => void} takeClicks
 * @property {() => void} escape
 */

/** @type {Record<ToolName, string>} */
const ICONS = {
  brush: "M13.5 2.5l2 2L8 12l-3 1 1-3zM3 15.5c0-2 2-1 2-3",
  eraser: "M6.5 14.5h9M2.5 11l7-7.5 5 4.5-6 6.5H6z M6 7.5l5 4.5",
  polygon: "M4 14.5L2.5 6 9 2.5l6.5 4.5L13 15z",
  flood: "M8 2.5l6.5 6.5-5.5 5.5L3 8.5zM3 8.5h11M15.5 12c1 1.6 1 3-.2 3s-1.100-1.400.2-3z",
  superpixel: "M2.500 5l4-2.500 5 1.500 4-1v6l-1.500 5-5 1-5.500-1.500-1-4zM6.500 2.500L7 8l-4.500 1.500M7 8l4 2 4.500-1M11 10l-2 5",
  draft: "M3 15l7.500-7.500M12.500 2v3M12.500 8v2M9 5.500h2M14 5.500h2.500M4 3v2M3 4h2M14 12v2.500M13 13.200h2.500",
  click: "M7 7l8 3-3.500 1.500L10 15zM7 1.500v2.500M1.500 7H4M3 3l1.700 1.700M11 3L9.500 4.500M3 11l1.500-1.500",
  pan: "M9 2v14M2 9h14M9 2L7 4M9 2l2 2M9 16l-2-2M9 16l2-2M2 9l2-2M2 9l2 2M16 9l-2-2M16 9l-2 2",
};
/** @type {[ToolName, string, string][]} name, title, key */
export const TOOLS = [
  ["brush", "Brush", "b"],
  ["eraser", "Eraser: paints void", "e"],
  ["polygon", "Polygon", "p"],
  ["flood", "Fill a connected area", "f"],
  ["superpixel", "Superpixels", "s"],
  ["click", "Click what you mean", "c"],
  ["draft", "Areas of the model's draft", "d"],
  ["pan", "Move the picture", "Space"],
];

export class Toolbar {
  /** @param {ToolbarActs} acts */
  constructor(acts) {
    this.buttons = new Map(TOOLS.map(([name, title, key]) => [name, toolButton(name, title, key, () => acts.setTool(name))]));
    this.rail = element("div", { class: "rail", role: "toolbar", "aria-label": "Tools", "aria-orientation": "vertical" }, ...this.buttons.values());
    this.slider = slider("Brush size", (value) => acts.setSize(Math.round(MOST_SIZE ** (value / 100))));
    this.sizeLabel = element("span", { class: "number" });
    this.swatch = element("i", { class: "swatch" });
    this.name = element("span", { class: "name" });
    this.chip = element("span", { class: "chip" }, this.swatch, this.name);
    this.size = element("label", { class: "group" }, element("kbd", { text: "[" }), this.slider, element("kbd", { text: "]" }), this.sizeLabel);
    this.segments = Object.entries(SUPERPIXELS).map(([name, n]) => ({ n, node: button({ class: "tool", "data-n": n, text: name, title: `About ${n} superpixels an image`, onclick: () => acts.setSuperpixels(n) }) }));
    this.superpixel = element("span", { class: "group segments" }, ...this.segments.map(({ node }) => node));
    this.draft = button({ class: "tool", title: "Take the model's draft where nothing is painted (G); Shift: everywhere", onclick: (/** @type {MouseEvent} */ event) => acts.acceptDraft(event.shiftKey) }, element("span", { text: "Take the whole draft" }), element("kbd", { text: "G" }));
    this.take = button({ class: "tool", title: "Paint it (Enter)", onclick: () => acts.takeClicks() }, element("span", { text: "Take it" }), element("kbd", { text: "Enter" }));
    this.drop = button({ class: "tool", title: "Drop it (Esc)", onclick: () => acts.escape() }, element("span", { text: "Drop" }));
    this.click = element("span", { class: "group" }, this.take, this.drop);
    this.hint = element("span", { class: "hint", role: "status" });
    this.options = element("div", { class: "options" }, this.chip, this.size, this.superpixel, this.draft, this.click, this.hint);
  }

  /** @param {ToolName} tool at hand */
  renderTools(tool) {
    for (const [name, node] of this.buttons) press(node, name === tool);
  }

  /**
   * @param {MaskEasel} easel
   * @param {Tools} tools
   * @param {MaskClasses} classes
   */
  renderOptions(easel, tools, classes) {
    const { settings, item } = easel;
    const { tool } = settings;
    this.size.hidden = tool !== "brush" && tool !== "eraser";
    this.superpixel.hidden = tool !== "superpixel";
    this.draft.hidden = tool !== "draft";
    this.click.hidden = tool !== "click" || !tools.click.begun;
    this.slider.value = String(Math.round((100 * Math.log(settings.size)) / Math.log(MOST_SIZE)));
    this.sizeLabel.textContent = `${settings.size} px`;
    for (const { n, node } of this.segments) press(node, n === settings.superpixels);
    const said = tool === "click" ? tools.click.words() : hintOf(tool, settings.superpixels, tools.polygon.corners.length, item, easel.noDraft);
    if (this.hint.textContent !== said) this.hint.textContent = this.hint.title = said;
    this.hint.toggleAttribute("data-why", tool === "click" && tools.click.clicks.reason !== "");
    this.draft.disabled = !item?.guess;
    const value = easel.paints;
    this.chip.hidden = tool === "pan" || tool === "draft" || !classes.isSet;
    this.swatch.style.background = value === VOID ? "" : `rgb(${classes.colors[value]})`;
    this.name.textContent = this.chip.title = value === VOID ? "void" : (classes.names[value] ?? "");
  }
}

/**
 * What is told of the tool at hand.
 * @param {ToolName} tool
 * @param {number} n superpixels an image
 * @param {number} corners
 * @param {MaskItem | undefined} item
 * @param {string} noDraft
 */
function hintOf(tool, n, corners, item, noDraft) {
  switch (tool) {
    case "brush":
      return "Alt+click takes the class under the pointer";
    case "polygon":
      return corners ? `${corners} ${corners === 1 ? "corner" : "corners"}: Enter closes, Backspace takes one back, Esc drops` : "Click corner by corner";
    case "flood":
      return "Click an area to fill it";
    case "superpixel":
      if (item?.superpixelProblem) return `No superpixels: ${item.superpixelProblem}`;
      return item && !item.superpixels.has(n) ? "Computing superpixels…" : "Click or drag over superpixels";
    case "draft":
      return item?.guess ? "Click an area of the draft to take it" : item ? noDraft : "";
    case "pan":
      return "Drag to move; Esc shows the whole picture";
    default:
      return "";
  }
}

/**
 * @param {ToolName} name
 * @param {string} title
 * @param {string} key
 * @param {() => void} choose
 */
function toolButton(name, title, key, choose) {
  const icon = element("span", { class: "glyph" });
  icon.innerHTML = `<svg viewBox="0 0 18 18" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
  return button({ class: "tool", title: `${title} (${key})`, "aria-label": title, onclick: choose }, icon, element("kbd", { "aria-hidden": "true", "data-key": key.length > 1 ? key : key.toUpperCase() }));
}
