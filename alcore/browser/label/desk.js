// What giving labels and painting masks have in common on the page: a queue and all that stands around its picture, put together. A part (the
// labeler, the mask editor) holds a desk, puts its own picture and tools on it, and says by a `DeskPart` what is its own.

import { Api } from "../shared/api.js";
import { blur, element, rootOf } from "../shared/dom.js";
import { Pictures } from "../shared/pictures.js";
import { ClassList } from "./classes.js";
import { Dress } from "./dress.js";
import { Exposure } from "./exposure.js";
import { NameField } from "./name_field.js";
import { Notice } from "./notice.js";
import { Others } from "./others.js";
import { outboxFor } from "./outbox.js";
import { fitHeight } from "./height.js";
import { Progress } from "./progress.js";
import { Queue } from "./queue.js";
import { Reasons } from "./reasons.js";
import { Blank, Help } from "./sheets.js";
import { Strip, Tiles } from "./tiles.js";
import { fileName } from "./words.js";

/** @import { Conflict, ItemTold, LabelerData, QueueTold, Rgb } from "../shared/types.js" */
/** @import { Told } from "../shared/mount.js" */
/** @import { Item } from "./answers.js" */
/** @import { Words } from "./notice.js" */
/** @import { SetClasses } from "./dress.js" */
/** @import { Outbox, Waiting, Who } from "./outbox.js" */
/** @import { TileWords } from "./tiles.js" */
/** @typedef {Omit<LabelerData, "mode"> & {colors?: Rgb[]}} DeskData */
/** @typedef {[EventTarget, string, (event: any) => unknown]} Listening target, name, what it does; any: the name says what kind of event it is */
/**
 * What a desk asks of its part.
 * @template {Item} I
 * @typedef {object} DeskPart
 * @property {"single" | "grid"} mode one picture is on the stage, or a page of them
 * @property {(who: Who) => Outbox} outboxOf
 * @property {(told: ItemTold) => I} itemOf what it needs of an item; desk and queue add the rest
 * @property {() => void} leaving the round is left
 * @property {() => void} opening forget what belongs to the items that are here
 * @property {(places: number[]) => number | undefined} choose
 * @property {() => void} advanced
 * @property {() => void} moving
 * @property {() => void} prefetch
 * @property {() => number} settled
 * @property {() => unknown} staging what has to have been on the screen before a key counts
 * @property {() => I | undefined} inPanel the item that the panel is about
 * @property {TileWords<I>} tileWords
 * @property {(item: I, event: MouseEvent) => void} clickTile
 * @property {(item: I | null) => void} hoverTile
 * @property {SetClasses} setClasses
 * @property {(row: HTMLElement, event: Event) => void} give a class was found by typing
 * @property {[string, string][]} help keys and what they do
 * @property {(event?: Event) => void} renderWork the picture and what goes with it
 * @property {(item: I, fresh: boolean) => void} renderPanel
 * @property {(working: boolean) => void} renderBar
 * @property {(working: boolean) => void} rendered
 * @property {() => void} resized
 * @property {(item: I, event: Waiting) => void} reopened an answer was not taken, and no later one is on its way
 */
/** @typedef {{ahead: number, linger: number, pictures?: number, words: Words}} DeskOptions open items below which more are fetched; milliseconds a hint is shown; pictures that are kept */

export const SMALL = 192; // pictures of strip and grid; enough for tiles of 96 on a 2x screen

/** @template {Item} I */
export class Desk {
  /**
   * @param {DeskPart<I>} part
   * @param {DeskOptions} options
   */
  constructor(part, { ahead, linger, pictures, words }) {
    this.part = part;
    this.api = new Api();
    this.pictures = new Pictures(this.api, pictures);
    this.disposed = false;
    this.share = () => (part.mode === "grid" ? 48 : 6); // a page, or what is on the stage with what comes right after it
    /** @type {DeskData | null} */
    this.data = null;
    /** @type {(name: string, value: unknown) => void} tells Python */
    this.trigger = () => {};
    /** @type {Queue<I>} */
    this.queue = new Queue(this.api, ahead, this);
    /** @type {Others<I>} */
    this.others = new Others(this.api, this.queue, this);
    this.exposure = new Exposure(() => part.staging(), () => this.renderLive());
    this.nameField = new NameField(() => this.queue.me);
    /** @type {Notice<I>} */
    this.notice = new Notice(this.queue, this.others, words, linger);
    /** @type {Progress<I>} */
    this.progress = new Progress(this.queue, this.others);
    /** @type {Tiles<I>} */
    this.tiles = new Tiles(this.pictures, (item) => part.tileWords(item), { click: (item, event) => part.clickTile(item, event), hover: (item) => part.hoverTile(item) });
    /** @type {Strip<I>} */
    this.strip = new Strip(this.queue, this.tiles);
    this.classes = new ClassList((row, event) => part.give(row, event));
    /** @type {Reasons<I>} */
    this.reasons = new Reasons(this.queue);
    /** @type {Blank<I>} */
    this.blank = new Blank(this.queue, () => this.data?.empty ?? "", () => this.others.live);
    this.help = new Help(() => part.help);
    this.body = element("div", { class: "body" });
    this.root = element("div", { class: "labeler", role: "application" });
    this.ready = 0; // pictures that can be shown at once
    this.scope = "";
    this.dress = new Dress(part);
    /** @type {Listening[]} */
    this.listeners = [];
    this.resizing = new ResizeObserver(() => this.layout());
  }

