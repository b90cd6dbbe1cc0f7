// What each person said of an image that waits for review, side by side: who, what and when, and the key that takes it.

import { button, element } from "../shared/dom.js";
import { nameOf } from "../shared/named.js";

/** @import { Item, Said } from "./answers.js" */
/** @import { Queue } from "./queue.js" */

/** @template {Item} I */
export class Opinions {
  /** @param {Queue<I>} queue */
  constructor(queue) {
    this.queue = queue;
    this.node = element("ul", { class: "opinions", "aria-label": "Answers so far" });
    this.shown = "";
    /** @type {((value: string, event: Event) => void) | null} takes an answer; null where answers are no classes */
    this.give = null;
    /** @type {(value: string) => string} */
    this.keyOf = () => "";
  }

  /** @param {I} item */
  render(item) {
    const said = this.queue.view === "review" && item.disputed ? this.queue.answers.lastOf(item) : [];
    const shown = JSON.stringify([item.id, said, this.queue.me]);
    this.node.hidden = !said.length;
    if (shown === this.shown) return;
    this.shown = shown;
    this.node.replaceChildren(...said.map((event) => element("li", {}, this.row(event))));
  }

  /** @param {Said} said */
  row({ kind, value, annotator, at }) {
    const { give } = this;
    const who = annotator === this.queue.me ? "you" : annotator;
    const by = element("span", { class: "who", text: [who, at && when(at)].filter(Boolean).join(", ") });
    if (kind !== "label" || value === null || !give) return element("div", { class: "opinion" }, element("span", { class: "what", text: kind === "skip" ? "skipped it" : kind === "label" ? String(value) : "painted it" }), by);
    const key = this.keyOf(value);
    return button({ class: "opinion", title: `Take ${value}`, onclick: (/** @type {Event} */ event) => give(value, event) }, element("kbd", { text: key, "data-none": !key }), nameOf(value), by);
  }
}

/**
 * When something was said: the time of today, the day of another one.
 * @param {number} at seconds since 1970
 */
function when(at) {
  const then = new Date(at * 1000);
  const today = then.toDateString() === new Date().toDateString();
  return today ? then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) : then.toLocaleDateString([], { day: "numeric", month: "short" });
}
