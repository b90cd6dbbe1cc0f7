// The queue of a query's items: which there are, the place in it, what is fetched next, what becomes of the answers given to it. Nothing is
// drawn here and nothing is known of what an answer is: the `Desk` (desk.js) that holds the queue says it by what it is asked (`Keeper`).

import { problemOf } from "../shared/api.js";
import { sleep } from "../shared/wait.js";
import { Answers, farFromLast } from "./answers.js";
import { CLIENT } from "./outbox.js";

/** @import { Api } from "../shared/api.js" */
/** @import { ItemTold, QueueTold } from "../shared/types.js" */
/** @import { Item } from "./answers.js" */
/** @import { Outbox, Who } from "./outbox.js" */
/** @typedef {"query" | "review"} View the items of a round's query, or those that have two answers */
/** @typedef {{pushed: number, waiting: Set<number>}} SoFar how many answers were given here, and of which items some are on their way */
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
 * @property {(item: I) => void} changed what is known of an item that is here
 * @property {(counts: object) => void} finished the query is used up
 * @property {() => number} settled the last place that a new order leaves as it is
 * @property {() => number} share how many items are held for this window where people share the queue out
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
    this.far = ahead;
    this.keeper = keeper;
    this.counted = -1; // how many answers had been given here when the server last told all that is left
    this.active = 0; // when a person last did something here
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

  /** Open items below which more are fetched: few where what is fetched is kept from others. */
  get ahead() {
    return this.told?.free === undefined ? this.far : this.keeper.share() / 2;
  }

  /** How many are asked for at a time; `share` is what counts where people share the queue out. */
  get wanted() {
    return { n: 2 * this.ahead + this.waiting.length, share: this.keeper.share() + this.waiting.length };
  }

  /** How many items a person thinks there are: those that are asked again are among them. */
  get total() {
    return (this.told?.total ?? 0) + this.items.filter(({ again }) => again !== undefined).length;
  }

  /** Nothing is left for this window, and others are on some. */
  get waitsForOthers() {
    return this.view === "query" && Boolean(this.told?.elsewhere) && !this.openItems().length && !this.waiting.length;
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

  /** What was said here when a question is asked: how much, and of which items it is still on its way. @returns {SoFar} */
  get said() {
    return { pushed: this.outbox?.pushed ?? 0, waiting: new Set(this.waiting.map(({ item }) => item)) };
  }

  /**
   * Whether the server's answer to a question counts all that was said here, or all that was said of an item.
   * @param {SoFar} said when the question was asked
   * @param {number} [item]
   */
  knows({ pushed, waiting }, item) {
    if (item === undefined) return !waiting.size && pushed === this.outbox?.pushed;
    return !waiting.has(item) && (this.outbox?.given.get(item) ?? 0) <= pushed;
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
    this.active = performance.now();
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

  /**
   * @param {Record<string, number>} numbers
   * @returns {Promise<QueueTold>}
   */
  ask(numbers) {
    const asked = this.view === "review" ? { view: "review" } : { round: this.round, here: CLIENT };
    return this.api.json(this.api.url(["projects", this.who.project, "queue"], { ...asked, ...numbers }));
  }

  async fill() {
    if (this.filling) return;
    this.filling = true;
    const turn = this.turn;
    for (let wait = 500; turn === this.turn; wait = Math.min(wait * 2, 5000)) {
      try {
        const { said } = this;
        const answer = await this.ask({ ...this.wanted, done: this.told ? 0 : BACK });
        if (turn !== this.turn) return;
        this.filling = false;
        this.loadProblem = "";
        this.take(answer, said);
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

  /**
   * @param {QueueTold} answer
   * @param {SoFar} said when it was asked for
   */
  take(answer, said) {
    const first = !this.told;
    const idle = !this.current;
    if (this.told?.elsewhere && !answer.elsewhere) this.isFinished = false; // others were on the last ones: now all is done
    this.told = answer;
    this.round = answer.round ?? this.round;
    const done = this.madeOf(answer.done || [], false);
    const fresh = this.madeOf(answer.items, true);
    this.items.unshift(...done);
    this.items.push(...fresh);
    this.cursor += first ? 0 : done.length;
    this.answers.remember(done, this.told?.live?.on);
    if (first || this.knows(said)) this.recount(answer);
    this.counted = this.knows(said) ? said.pushed : -1;
    this.taken(answer, fresh, idle);
  }

  /**
   * @param {QueueTold} answer
   * @param {I[]} fresh what it brought
   * @param {boolean} idle nothing was on the stage before
   */
  taken(answer, fresh, idle) {
    this.exhausted = (answer.free ?? answer.remaining + (answer.more ?? 0)) <= answer.items.length || (!fresh.length && !this.waiting.length);
    if (fresh.length) this.isFinished = false;
    if (idle) this.advance(0);
    this.keeper.prefetch();
    this.keeper.took(answer);
    this.keeper.render();
    this.checkFinished();
  }

  /** @param {QueueTold} answer */
  recount(answer) {
    if (answer.live?.on && this.view === "query") this.answers.recountAll(answer.live.labeled);
    else this.answers.recount(answer);
  }

  /**
   * Asks on in the order of a newer round: what was answered stays, and so does what was on the stage and what comes right after it; of the
   * rest the newer round says which come next. What it does not ask for is not lost: it waits for a round that does.
   * @param {number} round
   * @param {() => number} [settled] the last place that stays
   */
  async reorder(round, settled = () => this.keeper.settled()) {
    if (this.filling || !this.told || this.view !== "query") return;
    this.filling = true;
    const { turn, said } = this;
    let answer;
    try {
      answer = await this.ask({ ...this.wanted, done: 0, round });
    } catch (error) {
      console.warn("a newer round's order could not be fetched; the next look tries again:", error);
    }
    if (turn !== this.turn) return;
    this.filling = false;
    if (answer) this.order(answer, said, settled());
    else if (!this.exhausted && this.openItems().length <= this.ahead) this.fill(); // nothing was fetched meanwhile
  }

  /**
   * @param {QueueTold} answer of a newer round
   * @param {SoFar} said when it was asked for
   * @param {number} last place that stays
   */
  order(answer, said, last) {
    const { items, byId } = this;
    const idle = !this.current;
    const kept = items.filter((item, place) => place <= last || item.state !== "open");
    const stays = new Set(kept);
    const left = new Map(items.filter((item) => !stays.has(item)).map((item) => [item.id, item]));
    for (const item of left.values()) {
      byId.delete(item.id);
      this.answers.leave(item);
    }
    const next = this.madeOf(answer.items, true, left, kept);
    const tests = [...left.values()].filter((item) => item.test && !byId.has(item.id)); // no order of a model says when these are due
    for (const item of tests) byId.set(item.id, item);
    Object.assign(this, { items: [...kept, ...next, ...tests], told: answer, round: answer.round, isFinished: false });
    if (this.knows(said)) this.recount(answer);
    this.taken(answer, next, idle);
  }

  /**
   * Items of the server's answer, without those that are here already.
   * @param {ItemTold[]} all
   * @param {boolean} open
   * @param {Map<number, I>} [known] items that were here: what comes back stays the same, with its pictures
   * @param {I[]} [front] what they come behind
   */
  madeOf(all, open, known, front = this.items) {
    /** @type {I[]} */
    const made = [];
    for (const told of all) {
      if (this.byId.has(told.id) || (told.again !== undefined && !farFromLast([...front, ...made], this.told?.every))) continue;
      const before = known?.get(told.id);
      const item = before ? Object.assign(before, this.keeper.itemOf(told)) : this.keeper.itemOf(told);
      this.answers.adopt(item, told, open);
      item.fromBefore = !open;
      this.byId.set(item.id, item);
      if (before) this.keeper.changed(item);
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
      this.answers.remember(done, this.told?.live?.on);
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
    this.active = performance.now();
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
    if (told.free !== undefined && this.counted !== this.said.pushed) {
      this.fill(); // whether others left something, or are on the last ones
      return;
    }
    this.isFinished = true;
    this.keeper.finished({ round: told.round, total: told.total, ...this.answers.counts() });
  }
}
