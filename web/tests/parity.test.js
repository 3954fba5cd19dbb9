// @ts-check
/** The page draws the sprites that PyTorch draws of the same seed (tests/parity.py). */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { host, launch } from "./browser.js";

const MOST = 0.001; // share of pixels where rounding decides

test("of the same seed the page's sprites are Python's", { timeout: 300_000 }, async (t) => {
  const expected = JSON.parse(readFileSync(new URL("parity.json", import.meta.url), "utf8"));
  const [browser, { url, close }] = [await launch(), await host()];
  try {
    const page = await browser.newPage();
    await page.goto(`${url}model.json`);
    for (const [network, recorded] of Object.entries(expected)) {
      const sprites = await page.evaluate(drawn, { network, recorded, url });
      const pixels = Buffer.from(recorded.sprites, "base64");
      let differ = 0;
      for (let i = 0; i < pixels.length; i += 4)
        differ += Number(pixels.compare(Uint8Array.from(sprites.slice(i, i + 4)), 0, 4, i, i + 4) !== 0);
      t.diagnostic(`${network}: ${differ} of ${pixels.length / 4} pixels differ`);
      assert.equal(sprites.length, pixels.length);
      assert.ok(differ <= MOST * (pixels.length / 4), `${network}: ${differ} pixels differ`);
    }
  } finally {
    await browser.close();
    close();
  }
});

/** In the browser: sprites of what was recorded. @param {any} asked @returns {Promise<number[]>} */
async function drawn({ network, recorded, url }) {
  const { Client } = await import(`${url}src/model/client.js`);
  const { Studio } = await import(`${url}src/page/studio.js`);
  const about = await (await fetch(`${url}model.json`)).json();
  const client = new Client(about, () => {});
  const studio = new Studio(about, client);
  const items = recorded.wants.map((/** @type {any} */ want) =>
    studio.item(network === "walks" ? { ...want, base: new Uint8ClampedArray() } : want),
  );
  /** @type {Uint8ClampedArray[]} */
  const out = [];
  const onSprites = (/** @type {number} */ _, /** @type {Uint8ClampedArray[]} */ sprites) => out.push(...sprites);
  if (network === "walks") {
    for (const [i, place] of recorded.places.entries()) {
      // The first from noise alone, others from its first frame.
      const walk = { ...items[i], frames: about.walks.cycle, place, base: i ? out[0] : undefined };
      await client.draw("parity", { network, items: [walk] }, { onSprites });
    }
  } else await client.draw("parity", { network, items }, { onSprites });
  return out.flatMap((pixels) => [...pixels]);
}
