// @ts-check
/** The page's side of worker.js: ask for sprites, and be told of them as they are drawn. */

/**
 * @typedef {object} Request
 * @property {string} network of `networks`; or "walks", and sprites are the frames of a walk
 * @property {(import("./sampling.js").Item | import("./walking.js").Walk)[]} items
 * @property {boolean} [watch] tell of the steps of the first sprite
 * @property {number} [eta] in place of that of the network's way
 *
 * @typedef {object} Listener
 * @property {(first: number, sprites: Uint8ClampedArray[]) => void} [onSprites]
 * @property {(step: import("./sampling.js").Step) => void} [onStep]
 */

/** A worker that loads the runtime at once. */
export function started() {
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
}

export class Client {
  /**
   * @param {import("./sampling.js").About} about
   * @param {(file: string, share: number) => void} onProgress of files that are loaded
   * @param {Worker} [worker] one that was started before
   */
  constructor(about, onProgress, worker = started()) {
    this.about = about;
    /** @type {Map<number, {resolve: (ms: number | null) => void, reject: (e: Error) => void, listener: Listener}>} */
    this.waiting = new Map();
    /** @type {Map<string, number>} */
    this.current = new Map();
    this.count = 0;
    this.onProgress = onProgress;
    /** @type {Worker | null} */
    this.worker = this.listening(worker);
  }

  /** @param {Worker} worker */
  listening(worker) {
    worker.addEventListener("message", ({ data }) => this.told(data));
    worker.addEventListener("error", (event) => this.broken(event.message || "the worker did not start"));
    worker.postMessage({ type: "about", about: this.about });
    return worker;
  }

  /** @param {any} data */
  told(data) {
    if (data.type === "progress") return this.onProgress(data.file, Math.min(1, data.bytes / data.total));
    if (data.type === "broken") return this.broken(data.message);
    const found = this.waiting.get(data.id);
    if (!found) return;
    if (data.type === "sprites") return found.listener.onSprites?.(data.first, data.sprites);
    if (data.type === "step") return found.listener.onStep?.(data.step);
    this.waiting.delete(data.id);
    if (data.type === "failed") found.reject(new Error(data.message));
    else found.resolve(data.type === "cancelled" ? null : data.ms);
  }

  /** The worker ended: another takes its place when something is asked for again. @param {string} message */
  broken(message) {
    this.worker?.terminate();
    this.worker = null;
    for (const { reject } of this.waiting.values()) reject(new Error(message));
    this.waiting.clear();
  }

  /** @param {object} message @param {Listener} listener @returns {Promise<number | null>} */
  ask(message, listener) {
    const id = ++this.count;
    const worker = (this.worker ??= this.listening(started()));
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, listener });
      worker.postMessage({ ...message, id });
    });
  }

  /** Load a network before it is needed. @param {string} network */
  load(network) {
    return this.ask({ type: "load", network }, {});
  }

  /**
   * Draw sprites. What was asked for on the same channel before, and is not done, is given up.
   * @param {string} channel
   * @param {Request} request
   * @param {Listener} listener
   * @returns {Promise<number | null>} milliseconds that it took; null if it was given up
   */
  draw(channel, request, listener) {
    this.cancel(channel);
    const asked = this.ask({ type: "draw", ...request }, listener);
    this.current.set(channel, this.count);
    return asked;
  }

  /** Give up what was asked for on a channel. @param {string} channel */
  cancel(channel) {
    const id = this.current.get(channel);
    if (id !== undefined && this.waiting.has(id)) this.worker?.postMessage({ type: "cancel", id });
  }
}
