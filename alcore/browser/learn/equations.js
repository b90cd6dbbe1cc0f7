// What is minimized and played for at a step, as the papers write it, with the step's own values.

import { element } from "../shared/dom.js";
import { short } from "../shared/numbers.js";

/** @import { FilmTold, StageTold } from "../shared/types.js" */
/**
 * A term: its loss in the film, its symbols as HTML of ours, what it does.
 * @typedef {{loss: string, symbols: string, means: string}} Term
 */
/** @typedef {{stage: string, title: string, terms: Term[]}} Part */

const CROSS = "−<i>E</i><sub>L</sub> log <i>p</i><sub>y</sub>(<i>x</i>)";
/** @type {Part[]} */
const PLAIN = [{ stage: "training", title: "Training", terms: [{ loss: "cross_entropy", symbols: `L<sub>CE</sub>(F) = ${CROSS}`, means: "F learns the labels." }] }];
/** @type {Record<string, Part[]>} */
const PARTS = {
  mal: [
    {
      stage: "minimax game",
      title: "The game, Algorithm 1",
      terms: [
        { loss: "cross_entropy", symbols: `L<sub>CE</sub>(F, C) = ${CROSS}`, means: "F and C learn the labels." },
        { loss: "unlabeled_entropy", symbols: "H = −<i>E</i><sub>U</sub> Σ<sub>k</sub> <i>p</i><sub>k</sub> log <i>p</i><sub>k</sub>", means: "C raises it, which moves prototypes towards unlabeled points; F lowers it, which moves the points to the nearest prototype." },
        { loss: "discriminator", symbols: "L<sub>D</sub> = −<i>E</i><sub>L</sub> log D(F(<i>x</i>)) − <i>E</i><sub>U</sub> log(1 − D(F(<i>x</i>)))", means: "D learns to tell labeled from unlabeled." },
      ],
    },
    { stage: "task model", title: "The task model, Algorithm 3", terms: [{ loss: "cross_entropy", symbols: `L<sub>CE</sub>(M) = ${CROSS}`, means: "M starts from F and learns the labels; its accuracy counts." }] },
  ],
  mcdal: [
    {
      stage: "training",
      title: "A step, Eq. 1 to 4",
      terms: [
        { loss: "cross_entropy", symbols: `L<sub>CE</sub>(F, G) = ${CROSS}`, means: "The task model learns the labels." },
        { loss: "auxiliary_cross_entropy", symbols: "L<sub>CE</sub>(F<sub>1</sub>, F<sub>2</sub>)", means: "The heads beside it must be right on labeled points," },
        { loss: "discrepancy", symbols: "L<sub>dis</sub> = <i>E</i><sub>U</sub> Σ d(<i>p</i><sub>a</sub>, <i>p</i><sub>b</sub>)", means: "and as different as they can on all others: they raise it." },
      ],
    },
  ],
};

/** @type {Record<string, string>} what ends a round */
const ASKS = {
  mal: "Then it asks where C’s entropy is high and D says unlabeled.",
  mcdal: "Then it asks where F, F<sub>1</sub> and F<sub>2</sub> differ most, Eq. 5.",
  entropy: "Then it asks where the entropy of F is highest.",
  margin: "Then it asks where F’s two best classes are closest.",
  random: "Then it asks by chance.",
};

export class Equations {
  constructor() {
    this.root = element("section", { class: "equations", "aria-label": "Equations" });
    /** @type {{stage: StageTold | undefined, section: HTMLElement, values: {loss: string, node: HTMLElement}[]}[]} */
    this.parts = [];
  }

  /** @param {FilmTold} told */
  open(told) {
    this.parts = [];
    const nodes = (PARTS[told.strategy] ?? PLAIN).map(({ stage, title, terms }) => {
      /** @type {{loss: string, node: HTMLElement}[]} */
      const values = [];
      const rows = terms.map(({ loss, symbols, means }) => {
        const value = element("output", {});
        values.push({ loss, node: value });
        const formula = element("div", { class: "formula" });
        formula.innerHTML = symbols; // constants above, nobody's text
        return element("li", {}, formula, value, element("p", { text: means }));
      });
      const section = element("div", { class: "part" }, element("h4", { text: title }), element("ul", {}, ...rows));
      this.parts.push({ stage: told.stages.find(({ name }) => name === stage), section, values });
      return section;
    });
    const asks = element("p", { class: "asks" });
    asks.innerHTML = ASKS[told.strategy] ?? "";
    this.root.replaceChildren(element("h3", { text: "What acts" }), ...nodes, asks);
  }

  /** @param {number} step */
  show(step) {
    for (const { stage, section, values } of this.parts) {
      const acts = stage !== undefined && step >= stage.from && step <= stage.to;
      section.toggleAttribute("data-acts", acts);
      for (const { loss, node } of values) {
        const at = stage ? Math.min(stage.to, step) - stage.from : -1;
        node.textContent = at < 0 || !stage ? "–" : short(stage.losses[loss]?.[at]);
      }
    }
  }
}
