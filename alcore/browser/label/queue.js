// The queue of a query's items: which there are, the place in it, what is fetched next, what becomes of the answers given to it. Nothing is
// drawn here and nothing is known of what an answer is: the `Desk` (desk.js) that holds the queue says it by what it is asked (`Keeper`).

import { problemOf } from "../shared/api.js";
import { sleep } from "../shared/wait.js";
import { Answers } from "./answers.js";

/** @import { Api } from "../shared/api.js" */
/** @import { ItemTold, QueueTold } from "../shared/types.js" */
/** @import { Item } from "./answers.js" */
/** @import { Outbox, Who } from "./outbox.js" */
/** @typedef {"query" | "review"} View the items of a round's query, or those that have two answers */
/**
 * What a queue asks of who holds it.
 * @template {Item} I
 * @typedef {object} Keeper
 * @property {(who: Who) => Outbox} outboxOf whose listener it has made itself
 * @property {() => void} leaving the items that are here are left for others
 * @property {() => void} opening others are on their way
 * @property {(told: ItemTold) => I} itemOf an item as its part needs it; the queue adds what was said of it
 * @property {(told: QueueTold) => void} took the server answered
 * @property {(turn: number) => void} opened the queue is here; `turn` is over when `queue.turn` is another
 * @property {(places: number[]) => number | undefined} choose which of the open places comes next, where it is not the first
 * @property {() => void} advanced the cursor stands at another open item
 * @property {() => void} moving the cursor moved, and nothing is drawn yet
 * @property {(event?: Event) => void} render
 * @property {() => void} prefetch
 * @property {(counts: object) => void} finished the query is used up
 */

const BACK = 200; // answered items that are fetched at a time
const NEAR = 20; // items from the first one at which earlier ones are fetched

/** @template {Item} I */
export class Queue {
  /**
   * @param {Api} api
   * @param {number} ahead open items below which more are fetched; twice as many are asked for
   * @param {Keeper<I>} keeper
   */
  constructor(api, ahead, keeper) {
    this.api = api;
    this.ahead = ahead;
    this.keeper = keeper;
    this.turn = 0; // grows with each change of project, round or view; answers of an older turn are dropped
    /** @type {View} */
    this.view = "query";
    /** @type {number | null} the round whose query is shown; null before the first */
    this.round = null;
    /** @type {Who} */
    this.who = { project: "", annotator: "", identity: "" };
    /** @type {Outbox | null} */
    this.outbox = null;
    this.isOpen = false; // something was ever asked for
    this.fetchingOlder = false;
    this.touched = false; // an answer was given
    this.loadProblem = "";
    /** @type {I[]} */
    this.items = [];
    /** @type {Map<number, I>} */
    this.byId = new Map();
    this.cursor = 0;
    /** @type {QueueTold | null} the server's newest answer */
    this.told = null;
    this.exhausted = false; // the server has no more
    this.isFinished = false; // and the page knows
    this.filling = false;
    /** @type {Answers<I>} */
    this.answers = new Answers(this);
  }

  /** Forgets all of the query that was here. */
  empty() {
    Object.assign(this, { items: [], byId: new Map(), cursor: 0, told: null, exhausted: false, isFinished: false, filling: false, answers: new Answers(this) });
  }

  get me() {
    return this.who.annotator;
  }

  get asked() {
    return this.told?.round ?? null;
  }

  /** @returns {I | undefined} */
  get current() {
    return this.items[this.cursor];
  }

  /** Answers on their way. */
  get waiting() {
    return this.outbox?.events ?? [];
  }

  /**
   * Shows a round's query, or what is to be reviewed.
   * @param {View} view
   * @param {number | null} round
   */
  show(view, round) {
    if (this.isOpen) this.keeper.leaving();
    Object.assign(this, { view, round });
    return this.open();
  }

  async open() {
    const turn = ++this.turn;
    this.keeper.opening();
    this.empty();
    this.isOpen = true;
    const outbox = this.keeper.outboxOf(this.who);
    this.outbox = outbox;
    this.keeper.render();
    const recovered = await outbox.recover();
    if (turn !== this.turn) return;
    this.touched = recovered > 0;
    this.keeper.render();
    await outbox.drained();
    if (turn !== this.turn) return;
    await this.fill();
    this.keeper.opened(turn);
  }

  /** @param {Record<string, number>} numbers */
  ask(numbers) {
    const asked = this.view === "review" ? { view: "review" } : { round: this.round };
    return this.api.json(this.api.url(["projects", this.who.project, "queue"], { ...numbers, ...asked }));
  }

