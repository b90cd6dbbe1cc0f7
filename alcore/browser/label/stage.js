// The large picture of the labeler: put on the stage as it was decoded ahead of time, with zoom and pan.

import { element } from "../shared/dom.js";
import { fileName, MARKS } from "./words.js";

/** @import { LabelItem } from "./labeler.js" */
/** @import { Answers } from "./answers.js" */
/** @import { Exposure } from "./exposure.js" */

/** @type {Record<string, string>} */
export const STATE_NAMES = { label: "labeled", skip: "skipped", flag: "flagged" };

export class PictureStage {
  /**
   * @param {Exposure} exposure
   * @param {HTMLElement} zoomLabel says how far it is zoomed in
   */
  constructor(exposure, zoomLabel) {
    this.exposure = exposure;
    this.zoomLabel = zoomLabel;
    this.node = element("div", { class: "stage" });
    this.caption = element("div", { class: "caption" });
    this.zoom = { scale: 1, x: 0, y: 0 };
    this.beside = ""; // who else looks at it
    /** @type {LabelItem | null} */
    this.staged = null;
    /** @type {HTMLImageElement | undefined} */
    this.picture = undefined;
    /** @type {number | null} the key press that asked for the picture */
    this.paintStart = null;
    this.listen();
  }

  /**
   * @param {LabelItem} item
   * @param {HTMLImageElement | undefined} picture its large one; undefined where it has none
   * @param {Answers<LabelItem>} answers
   * @param {Event} [event]
   */
  render(item, picture, answers, event) {
    const loading = !item.seen;
    this.picture = picture;
    if (item.broken) this.node.replaceChildren(element("div", { class: "broken", role: "img", "aria-label": "no picture" }, element("b", { text: "This image cannot be shown" }), element("span", { text: item.broken })));
    else if (picture && (this.node.firstChild !== picture || this.node.childNodes.length !== 1)) {
      picture.alt = `Image ${fileName(item)}`;
      this.node.replaceChildren(picture);
    }
    if (item !== this.staged) {
      this.staged = item;
      this.exposure.forget();
      item.shownAt = undefined;
    }
    if (event?.timeStamp) this.paintStart = event.timeStamp;
    if (!loading && item.shownAt === undefined) {
      item.shownAt = performance.now();
      const started = this.paintStart;
      this.paintStart = null;
      this.exposure.appears(item, Promise.resolve(picture?.decode()).catch(() => {}), started);
    }
    fitPixels(picture, item);
    this.applyZoom();
    this.renderCaption(item, answers);
  }

  /**
   * @param {LabelItem} item
   * @param {Answers<LabelItem>} answers
   */
  renderCaption(item, answers) {
    const by = answers.givenBy(item);
    const words = [item.state === "label" ? `✓ ${item.label}` : `${MARKS[item.state]} ${STATE_NAMES[item.state]}`, item.flagged && item.state !== "flag" && MARKS.flag, by && by !== answers.place.me && `· ${by}`];
    const given = item.state === "open" ? null : element("span", { class: "given", "data-state": item.disputed ? "disputed" : item.state, text: words.filter(Boolean).join(" ") });
    const size = item.width ? `${item.width} × ${item.height}` : "";
    const test = item.test ? [element("span", { class: "test", text: "test", title: "Drawn at random to measure how often the model is right: nothing learns from it." })] : [];
    this.caption.replaceChildren(...test, element("span", { class: "path", text: fileName(item), title: fileName(item) }), element("span", { class: "size", text: size }), ...(given ? [given] : []), this.beside && element("span", { class: "beside", text: this.beside }));
  }

  // ---- zoom and pan

  /**
   * @param {number} step
   * @param {[number, number]} [at] measured from the middle of the stage
   */
  zoomBy(step, at = [0, 0]) {
    const { zoom } = this;
    const scale = Math.min(Math.max(zoom.scale * 1.4 ** step, 1), 24);
    const ratio = scale / zoom.scale;
    const [x, y] = at;
    this.zoom = scale === 1 ? { scale, x: 0, y: 0 } : { scale, x: x - (x - zoom.x) * ratio, y: y - (y - zoom.y) * ratio };
    this.applyZoom();
  }

  /** The whole picture again, with the next drawing. */
  resetZoom() {
    this.zoom = { scale: 1, x: 0, y: 0 };
  }

  applyZoom() {
    const { scale, x, y } = this.zoom;
    if (this.picture) this.picture.style.transform = scale === 1 ? "" : `translate(${x}px, ${y}px) scale(${scale})`;
    this.node.classList.toggle("zoomed", scale > 1);
    this.zoomLabel.textContent = `${Math.round(scale * 100)} %`;
  }

  listen() {
    const { node } = this;
    node.addEventListener("wheel", (event) => {
      event.preventDefault();
      const box = node.getBoundingClientRect();
      this.zoomBy(-Math.sign(event.deltaY) * 0.6, [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2]);
    }, { passive: false });
    node.addEventListener("pointerdown", (event) => {
      if (this.zoom.scale === 1 || event.button) return;
      node.setPointerCapture(event.pointerId);
      const from = { x: event.clientX - this.zoom.x, y: event.clientY - this.zoom.y };
      const drag = (/** @type {PointerEvent} */ move) => {
        Object.assign(this.zoom, { x: move.clientX - from.x, y: move.clientY - from.y });
        this.applyZoom();
      };
      node.addEventListener("pointermove", drag);
      node.addEventListener("pointerup", () => node.removeEventListener("pointermove", drag), { once: true });
    });
  }
}

/**
 * Tiny images are shown as the pixels they are; smoothing would invent what is not there.
 * @param {HTMLImageElement | undefined} picture
 * @param {LabelItem} item
 */
export function fitPixels(picture, item) {
  if (picture?.naturalWidth) picture.classList.toggle("pixels", Math.max(picture.naturalWidth, picture.naturalHeight) <= 128 && Math.max(item.width || 0, item.height || 0) <= 128);
}
