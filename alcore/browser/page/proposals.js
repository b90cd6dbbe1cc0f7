// What methods would ask for by one look at the pool, side by side, and one of them taken as the query.

import { Api, wordsOf } from "../shared/api.js";
import { button, element } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { short, whole } from "../shared/numbers.js";
import { Pictures } from "../shared/pictures.js";
import { sleep } from "../shared/wait.js";

/** @import { Told } from "../shared/mount.js" */
/** @import { ComparedTold, ComparisonTold, ProposalsData, ProposalTold } from "../shared/types.js" */

const LOOK = 600; // ms between two looks how far it is
const SIDE = 144; // of a picture, twice as large as it is shown
const CLASSES = 4; // that are named

class Proposals {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.api = new Api();
    this.pictures = new Pictures(this.api, 300);
    /** @type {ProposalsData} */
    this.data = { project: "", token: "", api: "", size: 0, open: 0 };
    /** @type {(name: string, value: unknown) => void} */
    this.trigger = () => {};
    this.turn = 0;
    this.disposed = false;
    this.scope = "";
    this.size = element("input", { type: "number", min: "1", "aria-label": "Images each" });
    this.node = element("div", { class: "now" });
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.root = element("div", { class: "proposals" }, this.problem, this.node);
    parent.append(this.root);
  }

  dispose() {
    this.disposed = true;
    this.turn += 1;
    this.pictures.close();
    this.root.remove();
  }

  /** @param {Told<ProposalsData>} told */
  update({ data, setTriggerValue }) {
    this.data = data;
    this.trigger = setTriggerValue;
    this.api.connect(data.api, data.token);
    this.size.max = String(Math.min(1000, Math.max(1, data.open)));
    if (data.project === this.scope) return;
    this.scope = data.project;
    this.size.value = String(data.size);
    this.follow();
  }

  get place() {
    return this.api.url(["projects", this.data.project, "proposals"]);
  }

  /** Shows what there is, and goes on looking while it is being made. */
  async follow() {
    const turn = (this.turn += 1);
    try {
      while (turn === this.turn) {
        /** @type {ComparisonTold} */
        const told = await this.api.json(this.place);
        if (turn !== this.turn) return;
        this.show(told);
        if (told.state !== "running") return;
        await sleep(LOOK);
      }
    } catch (error) {
      if (turn === this.turn) this.fail(error);
    }
  }

  /** @param {Record<string, unknown>} what */
  async act(what) {
    this.problem.hidden = true;
    try {
      const told = await this.api.post(this.place, what);
      if (what.action === "take") this.trigger("taken", told.round);
      else this.follow();
    } catch (error) {
      this.fail(error);
    }
  }

  /** @param {unknown} error */
  fail(error) {
    this.problem.textContent = `${wordsOf(error)}.`;
    this.problem.hidden = false;
  }

  /** @param {ComparisonTold} told */
  show(told) {
    this.root.dataset.state = told.state;
    if (told.state === "running") this.running(told);
    else if (told.state === "done") this.done(told);
    else {
      if (told.state === "failed") this.fail(new Error(told.error));
      this.node.replaceChildren(
        element("p", { text: "Nothing is trained for this: every method chooses by what the newest round saw of each image. It takes seconds, with 50,000 images some minutes." }),
        this.asking("Compare"),
      );
    }
  }

  /** @param {string} words */
  asking(words) {
    return element("form", { class: "asking", onsubmit: (event) => this.compare(event) }, element("label", {}, "Images each ", this.size), element("button", { type: "submit", text: words }));
  }

  /** @param {Event} event */
  compare(event) {
    event.preventDefault();
    this.act({ action: "compare", size: Number(this.size.value) });
  }

  /** @param {{done: number, total: number, message: string}} told */
  running({ done, total, message }) {
    const words = message || "Waiting for its turn";
    let bar = this.node.querySelector("progress");
    if (!bar) {
      bar = element("progress", { "aria-label": "Comparing" });
      this.node.replaceChildren(element("p", { class: "stage", role: "status" }), bar, button({ text: "Cancel", onclick: () => this.act({ action: "cancel" }) }));
    }
    const stage = this.node.querySelector(".stage");
    if (stage) stage.textContent = `${words} …`;
    bar.max = Math.max(1, total);
    bar.value = done;
  }

  /** @param {ComparedTold} told */
  done(told) {
    const { round, size, seen, proposals, others, newer, answered } = told;
    const now = [newer ? "A newer round has looked at the pool since." : "", answered > 0 ? `${whole(answered)} ${answered === 1 ? "label was" : "labels were"} given since.` : ""].filter(Boolean);
    this.node.replaceChildren(
      element("div", { class: "head" }, element("p", { text: `By what round ${round} saw: ${whole(size)} of ${whole(seen)} images that may be asked for. ${now.join(" ")}` }), this.asking("Compare again")),
      element("p", { class: "nothing", text: legend(told) }),
      element("ul", { class: "methods", "aria-label": "What methods would ask for" }, ...proposals.map((each) => this.card(each, told))),
      element("h4", { text: "Images that two of them share" }),
      overlap(told),
      element("p", { class: "nothing", text: others.length ? `Not compared: ${others.join(", ")}. They ask by something that only a round of their own trains.` : "" }),
    );
  }

  /**
   * @param {ProposalTold} each
   * @param {ComparedTold} told
   */
  card(each, told) {
    const tiles = each.pictures.map(({ image, guess }) => {
      const picture = element("img", { alt: `the model guesses ${guess}`, title: guess });
      this.pictures.load(this.api.url(image, { size: SIDE })).then((url) => (picture.src = url), () => picture.parentElement?.setAttribute("data-gone", ""));
      return element("li", {}, picture);
    });
    const take = button({ class: "take", text: "Ask for these", "aria-label": `Ask for these of ${each.title}`, onclick: () => this.act({ action: "take", name: each.name }) });
    return element(
      "li",
      { "data-name": each.name },
      element("div", { class: "title" }, element("b", { text: each.title }), take),
      element("ul", { class: "pictures" }, ...tiles),
      element("p", { text: mix(each) }),
      element("p", { class: "nothing", text: [spread(each), twins(each), effort(each, told)].filter(Boolean).join(" · ") }),
    );
  }
}

