// What a student labels: one image, large, and a button for each class, for fingers as for keys.

import { button, element } from "../shared/dom.js";
import { keysOf } from "../shared/keys.js";

const LETTERS = "qwertyuiopasdfghjkl";
const SMALL = 64; // pixels of a side up to which an image is shown with its pixels as squares
const LIVE = 120; // ms an image must have been on the screen before an answer is meant for it

export class Stage {
  /** @param {(label: number) => void} chosen */
  constructor(chosen) {
    this.chosen = chosen;
    this.image = element("img", { class: "picture", alt: "The image to label", hidden: true, draggable: "false" });
    this.said = element("p", { class: "said", role: "status" });
    this.buttons = element("div", { class: "buttons", role: "group", "aria-label": "Which class is it?" });
    this.root = element("section", { class: "stage", "aria-label": "Label" }, element("div", { class: "frame" }, this.image, this.said), this.buttons);
    /** @type {Map<string, number>} key -> class */
    this.keys = new Map();
    this.shownAt = Infinity;
    this.known = "";
  }

  /** @param {string[]} classes */
  setClasses(classes) {
    if (this.known === JSON.stringify(classes)) return;
    this.known = JSON.stringify(classes);
    const keys = keysOf(classes, LETTERS);
    this.keys = new Map(classes.flatMap((name, at) => (keys.has(name) ? [[/** @type {string} */ (keys.get(name)), at]] : [])));
    this.buttons.replaceChildren(...classes.map((name, at) => button({ class: "choice", disabled: true, onclick: () => this.choose(at) },
      element("span", { text: name }),
      keys.get(name) !== name && element("kbd", { text: keys.get(name) ?? "", "aria-hidden": "true" }))));
    this.buttons.dataset.short = String(classes.every((name) => name.length < 4));
  }

  /**
   * Shows an image, or says why there is none.
   * @param {{url: string, item: number} | null} picture
   * @param {string} said
   */
  async show(picture, said) {
    this.said.textContent = said;
    this.said.hidden = !said;
    if (!picture) {
      this.image.hidden = true;
      this.root.dataset.item = "";
      this.enable(false);
      return;
    }
    if (this.root.dataset.item === String(picture.item) && !this.image.hidden) return;
    this.root.dataset.item = String(picture.item);
    this.image.src = picture.url;
    await this.image.decode().catch(() => undefined); // another took its place meanwhile
    if (this.root.dataset.item !== String(picture.item)) return;
    this.image.dataset.small = String(this.image.naturalWidth < SMALL);
    this.image.hidden = false;
    this.shownAt = performance.now();
    this.enable(true);
  }

  /** @param {boolean} on */
  enable(on) {
    if (!on) this.shownAt = Infinity;
    for (const node of this.buttons.querySelectorAll("button")) node.disabled = !on;
    this.root.dataset.live = on ? "1" : "0";
  }

  /** @param {number} label */
  choose(label) {
    if (performance.now() - this.shownAt < LIVE) return; // a second tap of the finger that answered the one before
    this.chosen(label);
  }
}
