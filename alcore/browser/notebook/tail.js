// How a notebook shows a part: anywidget takes a default object whose `render` is called for each place that a widget is shown at. What
// Streamlit hands over at every rerun is made here of the widget's values, now and at every change.
// The part stands in a shadow root, so that its looks and the notebook's do not mix. It has the keys while the focus is in it, and the
// notebook's own shortcuts (A adds a cell, D D removes one) rest meanwhile.

import { element } from "../shared/dom.js";
import { colorsAt, isDark } from "../shared/theme.js";
import { carryOf } from "./carry.js";

/** @import { Told } from "../shared/mount.js" */
/** @import { Model } from "./carry.js" */

const SUPPRESS = "data-lm-suppress-shortcuts"; // JupyterLab looks for it from the focused element up

/**
 * @template Data
 * @param {(told: Told<Data>) => () => void} mount
 */
export function inNotebook(mount) {
  return {
    /** @param {{model: Model, el: HTMLElement}} place */
    render({ model, el }) {
      const host = element("div");
      const inside = element("div", { class: "alcore-notebook", "data-keys": "focused", tabindex: "-1" });
      const hint = element("div", { class: "alcore-hint", text: "Click into it to use the keys." });
      const shadow = host.attachShadow({ mode: "open" });
      shadow.append(element("style", { text: model.get("_style") }), inside, hint);
      el.append(host);
      const hold = () => {
        if (!shadow.activeElement) inside.focus({ preventScroll: true });
      };
      for (const name of ["pointerdown", "mousedown"]) inside.addEventListener(name, hold);
      inside.addEventListener("wheel", (event) => shadow.activeElement || event.stopPropagation(), { capture: true }); // the page scrolls then
      const isPlain = (/** @type {KeyboardEvent} */ event) => !event.ctrlKey && !event.metaKey && !event.altKey;
      const rest = (/** @type {KeyboardEvent} */ event) => host.toggleAttribute(SUPPRESS, isPlain(event) && event.composedPath().includes(inside));
      window.addEventListener("keydown", rest, true);
      host.addEventListener("keydown", (event) => isPlain(event) && event.stopPropagation());

      const tell = (/** @type {string} */ name, /** @type {unknown} */ value) => {
        model.set(`_${name}`, value);
        model.save_changes();
      };
      const carry = carryOf(model);
      let takeDown = () => {};
      const show = () => {
        const data = model.get("_data");
        inside.dataset.height = String(data.height);
        inside.dataset.dark = String(isDark(colorsAt(inside, { ground: "--st-background-color" }).ground));
        takeDown = mount({ parentElement: inside, data, setStateValue: tell, setTriggerValue: tell, carry });
      };
      // It is called before the place is on the page, where nothing has a color or a size yet.
      const arrival = new ResizeObserver(() => {
        arrival.disconnect();
        show();
        model.on("change:_data", show);
        // The style sheet lets ground, letters and accent change in no time, but as transitions: so another theme is heard of, whosever it
        // is. All three, since a theme may come in two steps: JupyterLab takes the old one's variables down before it has the new one's, and
        // the ground of that moment can be the new one's already.
        for (const name of ["transitionend", "transitioncancel"]) inside.addEventListener(name, (event) => event.target === inside && show());
      });
      arrival.observe(inside);
      return () => {
        arrival.disconnect();
        model.off("change:_data", show);
        window.removeEventListener("keydown", rest, true);
        takeDown();
        host.remove();
      };
    },
  };
}
