// Says that the server is gone, in our words, and draws the page anew when it is back. Streamlit's own dialog on a lost connection tells how
// a script is started and takes the keys from the labeler: it is closed, which Streamlit takes for "do not show it again until connected".
// Streamlit goes on trying by itself, every four seconds at most; its state stands on the app's element.

import { element } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";

/** @import { Told } from "../shared/mount.js" */
/** @import { ConnectionData } from "../shared/types.js" */

const LOST = ["PINGING_SERVER", "CONNECTING", "DISCONNECTED_FOREVER"];
const DIALOG_TITLE = "Connection error";
const PATIENCE = 400; // ms: a connection that is back at once is nobody's business

class Connection {
  constructor() {
    this.disposed = false;
    this.isLost = false;
    /** @type {ConnectionData} */
    this.data = { title: "", text: "" };
    this.again = () => {};
    /** @type {number | undefined} */
    this.soon = undefined;
    this.banner = element("div", { class: "alcore-gone", role: "alert", hidden: true });
    document.body.append(this.banner);
    this.style = element("style", { text: STYLE });
    document.head.append(this.style);
    this.watcher = new MutationObserver(() => this.look());
    this.watcher.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-test-connection-state"] });
    this.look();
  }

  /** @param {Told<ConnectionData>} told */
  update({ data, setTriggerValue }) {
    this.data = data;
    this.again = () => setTriggerValue("again", true);
  }

  dispose() {
    this.disposed = true;
    clearTimeout(this.soon);
    this.watcher.disconnect();
    this.banner.remove();
    this.style.remove();
  }

  look() {
    this.closeDialog();
    const state = document.querySelector("[data-testid=stApp]")?.getAttribute("data-test-connection-state") ?? "";
    if (LOST.includes(state)) {
      this.isLost = true;
      this.soon ??= setTimeout(() => this.say(), PATIENCE);
      return;
    }
    clearTimeout(this.soon);
    this.soon = undefined;
    if (!this.isLost || state !== "CONNECTED") return;
    this.isLost = false;
    this.banner.hidden = true;
    this.back();
  }

  /** However soon: the server that answers may be a new one, which knows nothing of this page yet; and where accounts are asked for, what was
   * closed because an account ended or has another role is open again at once, for a stranger on the way to a provider or for the new role. */
  async back() {
    if (!(await this.isOver())) this.again();
  }

  async say() {
    if ((await this.isOver()) || this.soon === undefined) return; // or back meanwhile
    const { title, text } = this.data;
    const words = text.split("`").map((part, i) => (i % 2 ? element("code", { text: part }) : part));
    this.banner.replaceChildren(element("b", { text: title }), element("span", {}, ...words));
    this.banner.hidden = false;
  }

  /** Whether the server does not know us any more; the page then goes to what it says of it: a form to sign in with. */
  async isOver() {
    const over = await isSignedOut();
    if (over) location.reload();
    return over;
  }

  closeDialog() {
    for (const dialog of document.querySelectorAll("[data-testid=stDialog]")) {
      const heading = dialog.querySelector("h1, h2, [slot=title]") ?? dialog;
      const close = dialog.querySelector("button[aria-label=Close]");
      if (heading.textContent.startsWith(DIALOG_TITLE) && close instanceof HTMLElement) close.click();
    }
  }
}

/** Whether the server is there and does not know us any more: an account or its sessions ended. The page asked for is nobody's on the way. */
async function isSignedOut() {
  try {
    return (await fetch("./password")).status === 401;
  } catch {
    return false; // it does not answer at all
  }
}

const STYLE = `
.alcore-gone { position: fixed; z-index: 1000000; left: 50%; top: 12px; transform: translateX(-50%); width: max-content; max-width: min(640px, calc(100vw - 32px));
  box-sizing: border-box; display: grid; gap: 2px; padding: 12px 18px; border-radius: 8px; background: #1b2330; color: #fff; font: 400 14px/1.5 "Source Sans", sans-serif;
  border: 1px solid #4a5568; box-shadow: 0 6px 24px rgb(0 0 0 / 28%); }
.alcore-gone[hidden] { display: none; }
.alcore-gone b { font-weight: 600; }
.alcore-gone code { font-size: 13px; padding: 1px 5px; border-radius: 4px; background: #33415c; color: #fff; }`;

export default mounted(Connection);
