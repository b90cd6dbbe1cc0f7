// Views kept under a name: everybody who works on the project sees them.

import { button, element } from "../shared/dom.js";

/** @import { Api } from "../shared/api.js" */

/**
 * @typedef {object} Acts
 * @property {(view: URLSearchParams) => void} look
 * @property {() => void} changed
 * @property {(error: unknown) => void} failed
 */

export class Views {
  /**
   * @param {Api} api
   * @param {Acts} acts
   */
  constructor(api, acts) {
    this.api = api;
    this.acts = acts;
    this.project = "";
    this.view = new URLSearchParams();
    this.list = element("div", { class: "values" });
    this.name = element("input", { type: "text", class: "find", maxlength: "60", placeholder: "Name of this view", "aria-label": "Name of this view", onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && this.keep() });
    this.root = element("details", { class: "menu" }, element("summary", { text: "Views" }), element("div", { class: "sheet right" }, this.list, element("div", { class: "keep labels" }, this.name, button({ text: "Keep", onclick: () => this.keep() }))));
  }

  /**
   * @param {URLSearchParams} view
   * @param {Record<string, string>} kept
   */
  show(view, kept) {
    this.view = view;
    const rows = Object.entries(kept).map(([name, address]) => element("div", { class: "kept" }, button({ class: "name", text: name, title: name, onclick: () => this.look(address) }), button({ class: "owns", text: "×", title: `Forget “${name}”`, "aria-label": `Forget ${name}`, onclick: () => this.store(name, null) })));
    this.list.replaceChildren(...(rows.length ? rows : [element("p", { class: "nothing", text: "Set filters, then keep them here under a name." })]));
  }

  /** @param {string} address */
  look(address) {
    this.root.open = false;
    this.acts.look(new URLSearchParams(address));
  }

  keep() {
    const name = this.name.value.trim();
    if (!name) this.name.focus();
    else this.store(name, this.view.toString());
  }

  /**
   * @param {string} name
   * @param {string | null} address null forgets it
   */
  async store(name, address) {
    try {
      await this.api.post(this.api.url(["projects", this.project, "views"]), { name, address });
      this.name.value = "";
      this.acts.changed();
    } catch (error) {
      this.acts.failed(error);
    }
  }
}
