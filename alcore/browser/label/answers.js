// What was said of the items of a query: answers as they are given here, those of an earlier visit, and those of other people. An item's
// `events` are those of the journal that nobody took back, oldest first; its state follows from them. Nothing is drawn and nothing is sent
// here; a `Queue` (queue.js) holds one.

import { CLIENT } from "./outbox.js";

/** @import { ChangeTold, EventKind, ItemTold, StateTold } from "../shared/types.js" */
/** @import { Given, Waiting } from "./outbox.js" */
/** @typedef {"open" | "label" | "skip" | "flag"} State */
/**
 * An event of an item; an own answer has no id until the server has told it.
 * @typedef {object} Said
 * @property {number} [id]
 * @property {EventKind} kind
 * @property {string | null} value
 * @property {string} annotator
 * @property {number | null} [round]
 * @property {string} [client]
 * @property {number} [seq]
 * @property {number} [at] when it was stored, in seconds since 1970
 */
/**
 * An item of a query as the browser has it; what a part needs of it besides is the part's.
 * @typedef {object} ItemHere
 * @property {string} small URL of its small picture
 * @property {Said[]} events
 * @property {number} before how many of them are older than the query
 * @property {boolean} disputed
 * @property {State} state
 * @property {string | null} label
 * @property {boolean} flagged
 * @property {State} countedAs the state in which the server counted it
 * @property {string | null} saw the label its person has seen
 * @property {string | null} [problem] why an answer was not saved
 * @property {boolean} [fromBefore] it was answered when it came
 * @property {HTMLElement} [tile]
 * @property {boolean} [seen] its picture is there
 * @property {boolean} [asked] its small picture is on its way
 * @property {string} [broken] why it has no picture
 * @property {number} [shownAt] since when it is looked at
 */
/** @typedef {Omit<ItemTold, "state" | "events" | "disputed"> & ItemHere} Item */
/**
 * @template {Item} I
 * @typedef {{item: I, event: Said}} Step an answer that can be taken back
 */
/**
 * What answers need to know of the queue they are given in.
 * @template {Item} I
 * @typedef {object} Place
 * @property {string} me
 * @property {number | null} asked the round that is answered
 * @property {I[]} items
 * @property {I | undefined} current
 * @property {Waiting[]} waiting answers on their way
 */

/** What was said of an item before its answers are known. @type {Pick<ItemHere, "events" | "before" | "disputed" | "state" | "label" | "flagged" | "countedAs" | "saw">} */
export const UNANSWERED = { events: [], before: 0, disputed: false, state: "open", label: null, flagged: false, countedAs: "open", saw: null };
const SEEN_AFTER = 700; // milliseconds until a person has seen what somebody else said of the picture they are looking at
const ANSWERS = ["label", "mask", "region", "skip"];

/**
 * The state that events leave, as the server's journal has it.
 * @param {Said[]} events
 */
function folded(events) {
  /** @type {StateTold} */
  const state = { label: null, skipped: false, flagged: false };
  for (const { kind, value } of events) {
    if (kind === "flag") state.flagged = true;
    else if (kind === "skip") Object.assign(state, { label: null, skipped: true });
    else Object.assign(state, { label: value, skipped: false });
  }
  return state;
}

/**
 * @param {StateTold} told
 * @returns {State}
 */
function stateOf({ label, skipped, flagged }) {
  return skipped ? "skip" : label !== null ? "label" : flagged ? "flag" : "open";
}

/**
 * Whether an item that is asked a second time may come behind these: not too soon after another one.
 * @param {Item[]} items
 * @param {number} [every]
 */
export function farFromLast(items, every = 20) {
  const last = items.findLastIndex(({ again }) => again !== undefined);
  return last < 0 || items.length - last >= every;
}

