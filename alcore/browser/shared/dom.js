// What both components use: small DOM and number helpers, authorised HTTP, pictures as object URLs.
// The .py beside each component puts this file in front of its own (inline modules cannot import one another).

class ApiError extends Error {
  // told: the server answers and says why not now
  constructor(message, status = 0, told = false) {
    super(message);
    Object.assign(this, { status, told });
  }
}

// Where the app is mounted, as the browser sees it: "" or "/alcore". A proxy may serve it below a path that the server does not know, so it is
// read off an address that was loaded from there; the pages stand beside one another, one step below it.
function mountedAt() {
  const sheets = [...document.styleSheets].map(({ href }) => href || "");
  const [, base] = sheets.map((href) => /^(.*)\/static\/css\//.exec(href)).find(Boolean) || [];
  return new URL(base === undefined ? "." : `${base}/`, document.baseURI).pathname.replace(/\/$/, "");
}

class Api {
  constructor() {
    this.base = "";
    this.token = "";
  }

  // An address below the one the app is mounted at.
  set base(path) {
    this.root = mountedAt() + path;
  }

  async request(path, init = {}) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 15000);
    let answer;
    try {
      const headers = { Authorization: `Bearer ${this.token}`, ...init.headers };
      answer = await fetch(this.root + path, { ...init, headers, signal: stop.signal });
      if (answer.ok) return { answer, body: await answer.arrayBuffer() };
    } catch (error) {
      throw new ApiError(String(error));
    } finally {
      clearTimeout(timer);
    }
    const { error = `the server answered ${answer.status}` } = await answer.json().catch(() => ({}));
    throw new ApiError(error.replace(/\.$/, ""), answer.status, answer.headers.has("retry-after"));
  }

  async json(path, init) {
    const { answer, body } = await this.request(path, init);
    // An address Streamlit does not know answers 200 with its index page.
    if (!(answer.headers.get("content-type") || "").includes("json")) throw new ApiError("the server gave no JSON");
    return JSON.parse(new TextDecoder().decode(body));
  }

  post(path, value, extra = {}) {
    return this.json(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value), ...extra });
  }
}

// Pictures by address. Four at a time, so that of the browser's six connections one is always free for labels.
class Pictures {
  constructor(api, keep = 600) {
    this.api = api;
    this.keep = keep;
    this.urls = new Map(); // path -> object URL, least recently used first
    this.waiting = new Map(); // path -> {promise, start}
    this.line = [];
    this.active = 0;
  }

  ready(path) {
    const url = this.urls.get(path);
    if (url) {
      this.urls.delete(path);
      this.urls.set(path, url);
    }
    return url;
  }

  load(path, urgent = false) {
    const url = this.ready(path);
    if (url) return Promise.resolve(url);
    const known = this.waiting.get(path);
    if (known) {
      const place = urgent ? this.line.indexOf(known) : -1;
      if (place > 0) this.line.unshift(...this.line.splice(place, 1));
      return known.promise;
    }
    const job = { path };
    job.promise = new Promise((resolve, reject) => Object.assign(job, { resolve, reject }));
    this.waiting.set(path, job);
    if (urgent) this.line.unshift(job);
    else this.line.push(job);
    this.next();
    return job.promise;
  }

  next() {
    while (this.active < 4 && this.line.length) this.fetch(this.line.shift());
  }

  async fetch(job) {
    this.active += 1;
    try {
      const { answer, body } = await this.retrying(job.path);
      const url = URL.createObjectURL(new Blob([body], { type: answer.headers.get("content-type") || "" }));
      this.urls.set(job.path, url);
      if (this.urls.size > this.keep) {
        const [oldest, stale] = this.urls.entries().next().value;
        this.urls.delete(oldest);
        URL.revokeObjectURL(stale);
      }
      job.resolve(url);
    } catch (error) {
      job.reject(error);
    } finally {
      this.waiting.delete(job.path);
      this.active -= 1;
      this.next();
    }
  }

  async retrying(path) {
    for (let wait = 400; ; wait = Math.min(wait * 2, 5000)) {
      try {
        return await this.api.request(path);
      } catch (error) {
        if (error.status >= 400 && error.status < 500 && error.status !== 401) throw error;
        if (this.closed) throw error;
        await sleep(wait);
      }
    }
  }