  /**
   * Puts everything on the page.
   * @param {HTMLElement} parent
   * @param {{name: string, tools: HTMLElement, columns: HTMLElement[], pictures: HTMLElement[]}} own name of the part; what stands at the top, beside one another below it; what the focus leaves when it is clicked
   */
  build(parent, { name, tools, columns, pictures }) {
    this.body.append(...columns);
    const bar = element("header", { class: "bar" }, this.progress.node, tools);
    this.root.setAttribute("aria-label", name);
    this.root.append(bar, this.notice.node, this.body, this.blank.node, this.help.node);
    parent.append(this.root);
    this.leaveFocus([...pictures, this.strip.node]);
  }

  /**
   * Our buttons do not take the focus, so a field elsewhere on the page must be left here for keys to arrive. A click on `pictures` leaves
   * everything and gives the focus to nothing: the page around us would have it, and show a frame with the next key.
   * @param {HTMLElement[]} pictures
   */
  leaveFocus(pictures) {
    this.root.addEventListener("pointerdown", () => document.activeElement?.matches("input, textarea") && blur(document.activeElement));
    const leave = (/** @type {Event} */ event) => {
      event.preventDefault();
      for (const root of [document, rootOf(this.root)]) if (root.activeElement !== document.body) blur(root.activeElement);
    };
    for (const node of pictures) node.addEventListener("mousedown", leave);
  }

  /**
   * @param {Listening[]} listeners of the part; they come before ours
   * @param {Element[]} watched elements whose size matters
   */
  listen(listeners, watched) {
    this.listeners = [
      ...listeners,
      [window, "resize", () => this.layout()],
      [window, "keydown", (event) => this.nameField.key(event)],
      [window, "focusout", (event) => this.nameField.left(event)],
      [document, "visibilitychange", () => document.hidden || this.others.lookAround?.()],
    ];
    for (const [target, name, does] of this.listeners) target.addEventListener(name, does, true);
    for (const node of watched) this.resizing.observe(node);
  }

  dispose() {
    this.disposed = true;
    this.queue.turn += 1;
    for (const [target, name, does] of this.listeners) target.removeEventListener(name, does, true);
    this.resizing.disconnect();
    for (const each of [this.pictures, this.reasons.told]) each.close();
    const { outbox } = this.queue;
    if (outbox?.listener === this) outbox.listener = null;
    this.root.remove();
  }

  /** @param {Pick<Told<DeskData>, "data" | "setTriggerValue" | "carry">} told */
  update({ data, setTriggerValue, carry }) {
    this.trigger = setTriggerValue;
    this.data = data;
    const newToken = this.api.token !== data.token;
    this.api.connect(data.api, data.token, carry);
    if (data.pace) this.others.pace = data.pace;
    fitHeight(this.root);
    Object.assign(this.root.dataset, { mode: this.part.mode, annotator: data.annotator });
    this.dress.wear(data.classes, data.colors, data.looks);
    const { queue } = this;
    queue.who = { project: data.project, annotator: data.annotator, identity: data.identity };
    const scope = JSON.stringify([data.identity, data.project, data.annotator]);
    if (scope !== this.scope) {
      if (!this.scope && document.activeElement?.closest("[data-testid=stSidebarNav]")) blur(document.activeElement); // Enter is for the picture now
      this.scope = scope;
      queue.show("query", data.round);
      return;
    }
    if (newToken) queue.outbox?.renew();
    if (data.round !== null && queue.round === null) queue.show("query", data.round);
    else this.render();
    const rounds = this.others.around?.rounds || [];
    if (queue.told && data.round !== null && !rounds.some(({ round }) => round === data.round)) this.others.hearOfRounds([...rounds, { round: data.round, remaining: null }]);
  }

  // ---- what the queue asks (Keeper)

  /** @param {Who} who */
  outboxOf(who) {
    const outbox = outboxFor(this.api, who, (of) => this.part.outboxOf(of));
    outbox.listener = this;
    return outbox;
  }

  leaving() {
    this.part.leaving();
  }

  opening() {
    this.part.opening();
    Object.assign(this.others, { around: null, offer: null, event: undefined, live: null });
    this.ready = 0;
    this.notice.message = null;
    this.exposure.forget();
  }

  /** @param {ItemTold} told */
  itemOf(told) {
    return this.part.itemOf(told);
  }

