// Files brought to the server: dropped, chosen, or folders that it has already; see pages/ui/components/upload.py.

import { Api, wordsOf } from "../shared/api.js";
import { button, element } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { whole } from "../shared/numbers.js";
import { amount, Pace, sentence, several, span } from "./amounts.js";
import { dropped, picked } from "./gather.js";
import { Picker } from "./picker.js";
import { Sender, Stopped } from "./sender.js";
import { There } from "./there.js";

/** @import { Told } from "../shared/mount.js" */
/** @import { UploadData } from "../shared/types.js" */
/** @import { Gathered } from "./gather.js" */
/** @import { Seen } from "./sender.js" */

class Upload {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.disposed = false;
    this.api = new Api();
    /** @type {(name: string, value: unknown) => void} */
    this.trigger = () => {};
    /** @type {Sender | null} */
    this.sender = null;
    this.isReading = false; // the files of a drop are being listed
    this.turn = 0; // one more with every cancel
    this.pace = new Pace();
    this.depth = 0; // elements that something is dragged over
    this.files = element("input", { type: "file", multiple: true, hidden: true, tabindex: "-1", "aria-label": "Files to upload", onchange: (event) => this.pick(event) });
    this.folder = element("input", { type: "file", webkitdirectory: true, hidden: true, tabindex: "-1", "aria-label": "A folder to upload", onchange: (event) => this.pick(event) });
    this.picker = new Picker(this.api, (path) => this.arrived(path));
    this.there = new There(this.api, (path) => this.arrived(path));
    this.browse = button({ text: "Folders of the server", "aria-expanded": "false", onclick: () => this.toggle() });
    this.ways = element(
      "div",
      { class: "ways" },
      button({ text: "Choose files", onclick: () => this.files.click() }),
      button({ text: "Choose a folder", onclick: () => this.folder.click() }),
      this.browse,
    );
    this.title = element("b", { text: "Drop photos, a folder or a zip here" });
    this.zone = element("div", { class: "zone" }, element("div", { class: "words" }, this.title, element("span", { class: "quiet", text: "They are kept on the server. What is interrupted goes on when the same files are dropped again." })), this.ways, this.files, this.folder);
    this.bar = element("progress", { "aria-label": "Upload", max: "1" });
    this.said = element("p", { class: "said" });
    this.aside = element("p", { class: "quiet" });
    this.stop = button({ text: "Cancel", onclick: () => this.cancel() });
    this.now = element("div", { class: "now", hidden: true }, element("div", { class: "head" }, this.said, this.stop), this.bar, this.aside);
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.good = element("p", { class: "good", role: "status", hidden: true });
    this.root = element("div", { class: "upload", "data-state": "idle" }, this.zone, this.now, this.problem, this.good, this.picker.node, this.there.node);
    parent.append(this.root);
    // a file dropped beside the frame would else be opened in place of the page
    this.ears = /** @type {const} */ (["dragenter", "dragover", "dragleave", "drop"]).map((name) => {
      const ear = (/** @type {DragEvent} */ event) => this.dragged(name, event);
      window.addEventListener(name, ear);
      return () => window.removeEventListener(name, ear);
    });
    this.leaving = (/** @type {BeforeUnloadEvent} */ event) => {
      if (this.sender) event.preventDefault();
    };
    window.addEventListener("beforeunload", this.leaving);
  }

  dispose() {
    this.disposed = true;
    this.sender?.stop();
    this.ears.forEach((off) => off());
    window.removeEventListener("beforeunload", this.leaving);
    this.root.remove();
  }

  /** @param {Told<UploadData>} told */
  update({ data, setTriggerValue }) {
    const isFirst = !this.api.token;
    this.trigger = setTriggerValue;
    this.api.connect(data.api, data.token);
    if (isFirst || !this.isBusy) this.there.look(); // a fetch may have begun or ended
  }

  /** @param {string} path what an import takes */
  arrived(path) {
    this.picker.node.hidden = true;
    this.browse.setAttribute("aria-expanded", "false");
    this.trigger("arrived", path);
  }

  toggle() {
    this.picker.toggle();
    this.browse.setAttribute("aria-expanded", this.picker.node.hidden ? "false" : "true");
  }

  /**
   * @param {"dragenter" | "dragover" | "dragleave" | "drop"} name
   * @param {DragEvent} event
   */
  dragged(name, event) {
    if (!event.dataTransfer || ![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    this.depth = name === "drop" ? 0 : Math.max(0, this.depth + (name === "dragenter" ? 1 : name === "dragleave" ? -1 : 0));
    this.root.toggleAttribute("data-over", this.depth > 0 && !this.isBusy);
    this.title.textContent = this.depth > 0 && !this.isBusy ? "Let go to upload" : "Drop photos, a folder or a zip here";
    if (name === "drop") this.take(dropped(event.dataTransfer));
  }

  get isBusy() {
    return this.sender !== null || this.isReading;
  }

  /** @param {Event} event */
  pick(event) {
    const field = /** @type {HTMLInputElement} */ (event.currentTarget);
    if (field.files?.length) this.take(Promise.resolve(picked(field.files)));
    field.value = ""; // the same again is a change, too
  }

  /** @param {Promise<Gathered>} coming */
  async take(coming) {
    if (this.isBusy) {
      this.fail("wait for the upload that is under way, or cancel it");
      return;
    }
    this.isReading = true;
    const { turn } = this;
    this.problem.hidden = this.good.hidden = true;
    this.show("reading", "Looking at the files …", "");
    try {
      const gathered = await coming;
      if (turn !== this.turn || this.disposed) throw new Stopped();
      if (!gathered.found.length) throw new Error(gathered.left ? "only hidden files were dropped: none of them is taken" : "there is no file in what was dropped");
      await this.send(gathered);
    } catch (error) {
      this.now.hidden = true;
      this.root.dataset.state = "idle";
      if (!(error instanceof Stopped)) {
        this.root.dataset.state = "failed";
        this.fail(wordsOf(error));
      }
    } finally {
      this.isReading = false;
      this.sender = null;
      if (!this.disposed) this.there.look();
    }
  }

  /** @param {Gathered} gathered */
  async send(gathered) {
    const total = gathered.found.reduce((sum, { file }) => sum + file.size, 0);
    const count = gathered.found.length;
    this.pace = new Pace();
    this.sender = new Sender(this.api, (seen) => this.progress(seen, count, total, gathered.found[0].path));
    const told = await this.sender.send(gathered);
    const left = gathered.left ? [`${several(gathered.left, "hidden file")} ${gathered.left === 1 ? "was" : "were"} left out.`] : [];
    this.now.hidden = true;
    this.good.textContent = [`${told.upload} is here: ${several(count, "file")}, ${amount(total)}.`, ...told.notes, ...left].join(" ");
    this.good.hidden = false;
    this.root.dataset.state = "done";
    this.arrived(told.source);
  }

  /**
   * @param {Seen} seen
   * @param {number} count
   * @param {number} total
   * @param {string} only the name of the first file
   */
  progress({ bytes, files, waiting, unpacking }, count, total, only) {
    if (this.disposed || !this.sender || this.sender.stopped) return;
    if (unpacking) {
      const { done = 0, total: all = 0, message = "" } = unpacking;
      this.show("unpacking", all ? `Unpacking · ${message} · ${amount(done)} of ${amount(all)}` : "Unpacking …", waiting ? `${sentence(waiting)} Trying again …` : "", done, all);
      return;
    }
    this.pace.note(bytes, performance.now());
    const { rate } = this.pace;
    const left = rate ? ` · ${amount(rate)}/s · about ${span((total - bytes) / rate)} left` : "";
    const words = `${count === 1 ? only : `${whole(files)} of ${several(count, "file")}`} · ${amount(bytes)} of ${amount(total)}${waiting ? "" : left}`;
    this.show("sending", words, waiting ? `${sentence(waiting)} Trying again; nothing that is there is sent twice.` : "", bytes, total);
  }

  /**
   * @param {string} state
   * @param {string} words
   * @param {string} aside
   * @param {number} [done]
   * @param {number} [total]
   */
  show(state, words, aside, done, total) {
    this.root.dataset.state = state;
    this.now.hidden = false;
    this.said.textContent = words;
    this.aside.textContent = aside;
    this.aside.hidden = !aside;
    if (total) [this.bar.max, this.bar.value] = [total, Math.min(total, done ?? 0)];
    else this.bar.removeAttribute("value");
  }

  /** Stops; what is there stays until it is removed, so that a cancel by mistake costs nothing. */
  cancel() {
    this.turn += 1;
    this.sender?.stop();
    this.now.hidden = true;
  }

  /** @param {string} words */
  fail(words) {
    this.problem.textContent = sentence(words);
    this.problem.hidden = false;
  }
}

export default mounted(Upload);
