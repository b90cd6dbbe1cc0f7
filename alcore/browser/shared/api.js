// Authorised HTTP, and the one place where an address becomes a URL.

/** A request that failed; `status` is 0 when no answer came, `told` says that the server answers and says why not now. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {number} [status]
   * @param {boolean} [told]
   */
  constructor(message, status = 0, told = false) {
    super(message);
    this.status = status;
    this.told = told;
  }
}

/**
 * What went wrong, of whatever was thrown.
 * @param {unknown} error
 */
export function problemOf(error) {
  if (error instanceof ApiError) return error;
  return new ApiError(error instanceof Error ? error.message : String(error));
}

/**
 * The same in a sentence for people, without its full stop: a browser has but its own words for an answer that never came.
 * @param {unknown} error
 */
export function wordsOf(error) {
  const { status, message } = problemOf(error);
  return status === 0 && error instanceof ApiError ? "the server does not answer" : message;
}

/**
 * Where the app is mounted, as the browser sees it: "" or "/alcore". A proxy may serve it below a path that the server does not know, so it is
 * read off an address that was loaded from there; the pages stand beside one another, one step below it.
 */
function mountedAt() {
  const bases = [...document.styleSheets].map(({ href }) => /^(.*)\/static\/css\//.exec(href || "")?.[1]);
  const base = bases.find((found) => found !== undefined);
  return new URL(base === undefined ? "." : `${base}/`, document.baseURI).pathname.replace(/\/$/, "");
}

/** @typedef {(url: string, init: RequestInit) => Promise<Response>} Carry takes a request to who answers it, as fetch does */

/** The HTTP API of one mount. */
export class Api {
  constructor() {
    this.token = "";
    this.base = ""; // where the app is mounted
    this.root = "";
    /** @type {Carry} */
    this.carry = (url, init) => fetch(url, init);
  }

  /**
   * Says where the API is, below the address the app is mounted at, and who asks.
   * @param {string} path
   * @param {string} token
   * @param {Carry} [carry] of a mount whose page cannot reach the API itself: requests go this way, and addresses begin with `path`
   */
  connect(path, token, carry) {
    this.base = carry ? "" : mountedAt();
    this.root = this.base + path;
    this.token = token;
    if (carry) this.carry = carry;
  }

  /**
   * The URL of an address that the library gave (it names the API's default place, which a proxy may have moved), or of the parts of one.
   * @param {string | (string | number)[]} place
   * @param {Record<string, string | number | null | undefined>} [query] what is null or undefined is left out
   */
  url(place, query = {}) {
    const path = typeof place === "string" ? place.replace(/^\/api\/v1/, "") : place.map((part) => `/${encodeURIComponent(part)}`).join("");
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== null && value !== undefined) asked.set(name, String(value));
    return `${this.root}${path}${asked.size ? `${path.includes("?") ? "&" : "?"}${asked}` : ""}`;
  }

  /**
   * The URL of a page of the app, for a project.
   * @param {string} name
   * @param {string} project
   */
  page(name, project) {
    return `${this.base}/${name}?${new URLSearchParams({ project })}`;
  }

  /**
   * @param {string} url of `url`
   * @param {RequestInit} [init]
   * @param {number} [patience] in ms: after that the answer is not waited for any more
   */
  async request(url, init = {}, patience = 15000) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), patience);
    let answer;
    try {
      const headers = { Authorization: `Bearer ${this.token}`, ...init.headers };
      answer = await this.carry(url, { ...init, headers, signal: stop.signal });
      if (answer.ok) return { answer, body: await answer.arrayBuffer() };
    } catch (error) {
      throw new ApiError(String(error));
    } finally {
      clearTimeout(timer);
    }
    const { error = `the server answered ${answer.status}` } = await answer.json().catch(() => ({}));
    throw new ApiError(error.replace(/\.$/, ""), answer.status, answer.headers.has("retry-after"));
  }

  /**
   * The JSON at a URL; who asks says of which shape it is (types.js).
   * @param {string} url
   * @param {RequestInit} [init]
   * @returns {Promise<any>} any: what crosses a boundary gets its type where it is received
   */
  async json(url, init) {
    const { answer, body } = await this.request(url, init);
    // An address Streamlit does not know answers 200 with its index page.
    if (!(answer.headers.get("content-type") || "").includes("json")) throw new ApiError("the server gave no JSON");
    return JSON.parse(new TextDecoder().decode(body));
  }

  /**
   * @param {string} url
   * @param {unknown} value
   * @param {RequestInit} [extra]
   */
  post(url, value, extra = {}) {
    return this.json(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value), ...extra });
  }
}
