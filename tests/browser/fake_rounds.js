// What has to hold while newer rounds come: random keys, newer rounds and troubles of the server, against a model that is told the same. What
// is on the screen is compared at each change of it. `play` runs in a window with the labeler; the strip is wide enough for the whole queue, beyond the window: drawing it takes time.

const CLASSES = ["T-shirt", "trousers", "pullover"];
const NEXT = 5; // places after one on the stage that stay

/** @param {number} seed */
function randomOf(seed) {
  let state = seed * 2654435761 + 1;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  const shuffled = (all) => all.map((one) => [next(), one]).sort((a, b) => a[0] - b[0]).map(([, one]) => one);
  return { next, below, shuffled, pick: (all) => all[below(all.length)] };
}

const post = async (path, body) => (await fetch(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } })).json();

/** Waits for a condition; `now` may be asked as often as one likes. */
async function until(now, what) {
  for (let tries = 0; !(await now()); tries++) {
    if (tries > 20_000) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

class Game {
  constructor(seed, items) {
    this.seed = seed;
    this.random = randomOf(seed);
    this.project = `c3-n${items}-rules-${seed}`;
    this.all = Array.from({ length: items }, (_, i) => i + 1);
    this.said = new Map(this.all.map((id) => [id, []])); // id -> [kind, value] that stand, oldest first
    this.history = []; // ids, in the order they were answered
    this.log = []; // what the server has to have in the end
    this.rounds = []; // [number, ids] that were made
    this.applied = 1;
    this.reach = new Set(); // ids that stood on the stage or right after one that did
    this.reorders = 0;
    this.troubles = {};
  }

  /** A label or a skip takes the place of the one before; a flag stands beside it. */
  state(id) {
    const said = this.said.get(id).map(([kind]) => kind);
    return said.findLast((kind) => kind !== "flag") ?? said.at(-1) ?? "open";
  }

  get root() {
    return document.querySelector(".labeler");
  }

  get working() {
    return this.root.dataset.view === "work";
  }

  fail(words) {
    throw new Error(`seed ${this.seed}, after ${JSON.stringify(this.done)}: ${words}`);
  }

  // ---- what is on the screen

  look() {
    const tiles = [...document.querySelectorAll(".strip .tile")];
    return { ids: tiles.map((tile) => Number(tile.id.slice(5))), states: tiles.map((tile) => tile.dataset.state), at: this.working ? tiles.findIndex((tile) => tile.hasAttribute("data-current")) : -1 };
  }

  /** Compares what is on the screen with what was there: nobody pressed a key in between, or `moved`. */
  check(moved) {
    const now = this.look();
    const { ids } = now;
    if (!ids.length) return;
    if (new Set(ids).size !== ids.length) this.fail(`twice in the queue: ${ids}`);
    ids.forEach((id, i) => now.states[i] !== this.state(id) && this.fail(`item ${id} is shown as ${now.states[i]}, and is ${this.state(id)}`));
    const before = this.seen;
    if (before && String(before.ids) !== String(ids)) this.ordered(before, now);
    if (before && !moved && before.at >= 0 && ids[now.at] !== before.ids[before.at]) this.fail(`item ${before.ids[before.at]} left the stage for ${ids[now.at]} by itself`);
    if (before && !moved && before.at >= 0) {
      const next = (all, at) => String(all.slice(at, at + NEXT + 1));
      const old = next(before.ids, before.at);
      if (!next(ids, now.at).startsWith(old)) this.fail(`${old} came next, and now ${next(ids, now.at)}`);
    }
    if (now.at >= 0) for (const id of ids.slice(now.at, now.at + NEXT + 1)) this.reach.add(id);
    const labels = this.all.filter((id) => this.state(id) === "label").length;
    const count = document.querySelector(".count").textContent;
    if (count !== `${labels} label${labels === 1 ? "" : "s"}`) this.fail(`${labels} labels are told as ${count}`);
    this.seen = now;
  }

  /** The queue is another: what was shown or answered stays, then comes a newer round's order, then the tests that it leaves out. */
  ordered(before, { ids }) {
    const last = before.at < 0 ? before.ids.length : before.ids.findLastIndex((id) => this.reach.has(id));
    const kept = before.ids.filter((id, place) => place <= last || this.state(id) !== "open");
    const left = before.ids.filter((id) => !kept.includes(id));
    const fits = this.rounds.filter(([number]) => number > this.applied).find(([, order]) => {
      const next = order.filter((id) => !kept.includes(id));
      const tests = left.filter((id) => this.tests.includes(id) && !next.includes(id));
      const may = [...kept, ...next.filter((id) => this.state(id) === "open"), ...tests];
      return String(may) === String(ids);
    });
    if (!fits) this.fail(`${before.ids} at ${before.at} became ${ids}; newer rounds: ${JSON.stringify(this.rounds.filter(([number]) => number > this.applied))}`);
    this.applied = fits[0];
    this.reorders += 1;
  }

  // ---- what is done

  async told(body) {
    this.held = await post(`/rounds/${this.project}`, body);
  }

  key(key) {
    window.dispatchEvent(new KeyboardEvent("keydown", { key, code: key.length === 1 && key >= "0" && key <= "9" ? `Digit${key}` : "", bubbles: true, cancelable: true }));
  }

  async answer(key) {
    if (!this.working) return;
    await until(() => this.root.dataset.live === "1" || !this.working, "a picture that counts as seen");
    if (!this.working) return;
    const id = Number(this.root.dataset.item);
    const [kind, value] = key === "s" ? ["skip", null] : key === "f" ? ["flag", null] : ["label", CLASSES[Number(key) - 1]];
    this.act(key, () => {
      this.said.get(id).push([kind, value]);
      this.history.push(id);
      this.log.push([id, kind, value]);
    });
  }

  undo() {
    const id = this.history.pop();
    this.act("z", () => {
      if (id === undefined) return;
      this.said.get(id).pop();
      this.log.push([id, "undo", null]);
    });
    if (id !== undefined && Number(this.root.dataset.item) !== id) this.fail(`${id} was taken back, and ${this.root.dataset.item} is on the stage`);
  }

  move(key) {
    this.act(key);
  }

  /**
   * @param {string} key
   * @param {() => void} [change] of the model
   */
  act(key, change) {
    this.check(false);
    change?.();
    this.key(key);
    this.check(true);
  }

  /** A newer round: an order of some of what is open, some of what was answered, and nothing of the rest. */
  async newer() {
    const { random, all } = this;
    const number = this.rounds.at(-1)[0] + 1;
    const share = random.pick([0.2, 0.6, 1]);
    const order = random.shuffled(all).filter(() => random.next() < share);
    this.rounds.push([number, order]);
    await this.told({ round: number, items: order });
    if (random.next() < 0.8) this.hear();
  }

  hear() {
    document.dispatchEvent(new Event("visibilitychange"));
  }

  async trouble() {
    const { random } = this;
    this.troubles = { ...this.troubles, [random.pick(["queue", "queue", "annotations", "changes"])]: random.pick(["hold", "fail"]) };
    await this.told({ troubles: this.troubles });
    this.hear();
  }

  async well() {
    this.troubles = {};
    await this.told({ troubles: {} });
    window.dispatchEvent(new Event("online")); // what waits is sent at once
    this.hear();
  }

  async play(steps) {
    const { random, all, project } = this;
    this.tests = random.shuffled(all).slice(0, 6);
    const order = random.shuffled(all).slice(0, 20);
    this.rounds.push([1, order]);
    await this.told({ round: 1, items: order, tests: this.tests, live: {}, troubles: {} });
    const close = window.show({ project });
    await until(() => this.root?.dataset.loading === "0" && document.querySelectorAll(".strip .tile").length === 20, "the first queue");
    this.done = [];
    this.check(true);
    let broken = null;
    const watching = new MutationObserver(() => {
      try {
        this.check(false);
      } catch (error) {
        broken ??= error;
      }
    });
    watching.observe(document.querySelector(".strip"), { childList: true, attributes: true, subtree: true });
    const does = {
      answer: () => this.answer(random.pick("123123123sf")),
      undo: () => this.undo(),
      move: () => this.move(random.pick(["ArrowLeft", "ArrowRight"])),
      back: () => this.repeat("ArrowLeft", 2 + random.below(8)),
      on: () => this.repeat("ArrowRight", 2 + random.below(4)),
      newer: () => this.newer(),
      trouble: () => this.trouble(),
      well: () => this.well(),
    };
    const often = ["answer", "answer", "answer", "answer", "answer", "answer", "undo", "move", "back", "on", "newer", "newer", "trouble", "well", "well"];
    for (let step = 0; step < steps; step++) {
      const name = random.pick(often);
      this.done.push(name);
      await does[name]();
      if (broken) throw broken;
    }
    await this.finish();
    watching.disconnect();
    if (broken) throw broken;
    close();
    return { reorders: this.reorders, answers: this.log.length };
  }

  repeat(key, times) {
    for (let i = 0; i < times; i++) this.move(key);
  }

  /** A last order of all that is open: all of it is here, and the server has all that was said, once. A few games are played to the end. */
  async finish() {
    const { all, random, project } = this;
    await this.well();
    await until(() => document.querySelector(".save").textContent === "all saved", "all saved");
    const number = this.rounds.at(-1)[0] + 1;
    this.rounds.push([number, random.shuffled(all)]);
    await this.told({ round: number, items: this.rounds.at(-1)[1] });
    const asked = () => all.every((id) => this.state(id) !== "open" || this.look().ids.includes(id));
    await until(() => this.hear() ?? asked(), "all that is open");
    if (this.seed % 4 === 0) {
      while (this.working) await this.answer(random.pick("123"));
      const open = all.filter((id) => this.state(id) === "open");
      if (open.length) this.fail(`nobody was asked for ${open}`);
    }
    await until(() => document.querySelector(".save").textContent === "all saved", "all saved");
    const rows = (await (await fetch(`/rows/${project}`)).json()).map(([id, kind, value]) => [id, kind, value]);
    if (JSON.stringify(rows) !== JSON.stringify(this.log)) this.fail(`the server has ${JSON.stringify(rows)}, and ${JSON.stringify(this.log)} was given`);
  }
}

/** Each seed in turn; how often the queue was ordered anew, and how many answers were given. */
window.play = async (seeds, steps, items = 30) => {
  const told = [];
  for (const seed of seeds) {
    document.getElementById("place").replaceWith(Object.assign(document.createElement("div"), { id: "place" })); // a labeler stays with its place
    told.push(await new Game(seed, items).play(steps));
  }
  return told;
};

/** The same in windows beside one another: the time until a picture counts as seen passes in all of them. */
window.playBeside = async (seeds, steps, windows) => {
  const frames = Array.from({ length: windows }, () => Object.assign(document.createElement("iframe"), { src: "/bare?strip=2000", width: 420, height: 260 }));
  const loaded = frames.map((frame) => new Promise((resolve) => (frame.onload = resolve)));
  document.body.append(...frames);
  await Promise.all(loaded);
  const told = await Promise.all(frames.map((frame, i) => frame.contentWindow.play(seeds.filter((_, at) => at % windows === i), steps)));
  for (const frame of frames) frame.remove();
  return told.flat();
};
