// What covers the work: the screen without an item (loading, nothing asked, all done), and the sheet of keys.

import { button, element } from "../shared/dom.js";
import { whole } from "../shared/numbers.js";

/** @import { LiveTold } from "../shared/types.js" */
/** @import { Item } from "./answers.js" */
/** @import { Queue } from "./queue.js" */

/** The screen without an item. @template {Item} I */
export class Blank {
  /**
   * @param {Queue<I>} queue
   * @param {() => string} emptyWords said where nothing was ever asked for
   * @param {() => LiveTold | null} live
   */
  constructor(queue, emptyWords, live) {
    this.queue = queue;
    this.emptyWords = emptyWords;
    this.live = live;
    this.node = element("div", { class: "blank" });
  }

  /** Which of its screens is due; "" where there is work. @returns {"" | "loading" | "empty" | "done"} */
  get kind() {
    const { told, current, exhausted, items } = this.queue;
    if (!told) return "loading";
    if (current) return "";
    return exhausted ? (told.total === 0 && !items.length ? "empty" : "done") : "loading";
  }

  /** @param {"loading" | "empty" | "done"} kind */
  render(kind) {
    const { queue } = this;
    const { labeled, skipped, flagged } = queue.answers.counts();
    const all = queue.total;
    const { ofAll } = queue.answers; // then a query is soon another, and its size means nothing
    const these = ofAll ? "All that was asked for is" : `All ${whole(all)} of this query are`;
    const coming = this.live()?.on && this.live()?.learning ? "Learning from these: the next images come in a moment." : "";
    const elsewhere = queue.view === "query" ? elsewhereWords(queue.told?.mode, queue.told?.elsewhere) : "";
    const aside = [skipped && `${whole(skipped)} skipped`, flagged && `${whole(flagged)} flagged`].filter(Boolean);
    const review = queue.view === "review";
    const texts = {
      loading: ["", queue.told ? "Fetching the next images…" : queue.waiting.length ? "Sending what an earlier visit left…" : "Loading the queue…", ""],
      empty: ["○", review ? "Nothing waits for review." : this.emptyWords(), ""],
      done: ["✓", review ? `All ${whole(all)} are decided.` : elsewhere ? "You have answered all there is for you." : `${these} ${aside.length ? "done" : "labeled"}.`, aside.length ? [`${whole(labeled)} labeled`, ...aside].join(" · ") : ""],
    };
    const [icon, title, detail] = texts[kind];
    /** @type {HTMLElement[]} */
    const parts = [icon ? element("div", { class: "icon", text: icon, "aria-hidden": "true" }) : element("div", { class: "spinner", "aria-hidden": "true" }), element("h3", { text: title })];
    if (detail) parts.push(element("p", { text: detail }));
    if (kind === "done" && elsewhere) parts.push(element("p", { class: "elsewhere", text: elsewhere }));
    if (kind === "done" && coming) parts.push(element("p", { text: coming }));
    if (review && kind !== "loading") parts.push(button({ class: "tool", text: "Back to the query", onclick: () => queue.show("query", queue.round) }));
    if (kind === "done" && queue.answers.history.length) parts.push(element("p", { class: "hint" }, element("kbd", { text: "Z" }), " takes the last one back, ", element("kbd", { text: "←" }), " goes through them again"));
    this.node.replaceChildren(...parts);
    this.node.dataset.kind = kind;
  }
}

/**
 * What others have still to do.
 * @param {string} [mode]
 * @param {number} [n]
 */
function elsewhereWords(mode = "shared", n = 0) {
  if (!n || mode === "shared") return "";
  const images = n === 1 ? "1 image is" : `${whole(n)} images are`;
  if (mode === "split") return `${images} in the hands of others; what they leave comes to you.`;
  return `${n === 1 ? "1 image waits" : `${whole(n)} images wait`} for the opinion of somebody else: ${mode} people answer each. The model learns from those there are.`;
}

/** The sheet of keys. */
export class Help {
  /** @param {() => [string, string][]} rows keys and what they do */
  constructor(rows) {
    this.rows = rows;
    this.node = element("div", { class: "help", role: "dialog", "aria-label": "Keys", hidden: true, onclick: () => this.toggle(false) });
  }

  /** @returns {boolean} */
  get isOpen() {
    return !this.node.hidden;
  }

  toggle(show = !this.isOpen) {
    const rows = this.rows().flatMap(([keys, does]) => [element("dt", {}, element("kbd", { text: keys })), element("dd", { text: does })]);
    this.node.replaceChildren(element("div", { class: "sheet" }, element("h3", { text: "Keys" }), element("dl", {}, ...rows), element("p", { text: "? or Esc closes this" })));
    this.node.hidden = !show;
  }
}