  // Forget everything; requests that are out finish unseen.
  close() {
    this.closed = true;
    this.line = [];
    for (const url of this.urls.values()) URL.revokeObjectURL(url);
    this.urls.clear();
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// element("button", {class: "key", text: "A", onclick: f}, child, …); attributes by name, `text` as textContent.
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter(Boolean));
  return node;
}

// A button that leaves the keyboard focus where it was when clicked with the pointer, so that keys go on labeling.
function button(attributes, ...children) {
  return element("button", { type: "button", onpointerdown: (event) => event.preventDefault(), onmousedown: (event) => event.preventDefault(), ...attributes }, ...children);
}

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 }); // made once: toLocaleString makes one a call
const whole = (n) => grouped.format(Math.round(n));

// Three significant digits, thousands grouped, no exponent where a person would not write one.
function short(n) {
  if (n === null || n === undefined || !Number.isFinite(n)) return "–";
  const size = Math.abs(n);
  if (size >= 1000) return whole(n);
  if (size !== 0 && size < 0.001) return n.toExponential(1);
  return String(Number(n.toPrecision(3)));
}

// Path of a picture as the api knows it: item.image names the api's default place, which a proxy may have moved.
function picturePath(image, size) {
  const path = image.replace(/^\/api\/v1/, "");
  return `${path}${path.includes("?") ? "&" : "?"}size=${size}`;
}

// True when keys belong to something else on the page: a field, an open menu or dialog, a table that is edited.
const TAKES_TEXT = "input, textarea, select, [contenteditable=''], [contenteditable=true], [role=textbox], [role=combobox], [role=listbox], [role=menu], [role=spinbutton], [data-testid=stDataFrame]";
function keysBelongElsewhere(event, own) {
  for (const node of event.composedPath()) {
    if (!(node instanceof Element) || own.contains(node)) continue;
    if (node.matches("input[type=checkbox], input[type=radio], input[type=button]")) continue;
    if (node.matches(TAKES_TEXT)) return true;
  }
  const dialog = document.querySelector("[role=dialog][aria-modal=true], [data-testid=stDialog]");
  return Boolean(dialog) && !dialog.contains(own.getRootNode().host || own);
}
// Also true for what the focused thing needs of its own: Enter and space on buttons and links, arrows on tabs, sliders and radios.
const TAKES_ARROWS = "[role=tab], [role=slider], [role=radio], [role=switch], input";
function keyDrivesControl(event, own) {
  const isArrow = /^Arrow(Left|Right|Up|Down)$/.test(event.key);
  if (!isArrow && !["Enter", " "].includes(event.key)) return false;
  const target = event.composedPath()[0];
  if (!(target instanceof Element) || (isArrow && own.contains(target))) return false;
  return Boolean(target.closest(isArrow ? TAKES_ARROWS : `${TAKES_ARROWS}, button, a[href], summary, [role=button]`));
}

// What a rank means, 1 being asked for first. Rounded down near 100 %: only the first is more wanted than all others.
function wantedness(rank, of) {
  if (of === 1) return "the only one";
  if (rank === 1) return "the most wanted of the pool";
  if (rank === of) return "the least wanted of the pool";
  const share = (100 * (of - rank)) / of;
  if (share < 0.1) return "more wanted than hardly any other";
  const text = share > 99 ? (Math.floor(10 * share) / 10).toFixed(1) : share.toFixed(share < 0.95 ? 1 : 0);
  return `more wanted than ${text} % of the pool`;
}

// Timings for benchmarks, read with performance.getEntriesByName; never more than a few thousand are kept.
function measure(name, start, end = performance.now()) {
  if (performance.getEntriesByName(name).length > 2000) performance.clearMeasures(name);
  performance.measure(name, { start, end });
}

// The function Streamlit calls at every rerun, on the same element while the component stays mounted: made once a `Part`, then updated.
function mounted(Part) {
  const parts = new WeakMap();
  return (component) => {
    const parent = component.parentElement;
    let part = parts.get(parent);
    if (!part || part.disposed) parts.set(parent, (part = new Part(parent)));
    const call = (part.calls = (part.calls || 0) + 1);
    part.update(component);
    // Streamlit also runs the cleanup of a call that a newer one overtook; only the newest may take things down.
    return () => part.calls === call && part.dispose();
  };
}
