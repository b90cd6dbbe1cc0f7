// The page that students of a class open: a name, then one image after the other, and the board.

import { Api, problemOf, wordsOf } from "../shared/api.js";
import { element } from "../shared/dom.js";
import { keyName } from "../shared/keys.js";
import { newName } from "../shared/names.js";
import { whole } from "../shared/numbers.js";
import { Pictures } from "../shared/pictures.js";
import { sleep } from "../shared/wait.js";
import { Board } from "./board.js";
import { Outbox } from "./outbox.js";
import { Stage } from "./stage.js";

/** @import { ClassBoard, ClassItem, ClassNext } from "../shared/types.js" */

const EVERY = 1000; // ms between two looks at the board
/** @type {Record<string, string>} */
const SAID = {
  waiting: "The class has not begun. Stay on this page: the first image comes by itself.",
  paused: "The class is paused. Look at the board, or at your teacher.",
  ended: "The class is over. Thank you for your labels.",
  learning: "The model is learning. The next images come in a moment.",
  done: "All images are labeled.",
};
/** @type {Record<string, string>} */
const TEAMS = { random: "Team Random", mcdal: "Team MCDAL" };

export class StudentPage {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    const [, base, code] = /^(.*)\/room\/([^/]*)\/?$/.exec(location.pathname) ?? ["", "", ""];
    this.code = decodeURIComponent(code).toUpperCase();
    this.api = new Api();
    this.api.root = base;
    this.place = `alcore:class:${this.code}`;
    this.pictures = new Pictures(this.api, 12);
    this.board = new Board();
    this.stage = new Stage((label) => this.answer(label));
    this.outbox = new Outbox(this.api, this.code, { acked: (next) => this.heard(next), stuck: (said) => this.warn(said), unknown: () => this.leave() });
    /** @type {ClassItem[]} what was given and not answered, the first one on the screen */
    this.items = [];
    /** @type {Set<number>} */
    this.done = new Set();
    this.state = "waiting";
    this.wait = "";
    this.era = 0;
    this.answered = 0;
    this.asking = false;
    this.joined = false;
    this.turn = 0;
    this.who = element("b", { class: "who" });
    this.count = element("output", { class: "count" });
    this.warning = element("p", { class: "warning", role: "alert", hidden: true });
    this.head = element("header", {}, element("h1", { text: "Class" }), this.who, this.count);
    addEventListener("keydown", (event) => this.key(event));
  }

  start() {
    const kept = restored(this.place);
    if (!kept) {
      this.ask();
      return;
    }
    this.api.token = kept;
    this.enter();
  }

  // ---- joining

  /** @param {string} [said] */
  ask(said = "") {
    this.joined = false;
    const field = element("input", { id: "name", maxlength: "24", autocomplete: "nickname", autocapitalize: "words", spellcheck: "false" });
    const problem = element("p", { class: "warning", role: "alert", text: said, hidden: !said });
    const join = element("button", { type: "submit", class: "main", text: "Join" });
    const form = element("form", { class: "join" },
      element("h1", { text: `Class ${this.code}` }),
      element("p", { text: "You will see images, one at a time, and say what each of them shows. A model learns from your answers." }),
      element("label", { for: "name", text: "Your name" }), field,
      element("p", { class: "note", text: "Everybody in the room may see it. Left empty, you get an animal's." }),
      problem, join);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      join.disabled = true;
      try {
        const { token } = await this.api.post(this.api.url(["room", this.code, "join"]), { name: field.value });
        this.api.token = token;
        try {
          localStorage.setItem(this.place, token);
        } catch {
          // a private window keeps nothing: a reload joins anew
        }
        this.enter();
      } catch (error) {
        const words = wordsOf(error);
        problem.textContent = `${words[0].toUpperCase()}${words.slice(1)}.`;
        problem.hidden = false;
        join.disabled = false;
      }
    });
    this.root.replaceChildren(form);
    this.root.dataset.view = "join";
    field.focus();
  }

  /** The server does not know us: another class under this code, or its workspace's token has changed. */
  leave() {
    this.joined = false;
    try {
      localStorage.removeItem(this.place);
    } catch {
      // nothing was kept
    }
    this.ask("The class does not know you any more: join it again");
  }

  enter() {
    this.joined = true;
    this.root.replaceChildren(this.head, this.warning, this.stage.root, this.board.root);
    this.root.dataset.view = "work";
    this.next();
    this.outbox.send();
    this.look();
  }

  // ---- what is asked

  async next() {
    if (this.asking || !this.joined) return;
    this.asking = true;
    try {
      this.heard(await this.api.json(this.api.url(["room", this.code, "next"])));
      this.warn("");
    } catch (error) {
      this.failed(error);
    } finally {
      this.asking = false;
    }
  }

  /** @param {ClassNext} next */
  heard(next) {
    if (next.era !== this.era) {
      this.items = [];
      this.done.clear();
    }
    this.era = next.era;
    this.state = next.state;
    this.wait = next.wait;
    this.answered = next.answered;
    if (next.classes) this.stage.setClasses(next.classes);
    if (next.team) this.who.textContent = `${next.name} · ${TEAMS[next.team] ?? next.team}`;
    else this.who.textContent = next.name;
    const known = new Set(this.items.map((item) => item.id));
    const fresh = next.items.filter((item) => !known.has(item.id) && !this.done.has(item.id) && !this.outbox.has(item.id));
    this.items.push(...fresh);
    if (next.state !== "running") this.items = [];
    for (const item of this.items) this.pictures.load(this.api.url(item.image)).catch(() => undefined); // said when it is its turn
    this.draw();
  }

  async draw() {
    const [item] = this.items;
    this.root.dataset.state = this.state;
    this.count.textContent = `${whole(this.answered)} ${this.answered === 1 ? "label" : "labels"}`;
    if (!item) {
      const said = SAID[this.state === "running" ? this.wait || "learning" : this.state];
      await this.stage.show(null, this.outbox.waiting.length && this.state === "running" ? "Sending your answers." : said);
      return;
    }
    try {
      const url = await this.pictures.load(this.api.url(item.image), true);
      if (this.items[0] === item) await this.stage.show({ url, item: item.id }, "");
    } catch (error) {
      if (this.items[0] !== item) return;
      this.items.shift(); // an image that is gone: the next one
      this.warn(wordsOf(error));
      this.draw();
    }
  }

  /** @param {number} label */
  answer(label) {
    const item = this.items.shift();
    if (!item || this.state !== "running") return;
    this.done.add(item.id);
    this.stage.enable(false);
    this.outbox.put({ id: newName(), item: item.id, label, era: this.era });
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target instanceof HTMLInputElement) return;
    const label = this.stage.keys.get(keyName(event));
    if (label === undefined || !this.joined || this.stage.root.dataset.live !== "1") return;
    event.preventDefault();
    this.stage.choose(label);
  }

  // ---- the board

  async look() {
    const turn = (this.turn += 1); // who joins again has one that looks, not two
    while (this.joined && turn === this.turn) {
      try {
        if (!document.hidden) await this.seen(await this.api.json(this.api.url(["room", this.code, "board"])));
      } catch (error) {
        this.failed(error);
      }
      await sleep(EVERY);
    }
  }

  /** @param {ClassBoard} board */
  async seen(board) {
    this.board.update(board);
    if (board.state !== this.state || board.era !== this.era || (board.state === "running" && !this.items.length && !this.outbox.waiting.length)) await this.next();
  }

  /** @param {unknown} error */
  failed(error) {
    const { status } = problemOf(error);
    if (status === 401 || status === 404) this.leave();
    else this.warn(`The class cannot be reached: ${wordsOf(error)}. This page goes on by itself.`);
  }

  /** @param {string} said */
  warn(said) {
    this.warning.textContent = said;
    this.warning.hidden = !said;
  }
}

/** @param {string} place */
function restored(place) {
  try {
    return localStorage.getItem(place);
  } catch {
    return null;
  }
}

/** Makes the page. @param {HTMLElement} root */
export default function start(root) {
  new StudentPage(root).start();
}

const here = document.getElementById("class");
if (here) start(here);
