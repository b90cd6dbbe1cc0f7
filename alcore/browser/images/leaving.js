// Where chosen images go from the grid: a view of their own, the map, a table.

import { wordsOf } from "../shared/api.js";
import { button } from "../shared/dom.js";
import { handOver } from "../shared/saving.js";
import { keep } from "../shared/selections.js";

/** @import { Api } from "../shared/api.js" */
/** @import { ImagesData } from "../shared/types.js" */
/** @import { Chosen } from "./chosen.js" */
/**
 * What this needs of the page.
 * @typedef {object} OfPage
 * @property {Api} api
 * @property {ImagesData} data
 * @property {URLSearchParams} view
 * @property {Chosen} chosen
 * @property {() => number[]} picked the chosen images, in the view's order
 * @property {(view: URLSearchParams) => void} look
 * @property {(text: string) => void} tell
 */

export const PATIENCE = 60_000; // ms for a view of a million images

export class Leaving {
  /** @param {OfPage} page */
  constructor(page) {
    this.page = page;
    this.saving = button({ text: "CSV", title: "Save these images as a table: what was said of each, and what the model thinks", onclick: () => this.save() });
  }

  /** Keeps the selection; its name. */
  among() {
    const { api, data, picked } = this.page;
    return keep(api, data.project, picked.call(this.page));
  }

  /** @param {() => Promise<void>} act */
  async telling(act) {
    try {
      await act();
    } catch (error) {
      this.page.tell(`${wordsOf(error)}.`);
    }
  }

  /** Shows the chosen images alone. */
  only() {
    return this.telling(async () => {
      this.page.look(new URLSearchParams({ among: await this.among() }));
      this.page.tell("The address of this page shows these images to others too.");
    });
  }

  /** Shows them on the map of the newest round. */
  map() {
    return this.telling(async () => {
      const { api, data } = this.page;
      location.assign(`${api.page("explore", data.project)}&among=${await this.among()}`);
    });
  }

  /** Saves the chosen images, or all of the view, as a table. */
  async save() {
    this.saving.disabled = true;
    await this.telling(async () => {
      const { api, data, chosen } = this.page;
      const view = chosen.size ? new URLSearchParams({ among: await this.among() }) : this.page.view;
      const { body } = await api.request(`${api.url(["projects", data.project, "files", "images.csv"])}?${view}`, {}, PATIENCE);
      handOver(new Blob([body], { type: "text/csv" }), `${data.project}-images.csv`);
    });
    this.saving.disabled = false;
  }
}
