// Keeps the annotator's name in this browser, in a cookie that the page's next visit brings along.

/** @import { Told } from "../shared/mount.js" */
/** @import { RememberData } from "../shared/types.js" */

const YEAR = 31_536_000; // seconds

/** @param {Told<RememberData>} told */
export default function ({ parentElement, data }) {
  const { name, value } = data;
  // Streamlit mounts in a shadow root, or in the page itself
  const root = /** @type {Node} */ (parentElement);
  const container = root instanceof ShadowRoot ? root.host.closest("[data-testid=stElementContainer]") : null;
  if (container instanceof HTMLElement) container.style.setProperty("display", "none"); // nothing to see, no gap either
  const kept = value ? `${name}=${encodeURIComponent(value)}; max-age=${YEAR}` : `${name}=; max-age=0`;
  document.cookie = `${kept}; path=/; SameSite=Strict`;
}
