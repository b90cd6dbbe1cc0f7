// A button that saves a file which the server makes when it is asked; see download.py. Nothing of it depends on the page's script: a click is
// not forgotten while the page is drawn anew, and a file that cannot be made says why beside the button.

import { Api, wordsOf } from "../shared/api.js";
import { element } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { handOver } from "../shared/saving.js";

/** @import { Told } from "../shared/mount.js" */
/** @import { DownloadData } from "../shared/types.js" */

const PATIENCE = 30 * 60_000; // ms: an archive of many images takes its time

class Download {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.disposed = false;
    this.api = new Api();
    /** @type {DownloadData} */
    this.data = { title: "", help: "", file: "", name: "", token: "", api: "" };
    this.words = element("span");
    this.button = element("button", { type: "button", onclick: () => this.save() }, element("i", { "aria-hidden": "true" }), this.words);
    this.problem = element("p", { role: "alert", hidden: true });
    this.host = element("div", { class: "alcore-download" }, this.button, this.problem);
    parent.append(this.host);
  }

  /** @param {Told<DownloadData>} told */
  update({ data }) {
    this.data = data;
    this.api.connect(data.api, data.token);
    this.button.title = data.help;
    if (!this.button.disabled) this.words.textContent = data.title;
  }

  dispose() {
    this.disposed = true;
    this.host.remove();
  }

  async save() {
    const { file, name } = this.data;
    this.problem.hidden = true;
    this.button.disabled = true;
    this.words.textContent = "Making the file …";
    try {
      const { body, answer } = await this.api.request(this.api.url(file), {}, PATIENCE);
      handOver(new Blob([body], { type: answer.headers.get("content-type") ?? "" }), name);
    } catch (error) {
      this.problem.textContent = `${wordsOf(error)}.`;
      this.problem.hidden = false;
    }
    this.button.disabled = false;
    this.words.textContent = this.data.title;
  }
}

export default mounted(Download);
