// The line at the top: how much is done, whether it is saved, and the ways to what else waits.

import { button, element } from "../shared/dom.js";
import { whole } from "../shared/numbers.js";

/** @import { LiveTold } from "../shared/types.js" */
/** @import { Item } from "./answers.js" */
/** @import { Others } from "./others.js" */
/** @import { Queue } from "./queue.js" */

/** @template {Item} I */
export class Progress {
  /**
   * @param {Queue<I>} queue
   * @param {Others<I>} others
   */
  constructor(queue, others) {
    this.queue = queue;
    this.others = others;
    this.meter = element("i");
    this.count = element("span", { class: "count", role: "status" });
    this.save = element("span", { class: "save" });
    this.here = element("span", { class: "here", role: "status" });
    this.places = element("span", { class: "places" });
    this.placesTold = "";
    this.learned = element("span", { class: "learned", role: "status" });
    this.ahead = element("span", { class: "ahead" }); // changes with every label: nothing to be read out
    this.node = element("div", { class: "progress" }, this.count, this.learned, this.ahead, this.save, this.here, this.places, element("div", { class: "meter", "aria-hidden": "true" }, this.meter));
  }

  render() {
    const { told, outbox, answers } = this.queue;
    if (!outbox) return;
    const { labeled, skipped, flagged } = answers.counts();
    const waiting = outbox.events.length;
    if (told) this.renderLearned();
    const here = this.others.here();
    if (here !== this.here.textContent) this.here.textContent = here; // what is said anew is read out anew
    if (told) this.node.toggleAttribute("data-all", answers.ofAll); // there is no end then that a meter could show
    if (told && answers.ofAll) {
      this.count.textContent = `${whole(labeled)} label${labeled === 1 ? "" : "s"}`;
      this.meter.style.width = "0";
    } else if (told) {
      const done = labeled + skipped + flagged;
      const { total } = this.queue;
      const parts = [`${whole(labeled)} of ${whole(total)} labeled`, skipped && `${whole(skipped)} skipped`, flagged && `${whole(flagged)} flagged`];
      this.count.textContent = total ? parts.filter(Boolean).join(" · ") : "";
      this.meter.style.width = `${total ? Math.min(100, (100 * done) / total) : 0}%`;
    } else {
      this.meter.style.width = "0";
    }
    const troubled = ["offline", "expired", "refused"].includes(outbox.state);
    const calm = !waiting || (!troubled && waiting <= 2); // one or two under way is what saving looks like
    this.save.textContent = !told && !waiting ? "" : calm ? "all saved" : `${whole(waiting)} unsaved`;
    if (calm && waiting) this.save.textContent = "saving…";
    this.save.dataset.state = troubled && waiting ? "waits" : waiting ? "busy" : "saved";
  }

  /** Says what is new only: what is said anew is read out anew. */
  renderLearned() {
    const { live } = this.others;
    const words = live ? learnedWords(live) : "";
    this.ahead.textContent = live ? aheadWords(live) : "";
    if (words === this.learned.textContent) return;
    this.learned.textContent = words;
    this.learned.title = live?.low ? "Few test images so far: the range in brackets is still wide." : live?.accuracy ? "How often the model is right on test images, which nothing learns from; in brackets the 95 % interval." : "";
  }

  /** Ways to what else waits: items with two answers, other rounds, and back. */
  renderPlaces() {
    const { queue } = this;
    const { disputed = 0, rounds = [] } = this.others.around || {};
    /** @type {[string, () => void][]} */
    const ways = [];
    if (queue.view === "review") ways.push(["Back to the query", () => queue.show("query", queue.round)]);
    else {
      if (disputed) ways.push([`${whole(disputed)} to review`, () => queue.show("review", queue.round)]);
      if (!this.others.live?.on) for (const { round, remaining } of rounds) if (round !== queue.round && remaining) ways.push([`Round ${round}: ${whole(remaining)} left`, () => queue.show("query", round)]);
    }
    const told = JSON.stringify(ways);
    if (told === this.placesTold) return;
    this.placesTold = told;
    this.places.replaceChildren(...ways.map(([text, does]) => button({ class: "way", text, onclick: does })));
  }
}

/**
 * What a project has learned, and how right it is.
 * @param {LiveTold} live
 */
function learnedWords({ on, every, learned, learning, waits, tested, test, accuracy }) {
  const model = waits ? "learns once another job is done" : learning ? "learning…" : learned ? `learned from ${whole(learned)}` : `learns after ${whole(every)} labels`;
  const right = accuracy ?? (test && learned ? `${whole(tested)} of ${whole(test)} test images labeled` : "");
  return [on && model, right].filter(Boolean).join(" · ");
}

/**
 * How fast its people are, and how far off what they aim at is.
 * @param {LiveTold} live
 */
function aheadWords({ pace, goal }) {
  const a = Math.max(1, Math.round(pace ?? 0));
  return [pace && `${whole(a)} label${a === 1 ? "" : "s"} a minute`, ...goal].filter(Boolean).join(" · ");
}
