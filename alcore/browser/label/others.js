// Other people and other windows: what they answer meanwhile, what rounds there are, how many items have two answers.

import { sleep } from "../shared/wait.js";
import { CLIENT } from "./outbox.js";

/** @import { Api } from "../shared/api.js" */
/** @import { ChangesTold, LiveTold, PersonTold, QueueTold, RoundTold } from "../shared/types.js" */
/** @import { Item } from "./answers.js" */
/** @import { Queue, SoFar } from "./queue.js" */
/**
 * Who hears of it.
 * @template {Item} I
 * @typedef {object} Hearer
 * @property {boolean} working an item is on the stage
 * @property {boolean} disposed its page was left
 * @property {(item: I) => void} changed somebody answered an item that is here
 * @property {(words: string) => void} onStage the item is the one on the stage; `words` say what is new, "" where nothing was added
 * @property {() => void} heard items that are here have changed
 * @property {() => void} renderPlaces rounds, disputes or the offer have changed
 */

const AWAY = 180_000; // milliseconds in which a person did nothing here: then they count as gone, and what they had in hand is others'
const ASKED = 10_000; // and between two looks whether others left something, where nothing else tells
const NAMED = 3; // of those who are here
const FOLLOW = 1200; // milliseconds between two looks at what others said, where the mount says nothing

/** @template {Item} I */
export class Others {
  /**
   * @param {Api} api
   * @param {Queue<I>} queue
   * @param {Hearer<I>} hearer
   */
  constructor(api, queue, hearer) {
    this.api = api;
    this.queue = queue;
    this.hearer = hearer;
    this.pace = FOLLOW;
    /** @type {{rounds: RoundTold[], disputed: number} | null} */
    this.around = null;
    /** @type {LiveTold | null} whether it learns as it is labeled, and how right it is */
    this.live = null;
    /** @type {RoundTold | null} a newer round that can be switched to */
    this.offer = null;
    /** @type {number | null} a newer round that a person did not want yet */
    this.kept = null;
    /** @type {number | undefined} the newest change of the classes that was heard of */
    this.classesAt = undefined;
    /** @type {number | undefined} the newest event that was heard of */
    this.event = undefined;
    /** @type {PersonTold[]} who else is here */
    this.people = [];
    this.asked = 0; // when it was last looked whether others left something
    /** @type {(() => void) | undefined} looks at once */
    this.lookAround = undefined;
  }

  /**
   * Asks at every `pace` what others said meanwhile; the image on the stage stays.
   * @param {number} turn of the queue
   */
  async follow(turn) {
    const leaving = () => this.leave();
    window.addEventListener("pagehide", leaving);
    await this.look(turn);
    window.removeEventListener("pagehide", leaving);
    if (this.hearer.disposed) this.leave();
  }

  /** The page is closed: what it has in hand is free at once. */
  leave() {
    const { who } = this.queue;
    const gone = this.api.url(["projects", who.project, "changes"], { here: CLIENT, leaving: 1 });
    this.api.json(gone, { keepalive: true }).catch(() => {}); // nobody is left to be told; the server forgets a silent window by itself
  }

  /** @param {number} turn */
  async look(turn) {
    const { queue } = this;
    for (let wait = this.pace; turn === queue.turn; ) {
      await Promise.race([sleep(wait), /** @type {Promise<void>} */ (new Promise((resolve) => (this.lookAround = resolve)))]);
      if (turn !== queue.turn) return;
      if (document.hidden || this.event === undefined) continue;
      const { event: after } = this;
      const { said } = queue;
      let answer;
      try {
        answer = await this.api.json(this.api.url(["projects", queue.who.project, "changes"], { after, ...this.presence() }));
      } catch {
        wait = Math.min(wait * 2, 20_000); // the outbox and the queue say what is wrong; this only asks less often
        continue;
      }
      if (turn !== queue.turn) return;
      if (this.hear(answer, said) && this.event === after) this.event = answer.event;
      if (turn === queue.turn) this.share(answer);
      wait = this.pace;
    }
  }

  /** What tells others that somebody is here, and what they look at; nothing once they have done nothing for a while. */
  presence() {
    const { current, active, view } = this.queue;
    if (performance.now() - active > AWAY) return {};
    return { here: CLIENT, on: current && view === "query" ? (current.again ?? current.id) : undefined };
  }

