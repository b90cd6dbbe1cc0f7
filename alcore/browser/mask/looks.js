// How the picture is looked at: opacity, outlines, heads, heat layers.

import { button, element, pen, press, slider } from "../shared/dom.js";
import { short } from "../shared/numbers.js";
import { HEAT } from "./stage.js";

/** @import { Look } from "./coloring.js" */
/** @import { MaskItem } from "./item.js" */
/** @import { Settings } from "./settings.js" */
/**
 * What its controls do.
 * @typedef {object} LooksActs
 * @property {(change: Partial<Settings>) => void} setLook
 * @property {() => void} toggleMask
 * @property {(name: string) => void} setHeat
 */

export class Looks {
  /**
   * @param {Settings} settings
   * @param {LooksActs} acts
   */
  constructor(settings, acts) {
    this.settings = settings;
    this.acts = acts;
    const toggle = (/** @type {string} */ text, /** @type {string} */ key, /** @type {string} */ title, /** @type {() => void} */ does) => button({ class: "tool", title: key ? `${title} (${key})` : title, "aria-pressed": "false", onclick: does }, element("span", { text }), key ? element("kbd", { text: key }) : null);
    this.opacity = slider("Opacity of the mask", (value) => acts.setLook({ opacity: value / 100 }));
    this.opacityLabel = element("span", { class: "number" });
    this.mask = toggle("Mask", "H", "Show the mask", () => acts.toggleMask());
    this.outlines = toggle("Outlines", "O", "Show the outlines of the areas", () => acts.setLook({ outlines: !settings.outlines }));
    this.wheel = toggle("Wheel", "", "The wheel zooms over the picture; when off, Ctrl or Alt and wheel do", () => acts.setLook({ wheelZooms: !settings.wheelZooms }));
    this.heads = toggle("Heads", "", "What each head of the model sees, side by side", () => acts.setLook({ heads: !settings.heads }));
    this.layers = element("div", { class: "line layers", role: "group", "aria-label": "Heat layers" });
    this.ramp = element("canvas", { width: "256", height: "1", "aria-hidden": "true" });
    this.low = element("span", {});
    this.high = element("span", {});
    this.scale = element("div", { class: "scale" }, this.low, this.ramp, this.high);
    this.node = element(
      "section",
      { class: "looks" },
      element("label", { class: "line" }, element("h4", { text: "Opacity" }), this.opacity, this.opacityLabel),
      element("div", { class: "line" }, this.mask, this.outlines, this.heads, this.wheel),
      this.layers,
      this.scale,
    );
  }

  /**
   * @param {MaskItem | undefined} item
   * @param {Look} look
   */
  render(item, look) {
    const { settings } = this;
    const percent = Math.round(100 * settings.opacity);
    this.opacity.value = String(percent);
    this.opacityLabel.textContent = `${percent} %`;
    press(this.mask, look.shown);
    press(this.outlines, settings.outlines);
    press(this.wheel, settings.wheelZooms);
    press(this.heads, settings.heads);
    this.heads.hidden = !item?.heads?.length;
    const layers = item?.layers || [];
    this.layers.hidden = !layers.length;
    const chosen = layers.find(({ name }) => name === settings.heat);
    const choice = (/** @type {string} */ name, /** @type {string} */ title) => button({ class: "tool", text: title, title: name ? `Heat of ${title}` : "No heat layer", "aria-pressed": (chosen?.name || "") === name ? "true" : "false", onclick: () => this.acts.setHeat(name) });
    this.layers.replaceChildren(element("h4", { text: "Heat" }), choice("", "off"), ...layers.map(({ name, title }) => choice(name, title)), element("kbd", { text: "L" }));
    this.scale.hidden = !chosen;
    if (!chosen) return;
    this.low.textContent = short(chosen.low);
    this.high.textContent = `${short(chosen.high)}${chosen.unit ? ` ${chosen.unit}` : ""}`;
    const context = pen(this.ramp);
    HEAT.forEach((color, i) => {
      context.fillStyle = `rgb(${color})`;
      context.fillRect(i, 0, 1, 1);
    });
  }
}
