// What belongs to a class: its description and some of its images, beside its button while somebody points at it or holds it.

import { element } from "../shared/dom.js";
import { whole } from "../shared/numbers.js";

/** @import { Api } from "../shared/api.js" */
/** @import { Pictures } from "../shared/pictures.js" */
/** @typedef {{name: string, about: string, labels: number, images: {id: number, image: string}[]}} ExamplesTold */

const REST = 400; // ms somebody stays with a button
const KEPT = 20_000; // ms an answer is good for: labels are given all the time
const GAP = 8; // px

export class Examples {
  /**
   * @param {Api} api
   * @param {Pictures} pictures
   * @param {HTMLElement} root what the card stands in
   */
  constructor(api, pictures, root) {
    this.api = api;
    this.pictures = pictures;
    this.root = root;
    this.project = "";
    /** @type {Map<string, {at: number, told: Promise<ExamplesTold>}>} */
    this.known = new Map();
    /** @type {HTMLElement | null} the button that is pointed at */
    this.on = null;
    /** @type {HTMLElement | null} the button that was just pressed: who labels by mouse stays there, and wants to see the next picture */
    this.pressed = null;
    this.held = false; // by a finger, so that its end is no answer
    /** @type {number | undefined} */
    this.timer = undefined;
    this.card = element("div", { class: "examples", role: "tooltip", id: "alcore-examples", hidden: true });
    root.append(this.card);
  }

  /** Listens to the buttons in a box; each has its class as data-value. @param {HTMLElement} box */
  listen(box) {
    const buttonAt = (/** @type {Event} */ event) => (event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest("[data-value]")) : null);
    box.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch") this.point(buttonAt(event));
    });
    box.addEventListener("pointerleave", () => this.point(null));
    box.addEventListener("focusin", (event) => {
      const node = buttonAt(event);
      if (node?.matches(":focus-visible")) this.point(node);
    });
    box.addEventListener("focusout", () => this.point(null));
    box.addEventListener("pointerdown", (event) => {
      this.held = false;
      if (event.pointerType === "touch") this.point(buttonAt(event), true);
    });
    box.addEventListener("pointerup", () => {
      if (!this.held) this.point(null);
    });
    box.addEventListener("click", (event) => {
      if (this.held) event.stopImmediatePropagation();
      else {
        this.point(null);
        this.pressed = buttonAt(event);
      }
      this.held = false;
    }, true);
    box.addEventListener("contextmenu", (event) => this.held && event.preventDefault());
    box.addEventListener("scroll", () => this.point(null));
  }

  close() {
    clearTimeout(this.timer);
    this.on = null;
    this.card.hidden = true;
  }

  /** Somebody points at a button, or no longer at one. @param {HTMLElement | null} node @param {boolean} [finger] */
  point(node, finger = false) {
    if (node === this.on || (node && node === this.pressed)) return;
    this.pressed = null;
    if (this.on && !this.card.hidden) {
      this.on.removeAttribute("aria-describedby");
      this.on.title = this.on.dataset.value ?? "";
    }
    this.close();
    this.on = node;
    if (!node) return;
    this.timer = window.setTimeout(() => {
      this.held = finger;
      this.show(node);
    }, REST);
  }

  /** @param {HTMLElement} node */
  async show(node) {
    const told = await this.told(node.dataset.value ?? "").catch(() => null); // a card that does not come is no trouble: the name is there
    if (!told || node !== this.on || !(told.images.length || told.about)) return;
    const figures = told.images.map(({ id, image }) => {
      const picture = element("img", { alt: `image ${id}`, draggable: "false" });
      this.pictures.load(this.api.url(image, { size: 96 })).then((url) => (picture.src = url), () => picture.remove());
      return picture;
    });
    this.card.replaceChildren(
      element("b", { text: told.name }),
      told.about && element("p", { text: told.about }),
      figures.length ? element("div", { class: "pictures" }, ...figures) : "",
      element("small", { text: told.labels === 1 ? "1 label" : `${whole(told.labels)} labels` }),
    );
    this.card.hidden = false;
    node.setAttribute("aria-describedby", this.card.id);
    node.removeAttribute("title"); // the card says the name, and more
    this.place(node);
  }

  /** Beside the button where there is room, else above or below it. @param {HTMLElement} node */
  place(node) {
    const { card, root } = this;
    const [at, all] = [node.getBoundingClientRect(), root.getBoundingClientRect()];
    const { offsetWidth: width, offsetHeight: height } = card;
    const beside = at.left - all.left - width - GAP;
    const above = at.top - all.top - height - GAP;
    const [left, top] = beside >= 0 ? [beside, at.top - all.top] : [at.left - all.left, above >= 0 ? above : at.bottom - all.top + GAP];
    card.style.left = `${Math.max(0, Math.min(left, all.width - width))}px`;
    card.style.top = `${Math.max(0, Math.min(top, all.height - height))}px`;
  }

  /**
   * @param {string} name
   * @returns {Promise<ExamplesTold>}
   */
  told(name) {
    const known = this.known.get(name);
    const now = performance.now();
    if (known && now - known.at < KEPT) return known.told;
    const told = this.api.json(this.api.url(["projects", this.project, "examples"], { name }));
    this.known.set(name, { at: now, told });
    told.catch(() => this.known.delete(name));
    return told;
  }

  /** @param {string} project */
  of(project) {
    if (project === this.project) return;
    this.project = project;
    this.known.clear();
    this.point(null);
  }
}
