// The teacher's part of a class in one room: opened, shown on the wall, started, paused, reset, ended. All of it goes by HTTP.

import { Api, problemOf, wordsOf } from "../shared/api.js";
import { button, element } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { whole } from "../shared/numbers.js";
import { sleep } from "../shared/wait.js";
import { Board } from "./board.js";

/** @import { Told } from "../shared/mount.js" */
/** @import { ClassBoard, ClassInvitation, ClassStudent, ClassroomData, Named } from "../shared/types.js" */

const EVERY = 1000; // ms between two looks at the board
const DIGITS = { name: "", title: "Bundled digits" };
/** @type {Record<string, string>} */
const STATES = { waiting: "Waiting to start", running: "Running", paused: "Paused", ended: "Ended" };
/** @type {Record<string, string>} */
const SURE = {
  reset: "Throw all labels of this class away? The students stay.",
  end: "End the class? What is left is learned once more, and nobody can label any longer.",
};

export class Teacher {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.disposed = false;
    this.api = new Api();
    this.board = new Board();
    this.code = "";
    this.turn = 0;
    this.state = "";
    this.projects = "";
    this.problem = element("p", { class: "warning", role: "alert", hidden: true });
    this.place = element("div", { class: "place" });
    this.root = element("div", { class: "classroom" }, this.problem, this.place);
    this.stateSaid = element("b", { class: "state", role: "status" });
    this.controls = element("div", { class: "controls" });
    this.invitation = element("div", { class: "invitation" });
    this.alone = element("p", { class: "warning", hidden: true });
    this.students = element("div", { class: "students" });
    this.names = "";
    parent.append(this.root);
  }

  dispose() {
    this.disposed = true;
    this.turn += 1;
    this.board.dispose();
    this.root.remove();
  }

  /** @param {Told<ClassroomData>} told */
  update({ data }) {
    this.api.connect(data.api, data.token);
    const projects = JSON.stringify(data.projects);
    const first = !this.projects;
    if (projects === this.projects) return;
    this.projects = projects;
    if (first || !this.code) this.begin(first);
  }

  /** The classes that are open, and a new one; the only open one is gone back to at once. @param {boolean} straight */
  async begin(straight) {
    this.code = "";
    const turn = (this.turn += 1);
    await this.trying(async () => {
      /** @type {{classes: {code: string, project: string}[]}} */
      const { classes } = await this.api.json(this.api.url(["rooms"]));
      if (turn !== this.turn) return;
      if (straight && classes.length === 1) this.enter(classes[0].code);
      else this.place.replaceChildren(this.form(classes));
    });
  }

  /** @param {{code: string, project: string}[]} classes */
  form(classes) {
    /** @type {Named[]} */
    const projects = JSON.parse(this.projects);
    const known = projects.some(({ name }) => name === "digits") ? projects : [...projects, DIGITS];
    const project = element("select", { "aria-label": "Images" }, ...known.map(({ name, title }) => element("option", { value: name, text: title })));
    const modes = [
      ["together", "Together", "Everybody labels for one model, which asks by MCDAL."],
      ["race", "A race", "Two teams, one asked at random and one by MCDAL: whose model learns more from its labels?"],
    ];
    const choices = modes.map(([mode, title, why], at) => element("label", { class: "mode" },
      element("input", { type: "radio", name: "mode", value: mode, checked: at === 0 }),
      element("span", {}, element("b", { text: title }), element("span", { class: "note", text: why }))));
    const open = button({ class: "main", text: "Open a class" });
    open.addEventListener("click", () => this.trying(async () => {
      open.disabled = true;
      try {
        const mode = choices.map((choice) => choice.querySelector("input")).find((input) => input?.checked)?.value ?? "together";
        const { code } = await this.api.post(this.api.url(["rooms"]), { project: project.value, mode });
        this.enter(code);
      } finally {
        open.disabled = false;
      }
    }));
    const back = classes.map(({ code, project: of }) => element("li", {}, button({ text: `Go back to ${code}`, onclick: () => this.enter(code) }), element("span", { class: "note", text: of })));
    return element("section", { class: "opening", "aria-label": "A new class" },
      element("p", { text: "Thirty students open a link on their telephones, label one pool, and see the model learn. Their answers stay with the class: the project's own labels are not touched." }),
      back.length > 0 && element("ul", { class: "back" }, ...back),
      element("label", { class: "field" }, element("span", { text: "Images" }), project),
      element("div", { class: "modes", role: "radiogroup", "aria-label": "How" }, ...choices),
      element("div", {}, open));
  }

  // ---- one class

  /** @param {string} code */
  async enter(code) {
    this.code = code;
    this.names = this.state = "";
    const turn = (this.turn += 1);
    this.place.replaceChildren(
      element("div", { class: "bar" }, this.stateSaid, this.controls),
      this.alone,
      element("div", { class: "wall" }, this.invitation, this.students),
      this.board.root);
    this.trying(() => this.invite(turn));
    while (turn === this.turn && !this.disposed) {
      await this.trying(async () => {
        const board = await this.api.json(this.api.url(["room", code, "board"]));
        if (turn === this.turn) this.seen(board);
      });
      await sleep(EVERY);
    }
  }

  /** @param {number} turn */
  async invite(turn) {
    const at = `${location.origin}${this.api.base}`;
    /** @type {ClassInvitation} */
    const { code, link, qr, warning } = await this.api.json(this.api.url(["room", this.code, "invitation"], { at }));
    if (turn !== this.turn) return;
    const drawing = new DOMParser().parseFromString(qr, "image/svg+xml").documentElement;
    drawing.setAttribute("role", "img");
    drawing.setAttribute("aria-label", `QR code of ${link}`);
    const large = button({ class: "large", text: "Larger", "aria-pressed": "false", onclick: () => {
      const on = this.root.toggleAttribute("data-large");
      large.setAttribute("aria-pressed", String(on));
      large.textContent = on ? "Smaller" : "Larger";
    } });
    this.invitation.replaceChildren(
      element("div", { class: "qr" }, drawing),
      element("div", { class: "words" },
        element("p", { text: "Open on your telephone" }),
        element("a", { href: link, target: "_blank", rel: "noopener", text: link }),
        element("p", { class: "code", text: code }),
        large));
    this.alone.replaceChildren(...warning.split("`").map((part, at) => (at % 2 ? element("code", { text: part }) : part)));
    this.alone.hidden = !warning;
  }

  /** @param {ClassBoard} board */
  seen(board) {
    this.board.update(board);
    this.stateSaid.textContent = `${STATES[board.state]} · ${board.project} · ${board.mode === "race" ? "a race" : "together"}`;
    this.root.dataset.state = board.state;
    if (board.state !== this.state) {
      this.state = board.state;
      this.drawControls();
    }
    this.drawStudents(board.names ?? []);
  }

  drawControls() {
    const { state } = this;
    const act = (/** @type {string} */ action, /** @type {string} */ text, main = false) =>
      button({ class: main ? "main" : "", text, onclick: () => (action in SURE ? this.ask(action, text) : this.act(action)) });
    this.controls.replaceChildren(...[
      state === "waiting" && act("start", "Start", true),
      state === "paused" && act("start", "Go on", true),
      state === "running" && act("pause", "Pause", true),
      state !== "ended" && act("reset", "Reset"),
      state !== "ended" && act("end", "End"),
      button({ text: state === "ended" ? "New class" : "Other classes", onclick: () => this.begin(false) }),
    ].filter((node) => node !== false));
  }

  /**
   * @param {string} action
   * @param {string} text
   */
  ask(action, text) {
    const yes = button({ class: "main", text: action === "reset" ? "Yes, reset" : `Yes, ${text.toLowerCase()}`, onclick: () => this.act(action) });
    const no = button({ text: "No", onclick: () => this.drawControls() });
    this.controls.replaceChildren(element("span", { class: "sure", role: "alert", text: SURE[action] }), yes, no);
    no.focus();
  }

  /** @param {string} action */
  act(action) {
    return this.trying(async () => {
      const board = await this.api.post(this.api.url(["room", this.code, "actions"]), { action });
      this.state = "";
      this.seen(board);
    });
  }

  /** @param {ClassStudent[]} names */
  drawStudents(names) {
    const now = JSON.stringify(names);
    if (now === this.names) return;
    this.names = now;
    this.students.replaceChildren(
      element("h2", { text: names.length === 1 ? "1 student" : `${whole(names.length)} students` }),
      ...(names.length ? [] : [element("p", { class: "note", text: "Names come up here as students join." })]),
      element("ul", {}, ...names.map(({ name, team, answered, here }) => element("li", { "data-team": team === "mcdal" ? "1" : "0", "data-here": here ? "1" : "0" },
        element("span", { text: name }),
        element("small", { text: here ? whole(answered) : `${whole(answered)}, away` })))));
  }

  /** Does something and says what went wrong. @param {() => Promise<void>} what */
  async trying(what) {
    try {
      await what();
      this.problem.hidden = true;
    } catch (error) {
      const { status } = problemOf(error);
      const words = wordsOf(error);
      this.problem.textContent = `${words[0].toUpperCase()}${words.slice(1)}.`;
      this.problem.hidden = false;
      if (status === 409) this.drawControls();
    }
  }
}

export default mounted(Teacher);