/** @template {Item} I */
export class Answers {
  /** @param {Place<I>} place */
  constructor(place) {
    this.place = place;
    /** @type {Step<I>[][]} the own answers that can be taken back, newest last */
    this.history = [];
    this.counted = { label: 0, skip: 0, flag: 0 }; // of the whole query, as the server last counted
    this.ofAll = false; // its labels are those of the whole project
  }

  /**
   * A new item, as the queue told it. What was answered before this query asked for the item is no answer to it.
   * @param {I} item
   * @param {ItemTold} told
   * @param {boolean} open
   */
  adopt(item, told, open) {
    item.events = (told.events || []).map((event) => ({ ...event }));
    item.before = open ? item.events.length : 0;
    item.disputed = Boolean(told.disputed);
    this.settle(item);
    if (!open && item.state === "open") item.state = stateOf(told.state);
    item.countedAs = item.state;
    item.saw = told.state?.label ?? null;
  }

  /**
   * State and label from the events.
   * @param {I} item
   */
  settle(item) {
    const said = folded(item.events.slice(item.before));
    Object.assign(item, { state: stateOf(said), label: said.label, flagged: said.flagged });
  }

  /**
   * Whose answer an item shows.
   * @param {I} item
   */
  givenBy(item) {
    return item.events.findLast(({ kind }) => ANSWERS.includes(kind))?.annotator;
  }

  /**
   * What was said of an item last, by each who said something: "ann said dress, you said shirt".
   * @param {I} item
   */
  saidOf(item) {
    return this.lastOf(item).map((event) => this.inWords(event)).join(", ");
  }

  /**
   * The last answer of each who gave one.
   * @param {I} item
   */
  lastOf(item) {
    /** @type {Map<string, Said>} */
    const last = new Map();
    const told = item.events.filter((event) => ANSWERS.includes(event.kind));
    for (const event of told) {
      last.delete(event.annotator);
      last.set(event.annotator, event);
    }
    return last.size > 1 ? [...last.values()] : told.slice(-2); // one person in two windows may disagree with itself
  }

  /**
   * An answer as it is sent. To an item that is asked again it is a note beside the first one, and changes nothing.
   * @param {I} item
   * @param {EventKind} kind
   * @param {string | null} value
   * @returns {Pick<Given, "item" | "kind" | "value" | "replaces" | "opinions">}
   */
  sent(item, kind, value) {
    const { id, again, opinions, saw } = item;
    if (again === undefined) return { item: id, kind, value, replaces: saw, ...(opinions ? { opinions } : {}) };
    return kind === "flag" ? { item: again, kind, value } : { item: again, kind: "again", value: kind === "label" ? value : null };
  }

  /**
   * What takes an answer back, as it is sent.
   * @param {I} item
   * @param {Said} said
   * @returns {Pick<Given, "item" | "kind" | "value">}
   */
  sentBack(item, said) {
    if (item.again === undefined) return { item: item.id, kind: "undo", value: null };
    return { item: item.again, kind: said.kind === "flag" ? "undo" : "again", value: null };
  }

  /** @param {Pick<Said, "kind" | "value" | "annotator">} said */
  inWords({ kind, value, annotator }) {
    const who = annotator === this.place.me ? "you" : annotator;
    return `${who} ${kind === "label" ? `said ${value}` : kind === "skip" ? "skipped it" : kind === "flag" ? "flagged it" : "painted it"}`;
  }

  /**
   * The own answers of earlier visits, in the order they were given, so that they can be taken back like those of this one.
   * @param {I[]} items
   * @param {boolean} [every] those to other rounds too: where it learns while it is labeled, rounds follow each other within a minute
   */
  remember(items, every = false) {
    const { me, asked } = this.place;
    const own = items.flatMap((item) => item.events.slice(item.before).map((event) => ({ item, event })));
    const mine = own.filter(({ event }) => event.annotator === me && (every || (event.round ?? asked) === asked));
    this.history.unshift(...mine.sort((a, b) => (a.event.id ?? 0) - (b.event.id ?? 0)).map((step) => [step]));
  }

