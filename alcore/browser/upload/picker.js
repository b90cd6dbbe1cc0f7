// Folders of the server, one inside the other: stepped into and out of by click and keys, and one of them chosen.

import { wordsOf } from "../shared/api.js";
import { button, element } from "../shared/dom.js";
import { whole } from "../shared/numbers.js";
import { sentence, several } from "./amounts.js";

/** @import { Api } from "../shared/api.js" */
/** @import { FolderTold, ListingTold } from "../shared/types.js" */

export class Picker {
  /**
   * @param {Api} api
   * @param {(path: string) => void} chosen
   */
  constructor(api, chosen) {
    this.api = api;
    this.chosen = chosen;
    this.turn = 0;
    /** @type {ListingTold | null} */
    this.listing = null;
    this.up = button({ class: "up", text: "↑ Up", onclick: () => this.out() });
    this.where = element("b", {});
    this.use = button({ class: "use primary", text: "Use this folder", onclick: () => this.listing && this.chosen(this.listing.at) });
    this.list = element("ul", { "aria-label": "Folders" });
    this.said = element("p", { class: "quiet", role: "status" });
    this.node = element(
      "section",
      { class: "picker", "aria-label": "Folders of the server", hidden: true },
      element("div", { class: "head" }, this.up, this.where, this.use),
      this.list,
      this.said,
    );
    this.node.addEventListener("keydown", (event) => this.key(event));
  }

  async toggle() {
    if (!this.node.hidden) {
      this.node.hidden = true;
      return;
    }
    this.node.hidden = false;
    await this.open(this.listing?.at ?? "");
    this.rows[0]?.focus();
  }

  get rows() {
    return /** @type {HTMLButtonElement[]} */ ([...this.list.querySelectorAll("button")]);
  }

  /**
   * Shows a folder; "" are the places where one begins.
   * @param {string} at
   * @param {string} [from] the folder in it that gets the focus
   */
  async open(at, from) {
    const turn = (this.turn += 1);
    this.node.setAttribute("aria-busy", "true");
    try {
      /** @type {ListingTold} */
      const listing = await this.api.json(this.api.url(["folders"], { at: at || null }));
      if (turn !== this.turn) return;
      this.show(listing);
      (this.rows.find((row) => row.dataset.path === from) ?? this.rows[0])?.focus();
    } catch (error) {
      if (turn === this.turn) this.say(sentence(wordsOf(error)));
    } finally {
      if (turn === this.turn) this.node.removeAttribute("aria-busy");
    }
  }

  /** @param {ListingTold} listing */
  show(listing) {
    this.listing = listing;
    const { at, up, folders, images, cut } = listing;
    this.where.textContent = at || "Folders of the server";
    this.where.title = at;
    this.up.hidden = up === null;
    this.use.hidden = !at;
    this.list.replaceChildren(...folders.map((folder) => this.row(folder)));
    const words = [at && images ? `${several(images, "image")} in it` : "", cut ? `only the first ${whole(folders.length)} folders are shown` : ""].filter(Boolean);
    const nothing = at ? "There is no folder and no image in it." : "No folder may be read here: upload the files, or ask whoever runs the server for --data-root.";
    this.say(words.length ? `${words.join(" · ")}.` : folders.length ? "" : nothing);
    this.node.dataset.at = at;
  }

  /** @param {FolderTold} folder */
  row({ name, path, images, more }) {
    const count = images || more ? `${whole(images)}${more ? "+" : ""} ${images === 1 && !more ? "image" : "images"}` : "no images";
    return element("li", {}, button({ "data-path": path, onclick: () => this.open(path) }, element("span", { text: name }), element("small", { text: count })));
  }

  /** @param {string} words */
  say(words) {
    this.said.textContent = words;
    this.said.hidden = !words;
  }

  out() {
    if (this.listing && this.listing.up !== null) this.open(this.listing.up, this.listing.at);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { rows } = this;
    const at = rows.findIndex((row) => row.matches(":focus"));
    const moves = { ArrowDown: at + 1, ArrowUp: Math.max(0, at - 1), Home: 0, End: rows.length - 1 };
    if (event.key in moves) rows[Math.min(rows.length - 1, moves[/** @type {keyof typeof moves} */ (event.key)])]?.focus();
    else if (event.key === "ArrowRight" && at >= 0) rows[at].click();
    else if (event.key === "ArrowLeft" || event.key === "Backspace") this.out();
    else if (event.key === "Escape") this.node.hidden = true;
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
