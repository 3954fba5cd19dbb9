// @ts-check
/** Runs the networks, off the thread of the page. What it is told and says is in client.js. */

// @ts-ignore: it lies beside the page once that is built
import * as ort from "../../runtime/ort.wasm.min.mjs";
import { sample } from "./sampling.js";
import { walk } from "./walking.js";

const BATCH = 8; // sprites drawn together

// Of the time to the first sprites, on one core, optimising the graph took a third; without, each later one takes a
// twentieth longer.
const HOW = { executionProviders: ["wasm"], graphOptimizationLevel: "disabled" };

/** @type {import("./sampling.js").About} */
let about;
/** @type {Map<string, Promise<any>>} */
const sessions = new Map();
/** @type {Set<number>} */
const cancelled = new Set();
const base = new URL("../../", import.meta.url);

ort.env.wasm.wasmPaths = new URL("runtime/", base).href;
ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
// It has no other way to be loaded before there is a network: that of nothing is refused once the runtime is there.
const runtime = ort.InferenceSession.create(new Uint8Array(0), HOW).catch(() => null);

class Cancelled extends Error {}
class Broken extends Error {} // the runtime cannot be loaded a second time

/** Lets messages in: a network that runs holds the thread. */
function breathe() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
}

/**
 * The bytes of a file, told of as they come.
 * @param {string} file
 * @param {number} total
 */
async function fetched(file, total) {
  const response = await fetch(new URL(file, base));
  if (!response.ok || !response.body) throw new Error(`${file}: the server answered ${response.status}`);
  const parts = [];
  let bytes = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    bytes += part.value.length;
    postMessage({ type: "progress", file, bytes, total });
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** @param {string} name of a network, or "walks" */
function session(name) {
  let found = sessions.get(name);
  if (!found) {
    const { file, bytes } = name === "walks" && about.walks ? about.walks : about.networks[name];
    found = fetched(file, bytes).then(async (data) => {
      await runtime;
      return ort.InferenceSession.create(data, HOW).catch((/** @type {unknown} */ error) => {
        throw new Broken(String(error));
      });
    });
    sessions.set(name, found);
    found.catch(() => sessions.delete(name)); // so that it can be tried again
  }
  return found;
}

/** Rows of numbers as a tensor. @param {Float32Array[]} rows */
function table(rows) {
  const out = new Float32Array(rows.length * rows[0].length);
  rows.forEach((row, i) => out.set(row, i * row.length));
  return new ort.Tensor("float32", out, [rows.length, rows[0].length]);
}

/** @param {number[]} values */
function whole(values) {
  return new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [values.length]);
}

/**
 * What every network takes.
 * @param {Float32Array} x
 * @param {number[]} t
 * @param {Float32Array[]} contexts
 * @returns {Record<string, any>}
 */
function feeds(x, t, contexts) {
  const { size, channels } = about;
  const shape = [t.length, channels, size, size];
  return { x: new ort.Tensor("float32", x, shape), t: whole(t), context: table(contexts) };
}

/**
 * A network as a function of rows.
 * @param {any} network
 * @returns {import("./sampling.js").Run}
 */
function runner(network) {
  return async (x, t, contexts, scales) => {
    const told = feeds(x, new Array(contexts.length).fill(t), contexts);
    if (network.inputNames.includes("scale"))
      told.scale = new ort.Tensor("float32", Float32Array.from(scales), [scales.length]);
    return (await network.run(told)).x0.data;
  };
}

/**
 * A network of walks as a function of rows (ddpm/runs/onnx_frames.py).
 * @param {any} network
 * @param {number} cycle
 * @returns {import("./walking.js").RunFrame}
 */
function frameRunner(network, cycle) {
  return async (x, rows) => {
    const [t, contexts] = [rows.map((row) => row.t), rows.map((row) => row.context)];
    const sees = rows.flatMap(({ count }) => Array.from({ length: cycle }, (_, i) => Number(i >= cycle - 1 - count)));
    const { x0, remembered } = await network.run({
      ...feeds(x, t, contexts),
      position: whole(rows.map((row) => row.position)),
      sees: new ort.Tensor("bool", Uint8Array.from(sees), [rows.length, cycle]),
      memory: table(rows.map((row) => row.memory)),
    });
    return { x0: x0.data, remembered: remembered.data };
  };
}

/** @param {any} request */
async function animate({ id, items }) {
  const { walks } = about;
  if (!walks) throw new Error("this page has no network of walks");
  const run = frameRunner(await session("walks"), walks.cycle);
  const started = performance.now();
  for (const item of items) {
    const sprites = await walk(run, { ...about, walks }, item, () => checked(id));
    postMessage({ type: "sprites", id, first: 0, sprites });
  }
  postMessage({ type: "done", id, ms: performance.now() - started });
}

/** Throws where what was asked for was given up. @param {number} id */
async function checked(id) {
  await breathe();
  if (cancelled.has(id)) throw new Cancelled();
}

/** @param {any} request */
async function draw({ id, network, items, watch, eta }) {
  const how = about.networks[network];
  const way = eta === undefined ? how.way : { ...how.way, eta };
  const run = runner(await session(network));
  const started = performance.now();
  const check = () => checked(id);
  const onStep = watch && ((/** @type {any} */ step) => postMessage({ type: "step", id, step }));
  for (let first = 0; first < items.length; first += BATCH) {
    const part = items.slice(first, first + BATCH);
    const sprites = await sample(run, about, { ...how, way }, part, { check, onStep });
    postMessage({ type: "sprites", id, first, sprites });
  }
  postMessage({ type: "done", id, ms: performance.now() - started });
}

/** @type {Promise<void>} */
let queue = Promise.resolve();

addEventListener("message", ({ data }) => {
  if (data.type === "about") about = data.about;
  else if (data.type === "cancel") cancelled.add(data.id);
  else {
    const answer = async () => {
      try {
        if (data.type === "load")
          await session(data.network).then(() => postMessage({ type: "done", id: data.id, ms: 0 }));
        else await (data.network === "walks" ? animate(data) : draw(data));
      } catch (error) {
        const [gone, broken] = [error instanceof Cancelled, error instanceof Broken];
        const message = gone ? "" : String(error).replace(/^(Error: )+/, "");
        postMessage({ type: gone ? "cancelled" : broken ? "broken" : "failed", id: data.id, message });
      }
      cancelled.delete(data.id);
    };
    if (data.type === "load")
      answer(); // a file that comes slowly holds nothing else up
    else queue = queue.then(answer);
  }
});
