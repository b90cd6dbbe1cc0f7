// What was said of the items of a query: answers as they are given here, those of an earlier visit, and those of other people. An item's
// `events` are those of the journal that nobody took back, oldest first; its state follows from them. Nothing is drawn and nothing is sent
// here; `Queue` (queue.js) extends this.

const SEEN_AFTER = 700; // milliseconds until a person has seen what somebody else said of the picture they are looking at
const ANSWERS = ["label", "mask", "region", "skip"];

// The state that events leave, as the server's journal has it.
function folded(events) {
  const state = { label: null, skipped: false, flagged: false };
  for (const { kind, value } of events) {
    if (kind === "flag") state.flagged = true;
    else if (kind === "skip") Object.assign(state, { label: null, skipped: true });
    else Object.assign(state, { label: value, skipped: false });
  }
  return state;
}

function stateOf({ label, skipped, flagged }) {
  return skipped ? "skip" : label !== null ? "label" : flagged ? "flag" : "open";
}

class Answers {
  startAnswers() {
    this.history = []; // the own answers that can be taken back: lists of {item, event}, newest last
    this.counted = { label: 0, skip: 0, flag: 0 }; // of the whole query, as the server last counted
  }

  get me() {
    return this.data.annotator;
  }

  // A new item, as the queue told it. What was answered before this query asked for the item is no answer to it.
  adopt(item, told, open) {
    item.events = (told.events || []).map((event) => ({ ...event }));
    item.before = open ? item.events.length : 0;
    item.disputed = Boolean(told.disputed);
    this.settle(item);
    if (!open && item.state === "open") item.state = stateOf(told.state);
    item.countedAs = item.state;
    item.saw = told.state?.label ?? null;
  }

  // State and label from the events.
  settle(item) {
    const said = folded(item.events.slice(item.before));
    Object.assign(item, { state: stateOf(said), label: said.label, flagged: said.flagged });
  }

  // Whose answer an item shows.
  givenBy(item) {
    return item.events.findLast(({ kind }) => ANSWERS.includes(kind))?.annotator;
  }

  // What was said of an item last, by each who said something: "ann said dress, you said shirt".
  saidOf(item) {
    const last = new Map();
    for (const event of item.events) if (ANSWERS.includes(event.kind)) last.delete(event.annotator), last.set(event.annotator, event);
    const told = item.events.filter((event) => ANSWERS.includes(event.kind));
    const events = last.size > 1 ? [...last.values()] : told.slice(-2); // one person in two windows may disagree with itself
    return events.map((event) => this.inWords(event)).join(", ");
  }

  inWords({ kind, value, annotator }) {
    const who = annotator === this.me ? "you" : annotator;
    return `${who} ${kind === "label" ? `said ${value}` : kind === "skip" ? "skipped it" : kind === "flag" ? "flagged it" : "painted it"}`;
  }

  // The own answers of earlier visits, in the order they were given, so that they can be taken back like those of this one.
  remember(items) {
    const own = items.flatMap((item) => item.events.slice(item.before).map((event) => ({ item, event })));
    const mine = own.filter(({ event }) => event.annotator === this.me && (event.round ?? this.queue.round) === this.queue.round);
    this.history.unshift(...mine.sort((a, b) => a.event.id - b.event.id).map((step) => [step]));
  }

  // An answer given here; a step of the history.
  answered(item, kind, value, seq) {
    const event = { kind, value, annotator: this.me, client: CLIENT, seq, round: this.queue.round };
    item.events.push(event);
    item.problem = null;
    this.settle(item);
    item.saw = item.label;
    return { item, event };
  }

  // Takes the newest own answers back that still stand; the steps, or null when there are none.
  lastSteps() {
    while (this.history.length) {
      const steps = this.history.pop().filter(({ item, event }) => item.events.includes(event));
      if (steps.length) return steps;
    }
    return null;
  }

  // An answer that is taken back, or that the server does not take.
  unsay(item, event) {
    item.events = item.events.filter((other) => other !== event);
    this.settle(item);
    item.saw = item.label;
  }

  // What the server knows of an item now. An own answer on its way comes after it: that one is told again once it has arrived.
  // True when it shows.
  learn(item, told) {
    if (this.outbox.events.some((event) => event.item === item.id)) return false;
    const before = `${item.state} ${item.label} ${item.disputed} ${item.flagged}`;
    const known = new Map(item.events.map((event) => [event.id, event]));
    const own = item.events.filter((event) => event.id === undefined);
    // An own answer is the same object before and after it got its number, so that it can be taken back.
    item.events = told.events.map((event) => {
      const same = known.get(event.id) || (event.annotator === this.me && own.find((mine) => mine.kind === event.kind && (mine.value === event.value || event.kind !== "label")));
      if (!same) return { ...event };
      if (own.includes(same)) own.splice(own.indexOf(same), 1);
      return Object.assign(same, event);
    });
    item.before = Math.min(item.before, item.events.length);
    item.disputed = told.disputed;
    this.settle(item);
    const changed = before !== `${item.state} ${item.label} ${item.disputed} ${item.flagged}`;
    const label = told.state.label;
    if (item === this.current && changed) setTimeout(() => (item.saw = label), SEEN_AFTER);
    else item.saw = label;
    return changed;
  }

  counts() {
    const n = { ...this.counted };
    for (const item of this.items || []) {
      if (item.state === item.countedAs) continue;
      if (item.countedAs !== "open") n[item.countedAs] -= 1;
      if (item.state !== "open") n[item.state] += 1;
    }
    return { labeled: n.label, skipped: n.skip, flagged: n.flag };
  }

  // The server's own count, once it knows all that was said here.
  recount({ total, remaining, skipped = 0, flagged = 0 }) {
    this.counted = { label: total - remaining - skipped - flagged, skip: skipped, flag: flagged };
    for (const item of this.items) item.countedAs = item.state;
  }
}
