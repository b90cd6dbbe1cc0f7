// The buttons at the top of the mask editor: strokes taken back, zoom, and what is decided about the image.

import { button, element } from "../shared/dom.js";

/** @import { MaskDocument } from "./document.js" */
/** @import { MaskCanvas } from "./canvas.js" */
/**
 * What the buttons do.
 * @typedef {object} Acts
 * @property {(way: "undo" | "redo") => void} step
 * @property {(kind: "skip" | "flag", event: Event) => void} answer
 * @property {(event: Event) => void} save
 * @property {() => void} toggleHelp
 */

const ALL_KEYS = "All keys (?)";

export class ActionBar {
  /**
   * @param {MaskCanvas} canvas
   * @param {Acts} acts
   */
  constructor(canvas, acts) {
    const act = (/** @type {string} */ text, /** @type {string} */ title, /** @type {() => void} */ does, look = "tool") => button({ class: look, title, "aria-label": title, onclick: does }, element("span", { text }));
    const keyed = (/** @type {string} */ text, /** @type {string} */ key, /** @type {string} */ title, /** @type {(event: Event) => void} */ does) => button({ class: "tool", "data-tool": text, title: `${title} (${key})`, onclick: does }, element("span", { text }), element("kbd", { text: key }));
    this.undo = act("↶", "Undo a stroke (Ctrl+Z)", () => acts.step("undo"), "tool icon");
    this.redo = act("↷", "Redo a stroke (Ctrl+Shift+Z)", () => acts.step("redo"), "tool icon");
    this.save = button({ class: "tool primary", title: "Save the mask and go to the next image (Enter)", onclick: (/** @type {Event} */ event) => acts.save(event) }, element("span", { text: "Save" }), element("kbd", { text: "↵" }));
    this.zoom = element("span", { text: "100 %" });
    this.node = element(
      "div",
      { class: "tools", role: "toolbar", "aria-label": "Editing" },
      this.undo,
      this.redo,
      element("span", { class: "gap" }),
      act("−", "Zoom out (−)", () => canvas.zoom(1 / 1.4), "tool icon"),
      element("span", { class: "tool level", title: "Screen pixels for a pixel of the picture" }, this.zoom),
      act("+", "Zoom in (+)", () => canvas.zoom(1.4), "tool icon"),
      act("1:1", "1:1, one pixel of the picture for one of the screen", () => canvas.actual()),
      act("Fit", "Fit: show the whole picture (Esc)", () => canvas.fit()),
      act("?", ALL_KEYS, () => acts.toggleHelp(), "tool icon"),
      element("span", { class: "gap" }),
      keyed("Skip", "N", "Skip: ask nobody about this image", (event) => acts.answer("skip", event)),
      keyed("Flag", "X", "Flag: something is wrong with this image", (event) => acts.answer("flag", event)),
      this.save,
    );
  }

  /**
   * @param {boolean} working
   * @param {MaskDocument | null} doc
   */
  render(working, doc) {
    for (const b of this.node.querySelectorAll("button")) b.disabled = !working && b.getAttribute("aria-label") !== ALL_KEYS;
    if (!working) return;
    this.save.disabled = !doc;
    this.undo.disabled = !doc?.done.length;
    this.redo.disabled = !doc?.undone.length;
  }
}
