// The line above the picture: troubles on the way first, then what was just said, then what is on offer.

import { button, element } from "../shared/dom.js";
import { whole } from "../shared/numbers.js";

/** @import { Item } from "./answers.js" */
/** @import { Others } from "./others.js" */
/** @import { Queue } from "./queue.js" */
/** @typedef {{text: string, does: () => void}} Action */
/** @typedef {{text: string, stays?: boolean, contradiction?: boolean, action?: Action}} Message */
/** @typedef {{answer: string, back: string, unkept: string}} Words of a part: an answer, what comes back with one that is asked again, what a browser that keeps nothing loses */

/** @template {Item} I */
export class Notice {
  /**
   * @param {Queue<I>} queue
   * @param {Others<I>} others
   * @param {Words} words
   * @param {number} linger milliseconds a hint is shown
   */
  constructor(queue, others, words, linger) {
    this.queue = queue;
    this.others = others;
    this.words = words;
    this.linger = linger;
    this.node = element("div", { class: "notice", role: "alert", hidden: true });
    /** @type {Message | null} */
    this.message = null;
    /** @type {number | undefined} */
    this.quiet = undefined;
    this.shown = "";
    /** @type {unknown} what the words shown are about: the same words may be about another picture */
    this.about = undefined;
  }

  /**
   * @param {string} text
   * @param {boolean} [stays] until something else is said
   */
  say(text, stays = false) {
    this.message = { text, stays };
    this.render();
    clearTimeout(this.quiet);
    if (!stays) this.quiet = setTimeout(() => this.clear(), this.linger);
  }

  /** The server kept an answer that contradicts another. @param {string} text */
  contradict(text) {
    this.message = { text, contradiction: true };
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.message?.contradiction && this.clear(), 4 * this.linger);
  }

  /** Says something that can be acted on, with the next drawing. @param {Message} message */
  offer(message) {
    clearTimeout(this.quiet);
    this.message = message;
  }

  /** Drops a hint that was about another picture, with the next drawing. */
  forgetHint() {
    if (this.message && !this.message.stays) this.message = null;
  }

  clear() {
    this.message = null;
    this.render();
  }

  render() {
    if (!this.queue.outbox) return;
    const [text, kind, ...actions] = this.noticed();
    const shown = [text, ...actions.map((action) => action.text)].join("\n");
    const about = this.message || this.others.offer;
    if (shown !== this.shown || about !== this.about) this.node.replaceChildren(element("span", { text }), ...actions.map((action) => button({ class: "tool", text: action.text, onclick: action.does })));
    Object.assign(this, { shown, about });
    this.node.dataset.kind = kind;
    this.node.hidden = !text;
  }

  /**
   * What it says, its kind and its buttons.
   * @returns {[string, string, ...Action[]]}
   */
  noticed() {
    const { message, queue, others } = this;
    const { outbox, loadProblem } = queue;
    if (!outbox) return ["", ""];
    const { answer, unkept } = this.words;
    const waiting = outbox.events.length;
    const kept = waiting ? `${whole(waiting)} ${waiting === 1 ? `${answer} is` : `${answer}s are`} kept ${outbox.inMemoryOnly ? "in this page only: do not close it" : "in this browser"}` : "";
    if (outbox.state === "expired" || loadProblem === "expired") return [`Session expired: reload the page.${kept && ` ${kept}.`}`, "problem"];
    if (outbox.state === "offline" && waiting) return [`Server not reachable. ${kept}, trying again.`, "waits"];
    if (outbox.state === "refused" && waiting) return [`The server does not take the ${answer}s (${outbox.problem}). ${kept}, trying again.`, "problem"];
    if (loadProblem) return [`The queue cannot be loaded (${loadProblem}). Trying again.`, "waits"];
    if (message?.contradiction) return [message.text, "waits", { text: "Review", does: () => queue.show("review", queue.round) }];
    if (message?.text) return [message.text, message.stays ? "problem" : message.action ? "waits" : "hint", ...(message.action ? [message.action] : [])];
    if (others.offer) return this.offered(others.offer);
    if (outbox.inMemoryOnly && (waiting || unkept)) return [`This browser keeps nothing: ${[unkept, kept && `${kept}.`].filter(Boolean).join(" ")}`, "waits"];
    if (outbox.othersWait) return [`${whole(outbox.othersWait)} unsent ${answer}s of another annotator are kept in this browser. They are sent when that person is back.`, "hint"];
    return ["", ""];
  }

  /**
   * A newer round is ready while this one is being labeled.
   * @param {{round: number, remaining: number | null}} offer
   * @returns {[string, string, ...Action[]]}
   */
  offered({ round, remaining }) {
    const { queue, others } = this;
    const open = queue.told ? queue.total - Object.values(queue.answers.counts()).reduce((a, b) => a + b) : 0;
    const text = `Round ${round} is ready${remaining === null ? "" : `: ${whole(remaining)} to label`}.`;
    return [text, "hint", { text: "Switch to it", does: () => queue.show("query", round) }, { text: `Keep these ${whole(Math.max(0, open))}`, does: () => others.keepRound() }];
  }
}