  async fill() {
    if (this.filling) return;
    this.filling = true;
    const turn = this.turn;
    for (let wait = 500; turn === this.turn; wait = Math.min(wait * 2, 5000)) {
      try {
        const n = 2 * this.ahead + this.waiting.length;
        const answer = await this.ask({ n, done: this.told ? 0 : BACK });
        if (turn !== this.turn) return;
        this.filling = false;
        this.loadProblem = "";
        this.take(answer);
        return;
      } catch (error) {
        if (turn !== this.turn) return;
        const { status, message } = problemOf(error);
        this.loadProblem = status === 401 ? "expired" : message;
        this.keeper.render();
        await sleep(wait);
      }
    }
  }

  /** @param {QueueTold} answer */
  take(answer) {
    const first = !this.told;
    const idle = !this.current;
    this.told = answer;
    this.round = answer.round ?? this.round;
    const done = this.madeOf(answer.done || [], false);
    const fresh = this.madeOf(answer.items, true);
    this.items.unshift(...done);
    this.items.push(...fresh);
    this.cursor += first ? 0 : done.length;
    this.answers.remember(done);
    if (first || !this.waiting.length) this.answers.recount(answer);
    this.exhausted = answer.remaining <= answer.items.length || (!fresh.length && !this.waiting.length);
    if (idle) this.advance(0);
    this.keeper.prefetch();
    this.keeper.took(answer);
    this.keeper.render();
    this.checkFinished();
  }

  /**
   * Items of the server's answer, without those that are here already.
   * @param {ItemTold[]} all
   * @param {boolean} open
   */
  madeOf(all, open) {
    const made = [];
    for (const told of all) {
      if (this.byId.has(told.id)) continue;
      const item = this.keeper.itemOf(told);
      this.answers.adopt(item, told, open);
      item.fromBefore = !open;
      this.byId.set(item.id, item);
      made.push(item);
    }
    return made;
  }

  /** Fetches answers from before the oldest that is here, once a person comes near it. */
  async older() {
    const { items, turn, told } = this;
    if (this.fetchingOlder || !told || items.filter((item) => item.fromBefore).length >= (told.answered ?? Infinity)) return;
    this.fetchingOlder = true;
    try {
      const skip = items.filter(({ state }) => state !== "open").length - NEAR; // some twice rather than one left out
      /** @type {QueueTold} */
      const answer = await this.ask({ n: 0, done: BACK, skip: Math.max(0, skip) });
      if (turn !== this.turn) return;
      const done = this.madeOf(answer.done || [], false);
      if (!done.length && this.told) this.told.answered = 0;
      this.items.unshift(...done);
      this.cursor += done.length;
      this.answers.remember(done);
      this.moved();
    } catch (error) {
      console.warn("earlier answers could not be fetched; the next step back tries again:", error);
    } finally {
      this.fetchingOlder = false;
    }
  }

  // ---- the place in it

  openItems() {
    return this.items.filter((item) => item.state === "open");
  }

  /**
   * Places of the open items, from `step` places on; round to the start when the rest is done.
   * @param {number} step
   * @returns {number[]}
   */
  openPlaces(step) {
    const n = this.items.length;
    return Array.from({ length: n }, (_, i) => (this.cursor + step + i) % n).filter((place) => this.items[place].state === "open");
  }

  /**
   * To the next open item.
   * @param {number} step
   */
  advance(step) {
    const places = this.openPlaces(step);
    this.cursor = this.keeper.choose(places) ?? places[0] ?? this.items.length;
    this.keeper.advanced();
  }

  /**
   * @param {number} step
   * @param {Event} [event]
   */
  go(step, event) {
    const last = this.openItems().length ? this.items.length - 1 : this.items.length; // past the last one stands "all done"
    this.cursor = Math.min(Math.max(this.cursor + step, 0), last);
    this.moved(event);
  }

  /** @param {Event} [event] */
  moved(event) {
    this.keeper.moving();
    this.keeper.render(event);
    this.keeper.prefetch();
    if (!this.exhausted && this.openItems().length <= this.ahead) this.fill();
    if (this.cursor <= NEAR) this.older();
    this.checkFinished();
  }

  /** Puts an item that is asked again right after the one on the stage. @param {I} item */
  askAgain(item) {
    const place = this.items.indexOf(item);
    if (place >= this.cursor) return;
    this.items.splice(place, 1);
    this.items.splice(this.cursor, 0, item);
    this.cursor -= 1;
  }

  checkFinished() {
    const { told } = this;
    if (!told || this.view !== "query" || !this.exhausted || this.isFinished || !this.touched || this.waiting.length || this.openItems().length) return;
    this.isFinished = true;
    this.keeper.finished({ round: told.round, total: told.total, ...this.answers.counts() });
  }
}
