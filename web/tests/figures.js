// @ts-check
/**
 * The figures and pictures of docs/playground.md, of the page that is in dist/:
 *
 *     make test-web && node web/tests/figures.js docs
 *
 * Seconds are those of the clock, and of the processor where other programs share it.
 */

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DIST, drawn, host, launch } from "./browser.js";

const COUNT = 20; // sprites that are timed
const ASKED = "#category:hero&kind:knight&colour:red&s=2.5&seed=1";
const WALKS = "#category:side_facing&kind:knight&facing:left&s=2.5&seed=1";

/** Seconds of the processor that this browser has used, by Linux' own count. */
function processor() {
  let ticks = 0;
  for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${id}/cmdline`, "utf8");
      if (!command.includes("chrom") || !command.includes("--type=renderer")) continue;
      const [user, system] = readFileSync(`/proc/${id}/stat`, "utf8").split(") ")[1].split(" ").slice(11, 13);
      ticks += Number(user) + Number(system);
    } catch {
      // it has ended meanwhile
    }
  }
  return ticks / 100;
}

/** In the browser: make a network ready, and a function that draws guided sprites. @param {any} asked */
async function ready({ network, url }) {
  const { Client } = await import(`${url}src/model/client.js`);
  const about = await (await fetch(`${url}model.json`)).json();
  const client = new Client(about, () => {});
  const context = new Float32Array(Object.values(about.vocabulary).flat().length);
  context[0] = 1;
  const items = (/** @type {number} */ n) =>
    Array.from({ length: n }, (_, index) => ({ context, scale: 2, seed: 1, index }));
  const draw = (/** @type {number} */ n) => client.draw("timed", { network, items: items(n) }, {});
  await draw(1);
  Object.assign(globalThis, { draw });
}

/** In the browser: a function that has a sprite walk, made ready. @param {any} asked */
async function readyToWalk({ url }) {
  const { Client } = await import(`${url}src/model/client.js`);
  const about = await (await fetch(`${url}model.json`)).json();
  const client = new Client(about, () => {});
  const places = Object.entries(about.vocabulary).flatMap(([facet, values]) => values.map(() => facet));
  const context = new Float32Array(places.length);
  context[about.vocabulary.category.indexOf(about.walks.moving[0])] = 1;
  /** @type {Uint8ClampedArray[]} */
  let frames = [];
  const onSprites = (/** @type {number} */ _, /** @type {Uint8ClampedArray[]} */ sprites) => (frames = sprites);
  const draw = (/** @type {any} */ more) => {
    const item = { context, scale: 2, seed: 1, index: 0, frames: about.walks.cycle, ...more };
    return client.draw("timed", { network: "walks", items: [item] }, { onSprites });
  };
  await draw({});
  Object.assign(globalThis, { walk: () => draw({ base: frames[0] }) });
}

/** @param {string} name @param {() => Promise<unknown>} act */
async function told(name, act) {
  const [clock, used] = [performance.now(), processor()];
  const found = await act();
  const seconds = typeof found === "number" ? found / 1000 : (performance.now() - clock) / 1000;
  console.log(`| ${name} | ${seconds.toFixed(2)} | ${(processor() - used).toFixed(2)} |`);
}

const [browser, server] = [await launch(), await host()];
const context = await browser.newContext({ viewport: { width: 1280, height: 1000 }, serviceWorkers: "block" });
const page = await context.newPage();
/** @type {Set<string>} */
const loaded = new Set();
page.on(
  "response",
  (response) => response.url().startsWith(server.url) && loaded.add(response.url().slice(server.url.length)),
);
context.on("request", (request) => loaded.add(request.url().slice(server.url.length)));

console.log("| what | seconds | of the processor |\n|---|---|---|");
await told("from opening the page to the first grid", async () => {
  await page.goto(server.url);
  await drawn(page);
});
const [model, gallery, grid] = await page.evaluate(() =>
  ["loaded student.onnx", "gallery", "grid"].map((name) => performance.getEntriesByName(name)[0].startTime / 1000),
);
console.log(`| from the model being there to the first 8 sprites | ${(gallery - model).toFixed(2)} | |`);
console.log(`| from the model being there to the first grid, 20 sprites more | ${(grid - model).toFixed(2)} | |`);
const names = [...new Set([...loaded].map((name) => name || "index.html"))].filter(
  (name) => !/^(data|blob):/.test(name),
);
for (const network of ["student", "teacher"]) {
  await page.evaluate(ready, { network, url: server.url });
  const draw = (/** @type {number} */ count) => /** @type {any} */ (globalThis).draw(count);
  await told(`${COUNT} guided sprites by the ${network}`, () => page.evaluate(draw, COUNT));
}
await page.evaluate(readyToWalk, { url: server.url });
await told("a sprite begins to walk", () => page.evaluate(() => /** @type {any} */ (globalThis).walk()));

let [bytes, compressed] = [0, 0];
for (const name of names.filter((name) => name !== "teacher.onnx")) {
  const data = readFileSync(join(DIST, name));
  bytes += data.length;
  compressed += gzipSync(data, { level: 9 }).length;
}
console.log(
  `\nfirst load: ${(bytes / 1e6).toFixed(1)} MB in ${names.length} files, ` +
    `${(compressed / 1e6).toFixed(1)} MB compressed by gzip`,
);

const out = process.argv[2];
if (out) {
  await pictures(out);
}
await browser.close();
server.close();

/** @param {string} folder */
async function pictures(folder) {
  /**
   * @param {string} name
   * @param {import("playwright-core").BrowserContextOptions} options
   * @param {string} [part]
   * @param {string} [asked]
   */
  const shot = async (name, options, part, asked = ASKED) => {
    const window = await browser.newContext({ serviceWorkers: "block", ...options });
    const view = await window.newPage();
    await view.goto(server.url + asked);
    await drawn(view);
    if (asked === WALKS) {
      await view.locator("#walk button").click();
      await view.getByText("Walk otherwise").waitFor({ timeout: 120_000 });
    }
    if (part) {
      await view.locator(part).scrollIntoViewIfNeeded();
      await view.waitForFunction(() => !document.querySelector(".steps .empty"), null, { timeout: 120_000 });
    }
    await view.evaluate(() => document.querySelector("#status")?.replaceChildren());
    const path = join(folder, name);
    await (part ? view.locator(part).screenshot({ path }) : view.screenshot({ path }));
    await window.close();
  };
  await shot("playground.png", { viewport: { width: 1280, height: 1140 } });
  await shot("playground-lesson.png", { viewport: { width: 1280, height: 1000 } }, "#lesson");
  await shot(
    "playground-walk.png",
    { viewport: { width: 1280, height: 1000 }, reducedMotion: "reduce" },
    "#place",
    WALKS,
  );
  await shot("playground-phone.png", { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
}