/** Which classes it asks for, by the model's guess. @param {ProposalTold} each */
function mix({ classes }) {
  const named = classes.slice(0, CLASSES).map(([name, count]) => `${whole(count)} × ${name}`);
  const more = classes.length - named.length;
  return `${named.join(", ")}${more ? ` and ${whole(more)} more ${more === 1 ? "class" : "classes"}` : ""}`;
}

/** @param {ProposalTold} each */
function spread({ diversity }) {
  return diversity === null ? "" : `diversity ${short(diversity)}`;
}

/** @param {ProposalTold} each */
function twins({ within, beside }) {
  if (within === null || beside === null) return "";
  return within || beside ? `near duplicates: ${whole(within)} among them, ${whole(beside)} of labeled images` : "no near duplicates";
}

/**
 * @param {ProposalTold} each
 * @param {ComparedTold} told
 */
function effort({ count }, { seconds }) {
  if (seconds === null) return "";
  const all = seconds * count;
  return `about ${all < 90 ? `${whole(all)} s` : `${whole(all / 60)} min`} of labeling`;
}

/** What the numbers mean, and which are not known here. @param {ComparedTold} told */
function legend({ by, seconds }) {
  return [
    `Classes are the model’s guesses. Diversity is the mean cosine distance of two of its images, by ${by === "features" ? "their features" : "what the round’s network makes of them"}.`,
    by === "features" ? "" : "Near duplicates are known with pretrained features only.",
    seconds === null ? "How long a query takes is known once some images are labeled by hand." : `A label takes ${short(seconds)} s here (median).`,
  ].filter(Boolean).join(" ");
}

/** @param {ComparedTold} told */
function overlap({ proposals, overlap: shared, size }) {
  const names = proposals.map(({ name }) => name);
  const head = element("tr", {}, element("td"), ...names.map((text) => element("th", { scope: "col", text })));
  const rows = shared.map((row, at) => {
    const cells = row.map((count, other) => {
      const cell = element("td", { text: at === other ? "–" : String(count), title: `${names[at]} and ${names[other]}: ${count} of ${size}` });
      if (at !== other) cell.style.setProperty("--shade", `${Math.round((45 * count) / Math.max(1, size))}%`);
      return cell;
    });
    return element("tr", {}, element("th", { scope: "row", text: names[at] }), ...cells);
  });
  return element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Images that two methods share" }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}

export default mounted(Proposals);
