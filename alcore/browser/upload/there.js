// The uploads that the server has: to be imported, gone on with, or taken away.

import { wordsOf } from "../shared/api.js";
import { button, element } from "../shared/dom.js";
import { amount, sentence, several } from "./amounts.js";

/** @import { Api } from "../shared/api.js" */
/** @import { UploadTold } from "../shared/types.js" */

const LOOK = 2000; // ms between two looks while something is unpacked

export class There {
  /**
   * @param {Api} api
   * @param {(path: string) => void} chosen
   */
  constructor(api, chosen) {
    this.api = api;
    this.chosen = chosen;
    this.asked = ""; // the upload whose removal waits for a second click
    this.list = element("ul", { "aria-label": "Uploads" });
    this.room = element("p", { class: "quiet free" });
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.node = element("section", { class: "there", "aria-label": "Uploads on the server", hidden: true }, element("h4", { text: "Uploads on the server" }), this.list, this.room, this.problem);
  }

  async look() {
    try {
      const { uploads, free } = await this.api.json(this.api.url(["uploads"]));
      this.show(uploads);
      this.room.textContent = `${amount(free)} of the disk are free.`;
      if (uploads.some((/** @type {UploadTold} */ { state }) => state === "unpacking" || state === "fetching")) setTimeout(() => this.node.isConnected && this.look(), LOOK);
    } catch (error) {
      this.fail(error);
    }
  }

  /** @param {UploadTold[]} uploads */
  show(uploads) {
    this.node.hidden = !uploads.length;
    this.list.replaceChildren(...uploads.map((each) => this.row(each)));
  }

  /** @param {UploadTold} told */
  row(told) {
    const { upload, state, source, address } = told;
    const use = state === "done" && button({ text: "Use", "aria-label": `Use ${upload}`, onclick: () => this.chosen(source) });
    const stopped = state === "stopped";
    const unpack = stopped && !address && button({ text: "Unpack again", "aria-label": `Unpack ${upload} again`, onclick: () => this.act(upload, "finish") });
    const fetch = stopped && address && button({ text: "Go on", "aria-label": `Go on fetching ${upload}`, onclick: () => this.act(upload, "fetch") });
    const remove = button({ class: "remove", text: "Remove", "aria-label": `Remove ${upload}` });
    remove.addEventListener("click", () => {
      if (this.asked === upload) this.act(upload, "remove");
      else {
        this.asked = upload;
        remove.textContent = "Remove for good";
        remove.setAttribute("aria-label", `Remove ${upload} for good`);
      }
    });
    return element("li", { "data-state": state }, element("b", { text: upload }), element("span", { class: "quiet", text: wordsFor(told) }), element("span", { class: "acts" }, use, unpack, fetch, remove));
  }

  /**
   * @param {string} upload
   * @param {"finish" | "fetch" | "remove"} action
   */
  async act(upload, action) {
    this.problem.hidden = true;
    this.asked = "";
    try {
      await this.api.post(this.api.url(["uploads", upload, "actions"]), { action });
    } catch (error) {
      this.fail(error);
    }
    await this.look();
  }

  /** @param {unknown} error */
  fail(error) {
    this.problem.textContent = sentence(wordsOf(error));
    this.problem.hidden = false;
    this.node.hidden = false;
  }
}

/** @param {UploadTold} told */
function wordsFor({ state, files, bytes, have, error, address, message = "" }) {
  if (state === "fetching") return `is being fetched from ${address}${message ? `: ${message}` : ""}`;
  if (state === "stopped" && address) return `${amount(have)} are here, not all of ${address}: ${error}`;

  if (state === "receiving") return `${amount(have)} of ${amount(bytes)} are here: drop the same files again to go on`;
  if (state === "unpacking") return `is being unpacked${message ? `: ${message}` : ""}`;
  if (state === "stopped") return `is not unpacked: ${error}`;
  return address ? `${several(files, "file")} from ${address}, ${amount(bytes)}` : `${several(files, "file")} sent, ${amount(bytes)}`;
}
