// How a mount shows a part: it hands over a place on the page and, now and at every change, the data.

/** @import { Carry } from "./api.js" */
/**
 * What Streamlit hands over at every rerun, and a notebook's tail at every change (notebook/tail.js).
 * @template Data
 * @typedef {object} Told
 * @property {HTMLElement} parentElement
 * @property {Data} data
 * @property {(name: string, value: unknown) => void} setTriggerValue
 * @property {(name: string, value: unknown) => void} setStateValue
 * @property {Carry} [carry] takes requests where the page cannot make them itself
 */

/**
 * What a mount can show.
 * @template Data
 * @typedef {object} Part
 * @property {boolean} [disposed] it is over; the same place gets a new one
 * @property {(told: Told<Data>) => void} update
 * @property {() => void} dispose
 */

/**
 * The function Streamlit calls at every rerun, on the same element while the component stays mounted: made once a part, then updated.
 * @template Data
 * @param {new (parent: HTMLElement) => Part<Data>} Kind
 * @returns {(told: Told<Data>) => () => void} Streamlit calls what it returns to take the part down
 */
export function mounted(Kind) {
  /** @type {WeakMap<HTMLElement, {part: Part<Data>, calls: number}>} */
  const places = new WeakMap();
  return (told) => {
    const parent = told.parentElement;
    let place = places.get(parent);
    if (!place || place.part.disposed) places.set(parent, (place = { part: new Kind(parent), calls: 0 }));
    const { part } = place;
    const here = place;
    const call = (here.calls += 1);
    part.update(told);
    // Streamlit also runs the cleanup of a call that a newer one overtook; only the newest may take things down.
    return () => {
      if (here.calls === call) part.dispose();
    };
  };
}
