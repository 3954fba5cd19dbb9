// @ts-check
/** The page draws the sprites that PyTorch draws from the same noise (tests/parity.py). */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { host, launch } from "./browser.js";

const MOST = 0.001; // share of pixels where rounding decides

test("for given noise the page's sprites are Python's", { timeout: 300_000 }, async (t) => {
  const expected = JSON.parse(readFileSync(new URL("parity.json", import.meta.url), "utf8"));
  const [browser, { url, close }] = [await launch(), await host()];
  try {
    const page = await browser.newPage();
    await page.goto(`${url}model.json`);
    for (const [network, recorded] of Object.entries(expected)) {
      const sprites = await page.evaluate(drawn, { network, recorded, url });
      const pixels = Buffer.from(recorded.sprites, "base64");
      let differ = 0;
      for (let i = 0; i < pixels.length; i += 4) differ += Number(pixels.compare(Uint8Array.from(sprites.slice(i, i + 4)), 0, 4, i, i + 4) !== 0);
      t.diagnostic(`${network}: ${differ} of ${pixels.length / 4} pixels differ`);
      assert.equal(sprites.length, pixels.length);
      assert.ok(differ <= MOST * (pixels.length / 4), `${network}: ${differ} pixels differ`);
    }
  } finally {
    await browser.close();
    close();
  }
});

/** In the browser: sprites of recorded noise. @param {any} asked @returns {Promise<number[]>} */
async function drawn({ network, recorded, url }) {
  const { Client } = await import(`${url}src/model/client.js`);
  const about = await (await fetch(`${url}model.json`)).json();
  const client = new Client(about, () => {});
  const floats = (/** @type {string} */ text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const noise = recorded.noise.map(floats);
  const each = about.channels * about.size ** 2;
  /** @type {number[]} */
  const out = [];
  for (let i = 0; i < recorded.scales.length; i++) {
    const items = [{ context: Float32Array.from(recorded.contexts[i]), scale: recorded.scales[i], seed: 0, index: 0 }];
    const mine = noise.map((/** @type {Float32Array} */ draw) => draw.slice(i * each, (i + 1) * each));
    await client.draw("parity", { network, items, noise: mine }, { onSprites: (/** @type {any} */ _, /** @type {any} */ [pixels]) => out.push(...pixels) });
  }
  return out;
}
