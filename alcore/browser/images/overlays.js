// Masks laid over the pictures of the grid: those that are stored, or the model's draft where there is none. Shown or not, and how strongly, is
// remembered in this browser.

import { element, press, button, slider } from "../shared/dom.js";
import { Thumbnails } from "./thumbnails.js";

/** @import { Api } from "../shared/api.js" */

const KEPT = "alcore:images:overlay";

/** The color a class is painted in, as a little square. @param {string} color */
export function swatchOf(color) {
  const node = element("i", { class: "swatch" });
  node.style.background = color;
  return node;
}

export class Overlays {
  /**
   * @param {Api} api
   * @param {() => void} changed they are shown now, or not any more
   * @param {(id: number) => void} came
   */
  constructor(api, changed, came) {
    this.masks = new Thumbnails(api, came, "overlays");
    this.changed = changed;
    this.event = -1; // the newest of the journal when the masks were asked for
    this.dense = false;
    const { on, opacity } = remembered();
    this.on = on;
    this.opacity = opacity;
    this.switch = button({ text: "Masks", title: "Lay masks, or the model's drafts, over the pictures", onclick: () => this.set(!this.on, this.opacity) });
    this.slider = slider("Opacity of the masks", (value) => this.set(this.on, value));
    this.root = element("span", { class: "overlay", hidden: true }, this.switch, this.slider);
    this.show();
  }

  /**
   * @param {boolean} on
   * @param {number} opacity 0 to 100
   */
  set(on, opacity) {
    const turned = on !== this.on;
    Object.assign(this, { on, opacity });
    try {
      localStorage.setItem(KEPT, JSON.stringify({ on, opacity }));
    } catch {
      // a private window: it is as usual next time
    }
    this.show();
    if (turned) this.changed();
  }

  show() {
    press(this.switch, this.on);
    this.slider.value = String(this.opacity);
    this.slider.hidden = !this.on;
    const grid = this.root.closest(".images");
    if (!(grid instanceof HTMLElement)) return;
    grid.style.setProperty("--mask", String(this.opacity / 100));
    grid.toggleAttribute("data-masks", this.shown);
  }

  /**
   * @param {boolean} dense the project has masks
   * @param {string} project
   * @param {number} size of the pictures
   */
  of(dense, project, size) {
    this.dense = dense;
    this.root.hidden = !dense;
    this.masks.of(project, size);
    this.show();
  }

  /** Masks may have changed. @param {number} event the newest of the journal */
  since(event) {
    if (event !== this.event) this.masks.clear();
    this.event = event;
  }

  get shown() {
    return this.dense && this.on;
  }

  /** @param {number[]} ids what is on the screen */
  want(ids) {
    if (this.shown) this.masks.want(ids);
  }

  /**
   * Lays its mask over a tile's picture; what stands below a draft says that it is one.
   * @param {HTMLElement} picture
   * @param {HTMLElement} caption
   * @param {number} id
   */
  lay(picture, caption, id) {
    const url = this.shown ? this.masks.ready(id) : undefined;
    const there = picture.querySelector("img.mask");
    if (!url) return there?.remove();
    const image = /** @type {HTMLImageElement} */ (there ?? element("img", { class: "mask", alt: "", draggable: "false" }));
    if (!there) picture.append(image);
    if (image.src !== url) image.src = url;
    if (caption.textContent) return;
    caption.replaceChildren(element("i", { text: "draft" }));
    const tile = picture.parentElement;
    tile?.setAttribute("aria-label", `draft, ${tile.getAttribute("aria-label") ?? ""}`);
  }

  clear() {
    this.masks.clear();
  }
}

/** @returns {{on: boolean, opacity: number}} */
function remembered() {
  const usual = { on: true, opacity: 55 };
  try {
    return { ...usual, ...JSON.parse(localStorage.getItem(KEPT) ?? "null") };
  } catch {
    return usual;
  }
}