  /**
   * An answer given here.
   * @param {I} item
   * @param {EventKind} kind
   * @param {string | null} value
   * @param {number} seq
   * @returns {Step<I>} of the history
   */
  answered(item, kind, value, seq) {
    const event = { kind, value, annotator: this.place.me, client: CLIENT, seq, round: this.place.asked };
    item.events.push(event);
    item.problem = null;
    this.settle(item);
    item.saw = item.label;
    return { item, event };
  }

  /** Takes the newest own answers back that still stand; the steps, or null when there are none. */
  lastSteps() {
    for (let newest = this.history.pop(); newest; newest = this.history.pop()) {
      const steps = newest.filter(({ item, event }) => item.events.includes(event));
      if (steps.length) return steps;
    }
    return null;
  }

  /**
   * An answer that is taken back, or that the server does not take.
   * @param {I} item
   * @param {Said} event
   */
  unsay(item, event) {
    item.events = item.events.filter((other) => other !== event);
    this.settle(item);
    item.saw = item.label;
  }

  /**
   * What the server knows of an item now. An own answer on its way comes after it: that one is told again once it has arrived.
   * @param {I} item
   * @param {ChangeTold} told
   * @returns {boolean} true when it shows
   */
  learn(item, told) {
    const { me, waiting } = this.place;
    if (waiting.some((event) => event.item === item.id)) return false;
    const shown = () => `${item.state} ${item.label} ${item.disputed} ${item.flagged}`;
    const before = shown();
    const known = new Map(item.events.map((event) => [event.id, event]));
    const own = item.events.filter((event) => event.id === undefined);
    // An own answer is the same object before and after it got its number, so that it can be taken back.
    item.events = told.events.map((event) => {
      const same = known.get(event.id) || (event.annotator === me && own.find((mine) => mine.kind === event.kind && (mine.value === event.value || event.kind !== "label")));
      if (!same) return { ...event };
      if (own.includes(same)) own.splice(own.indexOf(same), 1);
      return Object.assign(same, event);
    });
    item.before = Math.min(item.before, item.events.length);
    item.disputed = told.disputed;
    item.opinions = told.opinions;
    this.settle(item);
    const changed = before !== shown();
    const { label } = told.state;
    if (item === this.place.current && changed) setTimeout(() => (item.saw = label), SEEN_AFTER);
    else item.saw = label;
    return changed;
  }

  counts() {
    const n = { ...this.counted };
    for (const item of this.place.items) {
      if (item.state === item.countedAs) continue;
      if (item.countedAs !== "open") n[item.countedAs] -= 1;
      if (item.state !== "open") n[item.state] += 1;
    }
    return { labeled: n.label, skipped: n.skip, flagged: n.flag };
  }

  /**
   * The server's own count, once it knows all that was said here.
   * @param {{total: number, remaining: number, skipped?: number, flagged?: number}} told
   */
  recount({ total, remaining, skipped = 0, flagged = 0 }) {
    this.count({ label: total - remaining - skipped - flagged, skip: skipped, flag: flagged }, false);
  }

  /**
   * The labels of the whole project, where it learns while it is labeled: there a query is soon another.
   * @param {number} labels as the server counts them
   */
  recountAll(labels) {
    const here = (/** @type {State} */ state) => this.place.items.filter((item) => item.state === state).length;
    this.count({ label: labels, skip: here("skip"), flag: here("flag") }, true);
  }

  /**
   * @param {{label: number, skip: number, flag: number}} counted with all that is here
   * @param {boolean} ofAll
   */
  count(counted, ofAll) {
    Object.assign(this, { counted, ofAll });
    for (const item of this.place.items) item.countedAs = item.again === undefined ? item.state : "open"; // the server counts an image once
  }

  /** An open item leaves the queue; where the server counted it as answered, that answer is over. @param {I} item */
  leave(item) {
    if (item.countedAs !== "open") this.counted[item.countedAs] -= 1;
    item.countedAs = "open";
  }
}
