// The line under the picture: its name and size, what is under the pointer, what was answered.

import { element } from "../shared/dom.js";
import { short } from "../shared/numbers.js";
import { MARKS, fileName } from "../label/words.js";
import { isUnsaved } from "./item.js";
import { VOID } from "./raster.js";

/** @import { Answers } from "../label/answers.js" */
/** @import { MaskDocument } from "./document.js" */
/** @import { Heat, MaskItem } from "./item.js" */
/** @import { Mask, Place } from "./raster.js" */

/** @type {Record<string, string>} */
export const STATE_NAMES = { label: "saved", skip: "skipped", flag: "flagged" }; // both also read by the strip's tiles
/** @type {Record<string, string>} what one of those asked for is called */
const UNITS = { tiles: "tile", superpixels: "superpixel" };

export class Caption {
  constructor() {
    this.path = element("span", { class: "path" });
    this.size = element("span", { class: "size" });
    this.place = element("span", { class: "place" });
    this.given = element("span", { class: "given" });
    this.node = element("div", { class: "caption" }, this.path, this.size, this.place, this.given);
  }

  /**
   * @param {MaskItem} item
   * @param {number} region of those that are asked for
   * @param {string} units what is asked for
   * @param {Answers<MaskItem>} answers
   */
  render(item, region, units, answers) {
    const unit = UNITS[units] || "region";
    const asked = item.regions ? ` · ${item.regions.length > 1 ? `${unit} ${region + 1} of ${item.regions.length} (Tab)` : `one ${unit} is asked for`}` : "";
    this.path.textContent = this.path.title = fileName(item);
    this.size.textContent = `${item.width} × ${item.height}${asked}`;
    const unsaved = isUnsaved(item);
    const by = answers.givenBy(item);
    const given = item.state === "open" ? "" : `${MARKS[item.state]} ${STATE_NAMES[item.state]}${by && by !== answers.place.me ? ` by ${by}` : ""}`;
    this.given.textContent = unsaved ? (item.state === "open" ? "not saved yet" : `${given}, then changed: not saved yet`) : given;
    this.given.dataset.state = unsaved ? "flag" : item.state;
  }

  /**
   * What is under the pointer.
   * @param {Place | null} place
   * @param {MaskDocument | null} doc
   * @param {string[]} names of the classes
   * @param {Heat | null} heat
   * @param {Mask | null} draft where it is told of
   */
  renderPlace(place, doc, names, heat, draft) {
    const [x, y] = place ? [Math.floor(place[0]), Math.floor(place[1])] : [-1, -1];
    let text = "";
    if (doc && x >= 0 && y >= 0 && x < doc.width && y < doc.height) {
      const value = doc.mask[y * doc.width + x];
      text = `${x}, ${y} · ${value === VOID ? "void" : (names[value] ?? value)}`;
      if (heat) {
        const { grey, low, high, title } = heat;
        const at = grey.values[Math.min(grey.height - 1, Math.floor(((y + 0.5) * grey.height) / doc.height)) * grey.width + Math.min(grey.width - 1, Math.floor(((x + 0.5) * grey.width) / doc.width))];
        text += ` · ${title} ${short(low + ((high - low) * at) / 255)}`;
      }
      if (draft) text += ` · draft ${names[draft[y * doc.width + x]] ?? "void"}`;
    }
    if (this.place.textContent !== text) this.place.textContent = text;
  }
}
