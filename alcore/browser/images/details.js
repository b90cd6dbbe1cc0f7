// One image beside the grid: large, what the model thinks, and everything that was said of it.

import { wordsOf } from "../shared/api.js";
import { button, element } from "../shared/dom.js";
import { nameOf } from "../shared/named.js";
import { newName } from "../shared/names.js";
import { percent } from "../shared/numbers.js";
import { moment } from "../shared/time.js";
import { Why } from "../shared/why.js";
import { factsOf } from "./described.js";
import { swatchOf } from "./overlays.js";
import { unpacked } from "./thumbnails.js";

/** @import { Api } from "../shared/api.js" */
/** @import { ItemTold } from "../shared/types.js" */
/**
 * @typedef {object} EventThen
 * @property {number} id
 * @property {string} kind
 * @property {string | null} value
 * @property {string} annotator
 * @property {number} time in seconds since 1970
 * @property {number | null} round
 * @property {boolean} stands
 * @property {string | null} guess
 * @property {number | null} confidence
 */
/** @typedef {{of: "mask" | "draft", classes: [string, string, number][]}} Holds what is laid over an image: names, colors, shares of its pixels */

const LARGE = 512; // pixels of a mask's long side

const SAID = { label: "said", skip: "skipped it", flag: "flagged it", undo: "took the last answer back", mask: "painted it", region: "painted a part of it", drawn: "drawn for the test slice", wanted: "asked for it", unwanted: "asked for it no more", held: "held it out", "put back": "put it back", sure: "found the label right", again: "asked again, said", remark: "noted:" };

/**
 * What was said of an image, the newest first.
 * @param {EventThen[]} events
 */
function historyOf(events) {
  if (!events.length) return element("p", { class: "nothing", text: "Nobody has said anything of it yet." });
  const rows = [...events].reverse().map(({ kind, value, annotator, time, stands, guess, confidence }) => {
    const who = kind === "drawn" ? "" : `${annotator || "somebody"} `;
    const what = `${SAID[/** @type {keyof typeof SAID} */ (kind)] ?? kind}${value ? ` ${value}` : ""}`;
    const thought = guess && kind === "label" ? `the model thought ${guess}${confidence === null ? "" : `, ${percent(confidence)}`}` : "";
    return element("li", { "data-stands": String(stands && kind !== "undo") }, element("span", {}, element("b", { text: who }), what), element("small", { text: [moment(time), thought, stands || kind === "undo" ? "" : "taken back"].filter(Boolean).join(" · ") }));
  });
  return element("ol", { class: "events" }, ...rows);
}

/**
 * What the colors over a picture mean, the largest area first.
 * @param {Holds} holds
 */
function legendOf({ of, classes }) {
  const rows = classes.map(([name, color, share]) => element("li", { title: name }, swatchOf(color), nameOf(name), element("small", { text: percent(share) })));
  return [element("h4", { text: of === "mask" ? "In its mask" : "In the model’s draft" }), element("ul", { class: "holds", "aria-label": "Classes in it" }, ...rows)];
}

export class Details {
  /**
   * @param {Api} api
   * @param {{close: () => void, similar: (id: number) => void, alike: (id: number) => void, paint: (id: number) => void}} acts
   */
  constructor(api, acts) {
    this.api = api;
    this.acts = acts;
    this.id = -1;
    this.turn = 0;
    this.shown = this.laid = "";
    this.picture = element("img", { alt: "" });
    this.mask = element("img", { class: "over", alt: "" });
    this.name = element("h3");
    this.said = element("div", { class: "said" });
    this.project = "";
    this.told = new Why(api);
    this.why = element("details", { class: "fold", ontoggle: () => this.explain() }, element("summary", { text: "Why" }), this.told.root);
    this.typed = false; // what stands in the field is not kept yet: an answer that comes late leaves it alone
    this.field = element("textarea", { oninput: () => (this.typed = true), rows: "1", maxlength: "400", "aria-label": "Note", placeholder: "A note for others" });
    this.keeping = button({ text: "Keep", onclick: () => this.keep() });
    this.note = element("div", { class: "noted labels" }, this.field, this.keeping);
    this.paint = button({ class: "labels", text: "Paint it next", title: "Put it at the head of the queue, and go to the Label page", hidden: true, onclick: () => acts.paint(this.id) });
    this.alike = element("span", { class: "more" },
      button({ text: "Find similar", title: "Order everything by likeness to it", onclick: () => acts.similar(this.id) }),
      button({ text: "Near duplicates", onclick: () => acts.alike(this.id) }));
    this.more = element("div", { class: "more" }, this.paint, this.alike);
    this.root = element("aside", { class: "details", "aria-label": "One image", hidden: true },
      element("div", { class: "head" }, this.name, button({ text: "×", title: "Close (Esc)", "aria-label": "Close", onclick: () => acts.close() })),
      element("div", { class: "picture" }, this.picture),
      this.more,
      this.note,
      this.said,
      this.why);
  }

