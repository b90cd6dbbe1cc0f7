// What the labeler loads ahead of a person: small pictures of what is near the cursor, and decoded large ones of what comes next.

import { problemOf } from "../shared/api.js";
import { element } from "../shared/dom.js";
import { PAGE } from "./grid.js";
import { fitPixels } from "./stage.js";

/** @import { Desk } from "./desk.js" */
/** @import { LabelItem } from "./labeler.js" */

export const AHEAD = 100; // open items below which more are fetched; twice as many are asked for

export class Near {
  /**
   * @param {Desk<LabelItem>} desk
   * @param {() => "single" | "grid"} mode
   */
  constructor(desk, mode) {
    this.desk = desk;
    this.mode = mode;
  }

  /** Loads what is near the cursor. */
  load() {
    const { items, cursor, current } = this.desk.queue;
    for (const item of items.slice(Math.max(0, cursor - PAGE), cursor + 2 * AHEAD)) {
      if (item.asked) continue;
      item.asked = true;
      this.desk.pictures.load(item.small, item === current).then(() => this.arrived(item), (error) => this.broke(item, error));
    }
    if (this.mode() !== "single") return;
    for (const item of items.slice(Math.max(0, cursor - 1), cursor + 6)) this.big(item);
  }

  /**
   * The decoded large image of an item, made ahead of time; its element is put on the stage as it is.
   * @param {LabelItem} item
   */
  big(item) {
    if (item.picture || item.broken) return item.picture;
    const { pictures } = this.desk;
    const image = element("img", { alt: "", draggable: "false" });
    item.picture = image;
    const show = (/** @type {string} */ url) => {
      if (image.dataset.full) return;
      image.src = url;
      image.decode().catch(() => {}).then(() => item === this.desk.queue.current && fitPixels(image, item));
    };
    const small = item.full !== item.small && pictures.ready(item.small);
    if (small) show(small);
    pictures.load(item.full).then(
      (url) => {
        show(url);
        image.dataset.full = "1";
        this.arrived(item);
      },
      (error) => this.broke(item, error),
    );
    return image;
  }

  /** @param {LabelItem} item */
  arrived(item) {
    if (!item.seen) this.desk.pictureReady();
    item.seen = true;
    this.desk.tiles.fill(item);
    if (item === this.desk.queue.current && this.desk.root.dataset.loading === "1") this.desk.render();
  }

  /**
   * @param {LabelItem} item
   * @param {unknown} error
   */
  broke(item, error) {
    const { status, message } = problemOf(error);
    if (!status) return;
    item.broken = message;
    this.arrived(item);
    if (item === this.desk.queue.current) this.desk.render();
  }
}