  /** Follows how people share the queue. @param {ChangesTold} told */
  share({ mode, lapsed, items }) {
    const { queue } = this;
    if (queue.view !== "query" || !queue.told) return;
    if (mode && queue.told.mode && mode !== queue.told.mode) {
      queue.show("query", queue.round); // somebody chose another way
    } else if (lapsed && queue.round !== null) {
      queue.reorder(queue.round, () => queue.cursor); // others may have what was held for this window: only the picture on the stage stays
    } else if (queue.waitsForOthers && (items.length || performance.now() - this.asked > ASKED)) {
      this.asked = performance.now();
      queue.fill();
    }
  }

  /** Who else is here, in words. */
  here() {
    const names = this.people.map(({ name }) => name);
    const more = names.length - NAMED;
    const shown = more > 1 ? [...names.slice(0, NAMED), `${more} more`] : names;
    return shown.length ? `with ${shown.length > 1 ? `${shown.slice(0, -1).join(", ")} and ` : ""}${shown.at(-1)}` : "";
  }

  /** Who else looks at an item, in words. @param {I} item */
  lookingAt({ id, again }) {
    const names = again === undefined ? this.people.filter(({ item }) => item === id).map(({ name }) => name) : [];
    return names.length ? `${names.length > 2 ? `${names.length} others look` : `${names.join(" and ")} ${names.length > 1 ? "look" : "looks"}`} at it too` : "";
  }

  /** The queue's answer. @param {QueueTold} told */
  took({ live = null, event, rounds = [], disputed, classes_at }) {
    this.classesAt = classes_at;
    const late = event !== undefined && this.event !== undefined && event < this.event;
    if (late) this.event = event; // more was heard while it was on its way, maybe of items that came with it: that is told again
    this.event ??= event;
    if (late) return;
    this.live = live;
    this.hearOfRounds(rounds, disputed);
  }

  /**
   * @param {ChangesTold} told
   * @param {SoFar} said here when it was asked for
   * @returns {boolean} false where it may be older than what was said here: then it has to be told again
   */
  hear({ items, rounds, disputed, live, people = [], classes_at }, said) {
    const { queue, hearer } = this;
    if (this.classesAt !== classes_at && this.classesAt !== undefined && classes_at !== undefined) queue.show(queue.view, queue.round); // other names
    this.classesAt = classes_at;
    const before = this.live;
    let shows = before?.learning !== live?.learning || JSON.stringify(people) !== JSON.stringify(this.people);
    this.people = people;
    let sure = true;
    this.live = live;
    for (const told of items) {
      const item = queue.byId.get(told.id);
      if (!item) continue;
      if (!queue.knows(said, told.id)) {
        sure &&= queue.waiting.some((event) => event.item === told.id); // that one is told again when it has arrived
        continue;
      }
      const events = item.events.length;
      if (!queue.answers.learn(item, told)) continue;
      shows = true;
      hearer.changed(item);
      if (item !== queue.current) continue;
      const newest = item.events.at(-1);
      hearer.onStage(newest && item.events.length > events ? `Meanwhile ${queue.answers.inWords(newest)}.` : "");
    }
    if (live?.on && queue.view === "query" && queue.knows(said)) queue.answers.recountAll(live.labeled);
    if (before?.on && !live?.on) queue.fill(); // what is counted from now on is the query
    this.hearOfRounds(rounds, disputed);
    if (shows) hearer.heard();
    return sure;
  }

  /**
   * What rounds there are and how many items have two answers. A newer round is offered, and taken at once where nothing is left to do here;
   * where the project learns by itself, its order is followed.
   * @param {RoundTold[]} rounds
   * @param {number} [disputed]
   */
  hearOfRounds(rounds, disputed = this.around?.disputed || 0) {
    const { queue, hearer } = this;
    this.around = { rounds, disputed };
    const newest = rounds.at(-1);
    const newer = queue.view === "query" && newest && queue.round !== null && newest.round > queue.round ? newest : null;
    if (newer && this.live?.on) {
      this.offer = null;
      if (newer.remaining !== 0) queue.reorder(newer.round);
      hearer.renderPlaces();
      return;
    }
    if (newer && !hearer.working && queue.exhausted && !queue.openItems().length && !queue.waiting.length && newer.remaining !== 0) {
      queue.show("query", newer.round);
      return;
    }
    const offer = newer && newer.round !== this.kept && newer.remaining !== 0 ? newer : null;
    if (JSON.stringify(offer) !== JSON.stringify(this.offer)) this.offer = offer; // as it is while nothing changed: its buttons stay too
    hearer.renderPlaces();
  }

  /** The round on offer is not wanted yet. */
  keepRound() {
    this.kept = this.offer?.round ?? null;
    this.offer = null;
    this.hearer.renderPlaces();
  }
}