  get open() {
    return !this.root.hidden;
  }

  close() {
    this.turn += 1;
    this.id = -1;
    this.root.hidden = true;
    this.told.forget();
    this.free();
  }

  dispose() {
    this.close();
    this.told.close();
  }

  free() {
    for (const url of [this.shown, this.laid]) if (url) URL.revokeObjectURL(url);
    this.shown = this.laid = "";
    this.mask.remove();
  }

  /**
   * @param {string} project
   * @param {number} id
   */
  async show(project, id) {
    const turn = (this.turn += 1);
    if (id !== this.id) {
      this.name.textContent = `Image ${id}`;
      this.field.value = "";
      this.typed = false;
      this.picture.removeAttribute("src");
      this.mask.remove();
      this.said.replaceChildren();
    }
    this.id = id;
    this.project = project;
    this.root.hidden = false;
    this.explain();
    try {
      const told = await this.api.json(this.api.url(["projects", project, "items", id, "history"]));
      if (turn !== this.turn) return;
      this.tell(told.item, told.events, told.meta, told.holds);
      if (!this.typed) this.field.value = told.note;
      const over = told.holds ? this.api.request(this.api.url(["projects", project, "overlays"], { size: LARGE, ids: id })) : null;
      const [{ answer, body }, mask] = await Promise.all([this.api.request(this.api.url(told.item.image, { size: 640 })), over]);
      if (turn !== this.turn) return;
      this.free();
      const [shape] = mask ? unpacked(mask.body) : [];
      if (shape?.length) {
        this.laid = this.mask.src = URL.createObjectURL(new Blob([shape], { type: "image/png" }));
        this.picture.after(this.mask);
      }
      this.shown = this.picture.src = URL.createObjectURL(new Blob([body], { type: answer.headers.get("content-type") || "" }));
    } catch (error) {
      if (turn === this.turn) this.said.prepend(element("p", { class: "problem", role: "alert", text: `${wordsOf(error)}.` }));
    }
  }

  /** Keeps what stands in the field; an empty one takes the note away. */
  async keep() {
    const { id, project } = this;
    this.keeping.disabled = true;
    try {
      await this.api.post(this.api.url(["projects", project, "items", id, "note"]), { text: this.field.value, client: `note-${newName()}` });
      this.field.blur();
      this.typed = false;
      if (id === this.id) await this.show(project, id);
    } catch (error) {
      this.said.prepend(element("p", { class: "problem", role: "alert", text: `${wordsOf(error)}.` }));
    }
    this.keeping.disabled = false;
  }

  /** Why it was asked for, once somebody unfolds it; it stays unfolded from image to image. */
  explain() {
    if (this.why.open && this.open) this.told.show(this.project, this.id);
  }

  /**
   * @param {ItemTold} item
   * @param {EventThen[]} events
   * @param {[string, string][]} meta
   * @param {Holds | null} holds
   */
  tell(item, events, meta, holds) {
    this.name.textContent = this.name.title = item.name ?? item.path;
    this.picture.alt = item.name ?? item.path;
    this.picture.classList.toggle("pixels", Math.max(item.width, item.height) <= 64);
    const guesses = item.top.map(([name, p]) => element("li", {}, element("span", { title: name }, nameOf(name)), element("meter", { min: "0", max: "1", value: String(p), "aria-label": name }), element("small", { text: percent(p) })));
    this.said.replaceChildren(
      element("p", { class: "reason", text: item.reason, hidden: !item.reason }),
      guesses.length ? element("ul", { class: "guesses", "aria-label": "What the model thinks" }, ...guesses) : "",
      ...(holds ? legendOf(holds) : []),
      meta.length ? factsOf(meta) : "",
      element("h4", { text: "What was said" }),
      historyOf(events),
    );
  }
}