  /** @param {QueueTold} answer */
  took(answer) {
    this.dress.wear(answer.classes, answer.colors, answer.looks);
    this.others.took(answer);
  }

  /** @param {number} turn */
  opened(turn) {
    this.others.follow(turn);
  }

  /** @param {number[]} places */
  choose(places) {
    return this.part.choose(places);
  }

  advanced() {
    this.part.advanced();
  }

  moving() {
    this.part.moving();
  }

  prefetch() {
    this.part.prefetch();
  }

  settled() {
    return this.part.settled();
  }

  /** @param {object} counts */
  finished(counts) {
    this.trigger("finished", counts);
  }

  // ---- what others do (Hearer), and what the queue learns of its items

  get working() {
    return this.root.dataset.view === "work";
  }

  /** @param {I} item */
  changed(item) {
    this.tiles.fill(item);
  }

  /** @param {string} words */
  onStage(words) {
    this.reasons.forget();
    if (words) this.say(words);
  }

  heard() {
    this.render();
    this.queue.checkFinished();
  }

  renderPlaces() {
    this.progress.render();
    this.progress.renderPlaces();
    this.notice.render();
  }

  // ---- what the outbox tells (Listener)

  saved() {
    this.renderBar();
    this.queue.checkFinished();
  }

  /**
   * @param {Waiting} event
   * @param {string} reason
   */
  rejected(event, reason) {
    const { queue, notice } = this;
    const item = queue.byId.get(event.kind === "again" ? -event.item : event.item);
    const said = item?.events.find(({ client, seq }) => client === event.client && seq === event.seq);
    if (item && said) queue.answers.unsay(item, said);
    if (!item) return this.say(`An earlier ${notice.words.answer} could not be saved: ${reason}`, true);
    // A later answer to the same item may still be on its way; it decides then.
    if (!queue.waiting.some((other) => other.item === item.id && other.seq > event.seq)) this.part.reopened(item, event);
    item.problem = reason;
    if (this.part.mode === "single") queue.askAgain(item);
    queue.isFinished = false;
    if (queue.current?.state !== "open") queue.advance(0);
    this.tiles.fill(item);
    this.say(`${fileName(item)} was not saved: ${reason}. It is asked again${notice.words.back}.`, true);
    this.render();
  }

  /**
   * The server kept an answer that contradicts what its author had not seen.
   * @param {Waiting} event
   * @param {Conflict} conflict
   */
  contradicted(event, { label, annotator, value }) {
    const { queue, others } = this;
    const item = queue.byId.get(event.item);
    if (item) {
      item.disputed = true;
      this.tiles.fill(item);
    }
    const theirs = queue.answers.inWords({ annotator, value: label, kind: event.kind === "skip" ? "label" : event.kind });
    const ours = queue.answers.inWords({ annotator: queue.me, value, kind: event.kind });
    if (others.around) others.hearOfRounds(others.around.rounds, others.around.disputed + 1);
    this.notice.contradict(`${item ? fileName(item) : "An image"}: ${theirs}, ${ours}. Both are kept; it waits for review.`);
    this.render();
  }

  /**
   * @param {string} text
   * @param {boolean} [stays]
   */
  say(text, stays = false) {
    this.notice.say(text, stays);
  }

  // ---- what a person does

  /**
   * True when an answer may be given by this event; says why not.
   * @param {Event} [event]
   */
  mayAnswer(event) {
    const { awaited } = this.nameField;
    if (awaited) this.say(`Taking the name ${awaited}…`);
    else if (this.exposure.seenAt(event?.timeStamp ?? performance.now())) return true;
    else this.say("Too quick: that picture was not on the screen yet.");
    return false;
  }

  /** One more picture can be shown at once. */
  pictureReady() {
    this.ready += 1;
    this.root.dataset.ready = String(this.ready);
  }

  // ---- drawing

  /** @param {Event} [event] what asked for it, for the benchmark */
  render(event) {
    const { queue } = this;
    if (!queue.isOpen) return;
    const blank = this.blank.kind;
    const working = !blank;
    this.root.dataset.view = blank || "work";
    this.blank.node.hidden = working;
    this.body.hidden = !working;
    if (blank) this.blank.render(blank);
    else this.part.renderWork(event);
    if (working) this.renderPanel();
    this.renderLive();
    this.renderBar();
    this.notice.render();
    this.part.rendered(working);
  }

  renderPanel() {
    const item = this.part.inPanel();
    if (!item) return;
    const fresh = this.reasons.render(item);
    this.part.renderPanel(item, fresh);
  }

  renderLive() {
    this.root.dataset.live = this.exposure.seenAt(performance.now()) ? "1" : "0";
  }

  renderBar() {
    this.progress.render();
    this.notice.render();
    this.part.renderBar(this.working);
  }

  layout() {
    this.part.resized();
    fitHeight(this.root);
    this.strip.room = null;
    if (this.working) this.render();
  }
}
