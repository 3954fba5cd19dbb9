// @ts-check
/** The page as people use it, in a browser: what they see, click, paint, save and share. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { DIST, drawn, host, launch } from "./browser.js";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const LIMIT = { timeout: 240_000 };

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof host>>} */
let server;

before(async () => {
  browser = await launch();
  server = await host();
});
after(async () => {
  await browser?.close();
  server?.close();
});

/**
 * The page in a window of its own; what goes wrong in it, and whom it asks for anything, is kept.
 * @param {string} [hash]
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
async function opened(hash = "", options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 1000 },
    acceptDownloads: true,
    ...options,
  });
  const page = await context.newPage();
  /** @type {{errors: string[], requests: string[]}} */
  const told = { errors: [], requests: [] };
  page.on("pageerror", (error) => told.errors.push(error.message));
  context.on("request", (request) => told.requests.push(request.url()));
  await page.goto(server.url + hash);
  return { page, context, told };
}

/** The pixels of a canvas. @param {import("playwright-core").Locator} canvas @returns {Promise<number[]>} */
function pixels(canvas) {
  return canvas.evaluate((element) => {
    const { width, height } = /** @type {HTMLCanvasElement} */ (element);
    const ink = /** @type {any} */ (element).getContext("2d");
    return [...ink.getImageData(0, 0, width, height).data];
  });
}

/** @param {import("playwright-core").Page} page */
const gallery = (page) =>
  Promise.all(Array.from({ length: 8 }, (_, i) => pixels(page.locator("#sprites canvas").nth(i))));

/** Wait until the gallery has been drawn anew after an action. */
async function redrawn(/** @type {import("playwright-core").Page} */ page, /** @type {() => Promise<unknown>} */ act) {
  const before = JSON.stringify(await gallery(page));
  await act();
  await page.waitForFunction(() => !document.querySelector("#status")?.textContent?.includes("…"), null, {
    timeout: 60_000,
  });
  for (let i = 0; i < 200 && JSON.stringify(await gallery(page)) === before; i++) await page.waitForTimeout(50);
  await page.waitForFunction(() => !document.querySelector("#status")?.textContent?.includes("…"), null, {
    timeout: 60_000,
  });
  return gallery(page);
}

const distinct = (/** @type {unknown[]} */ list) => new Set(list.map((one) => JSON.stringify(one))).size;

test(
  "the first grid draws itself: nothing asked is the same in all rows, and the page asks nobody else",
  LIMIT,
  async () => {
    const { page, context, told } = await opened();
    await drawn(page);
    const rows = await page.locator("#grid tbody tr").count();
    assert.equal(await page.locator("#grid .tile:not(.empty)").count(), 4 * rows);
    assert.equal(await page.locator("#sprites .tile:not(.empty)").count(), 8);
    assert.equal(distinct(await gallery(page)), 8);
    const column = (/** @type {number} */ s) =>
      Promise.all(Array.from({ length: rows }, (_, row) => pixels(page.locator("#grid canvas").nth(4 * row + s))));
    assert.equal(distinct(await column(0)), 1);
    assert.equal(distinct(await column(3)), rows);
    await page.waitForFunction(() => document.documentElement.dataset.kept !== undefined, null, { timeout: 60_000 });
    assert.deepEqual(told.errors, []);
    assert.deepEqual(
      told.requests.filter((url) => !url.startsWith(server.url) && !/^(data|blob):/.test(url)),
      [],
    );
    assert.deepEqual(await context.cookies(), []);
    await context.close();
  },
);

test("the slider changes the same sprites, and back again; new noise makes others", LIMIT, async () => {
  const { page, context } = await opened("#s=2&seed=1&category:hero");
  await drawn(page);
  const first = await gallery(page);
  const slider = page.locator("#scale");
  const moved = await redrawn(page, () => slider.fill("0.5"));
  assert.equal(await page.locator("#scale-value").textContent(), "0.5");
  assert.notDeepEqual(moved, first);
  assert.deepEqual(await redrawn(page, () => slider.fill("2")), first);
  const others = await redrawn(page, () => page.click("#new-noise"));
  assert.equal(distinct([...first, ...others]), 16);
  await context.close();
});

test("tags change what is drawn, only known ones are offered, and a link shows the same sprites", LIMIT, async () => {
  const { page, context } = await opened();
  await drawn(page);
  await page.getByRole("searchbox", { name: "Find kind" }).fill("knig");
  const shown = await page.locator("#facets details:nth-child(2) .chip:visible").allTextContents();
  assert.deepEqual(shown, ["knight"]);
  const knights = await redrawn(page, () => page.keyboard.press("Enter"));
  const red = await redrawn(page, () => page.getByRole("button", { name: "red", exact: true }).click());
  assert.notDeepEqual(knights, red);
  assert.match((await page.textContent("#gallery-title")) ?? "", /^Sprites: knight, red$/);
  assert.equal(await page.locator("#grid tbody tr").count(), 2);
  const link = new URL(page.url()).hash;
  assert.match(link, /kind:knight/);
  const other = await opened(link);
  await drawn(other.page);
  assert.deepEqual(await gallery(other.page), red);
  const chosen = other.page.getByRole("button", { name: "knight", exact: true });
  assert.ok(
    await chosen.evaluate((chip) => {
      const [inner, outer] = [chip, /** @type {Element} */ (chip.parentElement)].map((one) =>
        one.getBoundingClientRect(),
      );
      return inner.top >= outer.top && inner.bottom <= outer.bottom;
    }),
  );
  await other.context.close();
  const unknown = await opened("#category:hero&kind:unicorn&s=2");
  await drawn(unknown.page);
  assert.match((await unknown.page.textContent("#notice")) ?? "", /does not know unicorn/);
  await unknown.context.close();
  await context.close();
});

test("each facet has its own scale, and each of a mixture its weight; a link holds them", LIMIT, async () => {
  const { page, context } = await opened("#kind:knight&colour:red&s=2&seed=1");
  await drawn(page);
  const plain = await gallery(page);
  const each = page.getByRole("button", { name: "A scale for each" });
  await each.press("Enter");
  assert.equal(await page.locator("#scale").isVisible(), false);
  assert.deepEqual(await gallery(page), plain); // equal scales are plain guidance
  const slider = page.getByRole("slider", { name: "colour" });
  await redrawn(page, () => slider.fill("0"));
  await slider.press("ArrowRight");
  assert.equal(await slider.getAttribute("aria-valuetext"), "0.25");
  const apart = await redrawn(page, () => slider.fill("4"));
  assert.notDeepEqual(apart, plain);
  assert.match((await page.textContent("#status")) ?? "", /by the teacher/);
  const link = new URL(page.url()).hash;
  assert.match(link, /s\.kind=2&s\.colour=4/);
  const other = await opened(link);
  await drawn(other.page);
  assert.deepEqual(await gallery(other.page), apart);
  await other.context.close();
  assert.deepEqual(await redrawn(page, () => page.getByRole("button", { name: "One scale for all" }).click()), plain);

  await page.getByRole("radio", { name: "Mix" }).check();
  await page.getByRole("searchbox", { name: "Find kind" }).fill("slime");
  const both = await redrawn(page, () => page.keyboard.press("Enter"));
  const weight = page.getByRole("slider", { name: "slime" });
  const little = await redrawn(page, () => weight.fill("0.2"));
  assert.equal(distinct([plain, both, little]), 3);
  assert.equal(await page.textContent("#gallery-title"), "Sprites: knight, 0.2 slime, red");
  assert.match(page.url(), /kind:slime=0\.2/);
  assert.deepEqual(await redrawn(page, () => weight.fill("0")), plain);
  await context.close();
});

test("what is not wanted is gone away from, by the teacher", LIMIT, async () => {
  const { page, context } = await opened("#category:hero&s=3&seed=1&draw=fine");
  await drawn(page);
  const before = await gallery(page);
  await page.getByRole("radio", { name: "Without" }).check();
  const after = await redrawn(page, () => page.getByRole("button", { name: "blue", exact: true }).click());
  assert.notDeepEqual(after, before);
  assert.equal(await page.textContent("#gallery-title"), "Sprites: hero, not blue");
  assert.match((await page.textContent("#status")) ?? "", /by the teacher/);
  assert.match(page.url(), /!colour:blue/);
  await context.close();
});

test("paint, undo and redo; what is saved is what is seen", LIMIT, async () => {
  const { page, context } = await opened();
  await drawn(page);
  const canvas = page.locator(".canvas .below");
  const before = await pixels(canvas);
  const colour = page.locator("#swatches .swatches:last-child .swatch").nth(8);
  const name = (await colour.getAttribute("data-colour")) ?? "";
  await colour.click();
  const box = await page.locator(".canvas .above").boundingBox();
  assert.ok(box);
  const cell = box.width / 16;
  await page.mouse.move(box.x + cell / 2, box.y + cell / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + 3.5 * cell, box.y + cell / 2);
  await page.mouse.up();
  const painted = await pixels(canvas);
  const rgba = [1, 3, 5].map((i) => parseInt(name.slice(i, i + 2), 16)).concat(255);
  for (let x = 0; x < 4; x++) assert.deepEqual(painted.slice(4 * x, 4 * x + 4), rgba);
  assert.deepEqual(painted.slice(16), before.slice(16));
  await page.keyboard.press("z");
  assert.deepEqual(await pixels(canvas), before);
  await page.getByRole("button", { name: "Redo" }).click();
  assert.deepEqual(await pixels(canvas), painted);

  const saved = await download(page, () => page.getByRole("button", { name: "Save PNG" }).click());
  assert.deepEqual(await opaque(page, saved.bytes), { width: 16, height: 16, data: painted });
  assert.equal(saved.name, "hero.png");
  await page.getByRole("radio", { name: "8×" }).check();
  const large = await opaque(
    page,
    (await download(page, () => page.getByRole("button", { name: "Save PNG" }).click())).bytes,
  );
  assert.equal(large.width, 128);
  assert.deepEqual(large.data.slice(4 * 31, 4 * 32), painted.slice(12, 16));
  const colours = await download(page, () => page.getByRole("button", { name: "Save colours" }).click());
  assert.match(colours.bytes.toString(), /^GIMP Palette/);
  await context.close();
});

/** @param {import("playwright-core").Page} page @param {() => Promise<void>} act */
async function download(page, act) {
  const [found] = await Promise.all([page.waitForEvent("download"), act()]);
  return { name: found.suggestedFilename(), bytes: readFileSync(await found.path()) };
}

/** A PNG as the browser reads it. @param {import("playwright-core").Page} page @param {Buffer} bytes */
function opaque(page, bytes) {
  return page.evaluate(
    async (/** @type {number[]} */ data) => {
      const image = await createImageBitmap(new Blob([new Uint8Array(data)]));
      const ink = /** @type {any} */ (new OffscreenCanvas(image.width, image.height).getContext("2d"));
      ink.drawImage(image, 0, 0);
      return {
        width: image.width,
        height: image.height,
        data: /** @type {number[]} */ ([...ink.getImageData(0, 0, image.width, image.height).data]),
      };
    },
    [...bytes],
  );
}

test("a GIF has every pixel of its frames, and what is transparent stays so", LIMIT, async () => {
  const { page, context } = await opened("#category:hero&kind:knight&s=2&seed=1");
  await drawn(page);
  const finished = await pixels(page.locator(".canvas .below"));
  await page.getByRole("radio", { name: "4×" }).check();
  const save = (/** @type {string} */ name) => download(page, () => page.getByRole("button", { name }).click());
  const steps = await save("GIF from noise");
  assert.equal(steps.name, "hero-knight-steps.gif");
  const frames = await animation(page, steps.bytes);
  assert.equal(frames.length, 5); // the student's four, and what comes out
  assert.equal(distinct(frames), 5);
  assert.deepEqual(frames.map(({ data }) => small(data)).at(-1), finished);
  const scales = await animation(page, (await save("GIF of guidance")).bytes);
  const about = JSON.parse(readFileSync(`${DIST}model.json`, "utf8"));
  const [low, high] = about.networks.student.scales;
  assert.equal(scales.length, 2 * (high - low) + 1);
  assert.deepEqual(small(scales[2 * (2 - low)].data), finished);
  assert.deepEqual(
    scales.map(({ delay }) => delay),
    scales.map((_, i) => (i + 1 < scales.length ? 250 : 1500)),
  );
  await context.close();
});

/** Frames of a GIF as the browser reads them. @param {import("playwright-core").Page} page @param {Buffer} bytes */
function animation(page, bytes) {
  return page.evaluate(
    async (/** @type {number[]} */ data) => {
      const decoder = new /** @type {any} */ (globalThis).ImageDecoder({
        data: new Uint8Array(data),
        type: "image/gif",
      });
      await decoder.tracks.ready;
      const frames = [];
      for (let frameIndex = 0; frameIndex < decoder.tracks.selectedTrack.frameCount; frameIndex++) {
        const { image } = await decoder.decode({ frameIndex });
        const { displayWidth: width, displayHeight: height, duration } = image;
        const ink = /** @type {any} */ (new OffscreenCanvas(width, height).getContext("2d"));
        ink.drawImage(image, 0, 0);
        frames.push({
          delay: duration / 1000,
          data: /** @type {number[]} */ ([...ink.getImageData(0, 0, width, height).data]),
        });
      }
      return frames;
    },
    [...bytes],
  );
}

/** One pixel of each 4x4 of a picture of 64x64, all of which are the same. @param {number[]} data */
function small(data) {
  const out = [];
  for (let i = 0; i < 64 * 64; i++) {
    const [x, y] = [i % 64, Math.floor(i / 64)];
    const first = 4 * (64 * (y - (y % 4)) + x - (x % 4));
    assert.deepEqual(data.slice(4 * i, 4 * i + 4), data.slice(first, first + 4));
    if (x % 4 === 0 && y % 4 === 0) out.push(...data.slice(4 * i, 4 * i + 4));
  }
  return out;
}

test("what was painted is lost neither by the slider nor by another choice", LIMIT, async () => {
  const { page, context } = await opened();
  await drawn(page);
  const canvas = page.locator(".canvas .below");
  await page.keyboard.press("e");
  await page.locator(".canvas .above").click();
  const painted = await pixels(canvas);
  await redrawn(page, () => page.locator("#scale").fill("0.5"));
  assert.deepEqual(await pixels(canvas), painted);
  await page.locator("#sprites .tile").nth(5).click();
  assert.deepEqual(await pixels(canvas), (await gallery(page))[5]);
  await redrawn(page, () => page.locator("#scale").fill("3")); // nobody painted on this one: it follows
  assert.deepEqual(await pixels(canvas), (await gallery(page))[5]);
  await page.getByRole("button", { name: "Undo" }).click();
  assert.deepEqual(await pixels(canvas), painted);
  await context.close();
});

test("what is marked is drawn anew, and nothing else", LIMIT, async () => {
  const { page, context } = await opened();
  await drawn(page);
  const canvas = page.locator(".canvas .below");
  const before = await pixels(canvas);
  await page.keyboard.press("m");
  const box = await page.locator(".canvas .above").boundingBox();
  assert.ok(box);
  for (let row = 0; row < 8; row++) {
    await page.mouse.move(box.x + 2, box.y + ((row + 0.5) * box.height) / 16);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 2, box.y + ((row + 0.5) * box.height) / 16);
    await page.mouse.up();
  }
  await page.getByRole("button", { name: "Draw marked anew" }).click();
  await page.waitForFunction(() => !(/** @type {any} */ (document.querySelector("#tools button")).disabled), null, {
    timeout: 60_000,
  });
  const after = await pixels(canvas);
  assert.deepEqual(after.slice(512), before.slice(512));
  assert.notDeepEqual(after.slice(0, 512), before.slice(0, 512));
  await page.getByRole("button", { name: "Vary" }).click();
  await page.waitForFunction(() => /sprites in/.test(document.querySelector("#status")?.textContent ?? ""), null, {
    timeout: 60_000,
  });
  assert.equal(await page.textContent("#gallery-title"), "Variations of the chosen sprite");
  assert.equal(distinct(await gallery(page)), 8);
  await page.getByRole("button", { name: "Back to new sprites" }).click();
  await context.close();
});

test("a dropped palette changes all sprites at once; one that cannot be read is told", LIMIT, async () => {
  const { page, context } = await opened();
  await drawn(page);
  const drop = (/** @type {string} */ name, /** @type {string} */ text) =>
    page.evaluate(
      ([file, content]) => {
        const data = new DataTransfer();
        data.items.add(new File([content], file));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
      },
      [name, text],
    );
  await drop("two.hex", "102030\nf0e0d0\n");
  await page.waitForFunction(() => location.hash.includes("palette="));
  const allowed = new Set(["16,32,48,255", "240,224,208,255", "0,0,0,0"]);
  for (const sprite of [
    ...(await gallery(page)),
    await pixels(page.locator(".canvas .below")),
    await pixels(page.locator("#grid canvas").last()),
  ]) {
    for (let i = 0; i < sprite.length; i += 4)
      assert.ok(allowed.has(sprite.slice(i, i + 4).join()), sprite.slice(i, i + 4).join());
  }
  await drop("broken.gpl", "no palette");
  await page.waitForFunction(() => !(/** @type {HTMLElement} */ (document.querySelector("#notice")).hidden));
  assert.match((await page.textContent("#notice")) ?? "", /broken.gpl/);
  await context.close();
});

test("pins stay after a reload, and are saved as a sheet with its places", LIMIT, async () => {
  const { page, context } = await opened();
  await drawn(page);
  const sprites = [];
  for (const i of [0, 3]) {
    await page.locator("#sprites .tile").nth(i).click();
    sprites.push(await pixels(page.locator(".canvas .below")));
    await page.click("#pin");
  }
  await page.reload();
  await drawn(page);
  assert.equal(await page.locator(".pin").count(), 2);
  const mixed = await redrawn(page, () => page.getByRole("button", { name: "Mix the last two" }).click());
  assert.deepEqual(mixed[0], sprites[0]);
  assert.deepEqual(mixed[7], sprites[1]);
  assert.ok(distinct(mixed) > 4);
  /** @type {Record<string, Buffer>} */
  const saved = {};
  page.on("download", async (found) => (saved[found.suggestedFilename()] = readFileSync(await found.path())));
  await page.getByRole("button", { name: "Save sheet and JSON" }).click();
  for (let i = 0; i < 100 && Object.keys(saved).length < 2; i++) await page.waitForTimeout(50);
  const { frames, meta } = JSON.parse(saved["sprites.json"].toString());
  const sheet = await opaque(page, saved["sprites.png"]);
  assert.deepEqual([sheet.width, sheet.height], [meta.size.w, meta.size.h]);
  const { frame } = frames["hero-2"];
  for (let y = 0; y < 16; y++) {
    const start = 4 * ((frame.y + y) * sheet.width + frame.x);
    assert.deepEqual(sheet.data.slice(start, start + 64), sprites[1].slice(64 * y, 64 * y + 64));
  }
  await context.close();
});

test("the lesson shows every step, and its last is the finished sprite", LIMIT, async () => {
  const { page, context } = await opened();
  await drawn(page);
  await page.locator("#lesson").scrollIntoViewIfNeeded();
  await page.waitForFunction(() => !document.querySelector(".steps .empty"), null, { timeout: 120_000 });
  const steps = page.locator(".steps button");
  await steps.first().click();
  assert.match((await page.locator(".detail h3").first().textContent()) ?? "", /Step 1 of/);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  assert.match((await page.locator(".detail h3").first().textContent()) ?? "", /Step 2 of/);
  const pictures = () => Promise.all([0, 1, 2, 3, 4].map((i) => pixels(page.locator(".detail canvas").nth(i))));
  const hint = page.locator(".detail .hint").last();
  assert.match((await hint.textContent()) ?? "", /so much noise s is at most 1, and it goes exactly to cond/);
  assert.equal(distinct(await pictures()), 4);
  await steps.nth(6).click();
  assert.match((await hint.textContent()) ?? "", /it goes beyond cond/);
  assert.equal(distinct(await pictures()), 5);
  await context.close();
});

test("frames play one after the other, and stand side by side where motion is not wanted", LIMIT, async () => {
  for (const reducedMotion of /** @type {("reduce" | "no-preference")[]} */ (["no-preference", "reduce"])) {
    const page = await browser.newPage({ reducedMotion });
    await page.goto(`${server.url}model.json`); // a page without the model, which would hold it up
    await page.evaluate(async (url) => {
      const { scene } = await import(`${url}src/page/scene.js`);
      const shown = scene(16);
      document.body.replaceChildren(shown.canvas);
      const frames = [0, 1, 2].map((c) => Uint8ClampedArray.from({ length: 1024 }, (_, i) => (i % 4 === c ? 255 : 0)));
      frames.forEach((pixels) => pixels.forEach((_, i) => i % 4 === 3 && (pixels[i] = 255)));
      shown.set({ frames, tiled: true });
    }, server.url);
    /** @type {Set<string>} */
    const seen = new Set();
    for (let i = 0; i < 20 && seen.size < 3; i++) {
      const data = await pixels(page.locator(".scene"));
      const places = Array.from({ length: data.length / 4 }, (_, i) => data.slice(4 * i, 4 * i + 3).join());
      const frames = ["255,0,0", "0,255,0", "0,0,255"].filter((colour) => places.includes(colour));
      seen.add(frames.join(" "));
      await page.waitForTimeout(100);
    }
    const expected = ["255,0,0", "0,255,0", "0,0,255"];
    assert.deepEqual([...seen].sort(), reducedMotion === "reduce" ? [expected.join(" ")] : [...expected].sort());
    await page.close();
  }
});

test("all of it by keys alone", LIMIT, async () => {
  const { page, context } = await opened();
  await drawn(page);
  const until = async (/** @type {string} */ selector) => {
    for (let i = 0; i < 400; i++) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
    }
    assert.fail(`Tab never comes to ${selector}`);
  };
  await until("#facets .chip:nth-child(3)");
  await redrawn(page, () => page.keyboard.press("Enter"));
  await until("#scale");
  await redrawn(page, () => page.keyboard.press("ArrowRight"));
  assert.equal(await page.locator("#scale-value").textContent(), "2.25");
  await until("#sprites .tile");
  for (const key of ["ArrowRight", "ArrowDown", "Enter"]) await page.keyboard.press(key);
  assert.equal(await page.locator("#sprites .tile").nth(5).getAttribute("aria-pressed"), "true");
  await until("#pin");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator(".pin").count(), 1);
  await until(".above");
  const before = await pixels(page.locator(".canvas .below"));
  await page.keyboard.press("e");
  for (const key of ["ArrowLeft", " "]) await page.keyboard.press(key);
  assert.notDeepEqual(await pixels(page.locator(".canvas .below")), before);
  await page.keyboard.press("z");
  assert.deepEqual(await pixels(page.locator(".canvas .below")), before);
  await context.close();
});

test("it works offline once loaded, and with more threads", LIMIT, async () => {
  const { page, context } = await opened();
  await drawn(page);
  const first = await gallery(page);
  await page.waitForFunction(() => document.documentElement.dataset.kept !== undefined, null, { timeout: 60_000 });
  await context.setOffline(true);
  await page.reload();
  await drawn(page);
  assert.deepEqual(await gallery(page), first);
  assert.equal(await page.evaluate(() => crossOriginIsolated), true);
  await context.close();
});

test("another build is shown at once, only what changed is loaded, and it works offline", LIMIT, async () => {
  const { page, context } = await opened();
  await drawn(page);
  const kept = () =>
    page.waitForFunction(() => document.documentElement.dataset.kept !== undefined, null, { timeout: 60_000 });
  await kept();
  server.told.other = build("Another");
  server.told.bytes = 0;
  await page.reload();
  await page.waitForFunction(() => document.title === "Another", null, { timeout: 60_000 });
  assert.ok(server.told.bytes < 100_000, String(server.told.bytes));
  await kept();
  await context.setOffline(true);
  await page.reload();
  await drawn(page);
  assert.equal(await page.title(), "Another");
  await context.setOffline(false);

  // It does not take away what somebody is doing.
  await kept();
  await page.locator(".canvas .above").click();
  server.told.other = build("A third");
  const look = () => page.evaluate(async () => void (await (await navigator.serviceWorker.ready).update()));
  await look();
  await page.getByRole("button", { name: "Show it" }).click();
  await page.waitForFunction(() => document.title === "A third", null, { timeout: 60_000 });

  // Half of a build is never kept.
  await kept();
  server.told.other = { ...build("A fourth"), "index.html": build("A fifth")["index.html"] };
  await look().catch(() => null);
  await page.waitForTimeout(1000);
  await page.reload();
  await drawn(page);
  assert.equal(await page.title(), "A third");
  server.told.other = {};
  await context.close();
});

/** The files of another build that differ from those in dist/. @param {string} title */
function build(title) {
  const [page, worker] = ["index.html", "sw.js"].map((name) => readFileSync(DIST + name, "utf8"));
  const other = page.replace(/<title>.*<\/title>/, `<title>${title}</title>`);
  const hash = (/** @type {string} */ text) => createHash("sha256").update(text).digest("hex");
  assert.ok(worker.includes(hash(page)));
  return { "index.html": other, "sw.js": worker.replace(hash(page), hash(other)) };
}

test("what goes wrong is told, and can be tried again", LIMIT, async () => {
  server.told.fail = ["student.onnx"];
  const { page, context } = await opened();
  await page.waitForFunction(() => !(/** @type {HTMLElement} */ (document.querySelector("#notice")).hidden), null, {
    timeout: 60_000,
  });
  assert.match((await page.textContent("#notice")) ?? "", /student\.onnx.*503/);
  server.told.fail = [];
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForFunction(() => !document.querySelector("#sprites .empty"), null, { timeout: 60_000 });
  await context.close();

  server.told.fail = [".wasm"];
  const without = await opened();
  await without.page.waitForFunction(() => !(/** @type {any} */ (document.querySelector("#notice")).hidden), null, {
    timeout: 60_000,
  });
  server.told.fail = [];
  await without.page.getByRole("button", { name: "Try again" }).click();
  await without.page.waitForFunction(() => !document.querySelector("#sprites .empty"), null, { timeout: 60_000 });
  await without.context.close();

  server.told.fail = ["model.json"];
  const other = await opened();
  await other.page.waitForFunction(() => !(/** @type {HTMLElement} */ (document.querySelector("#notice")).hidden));
  assert.match((await other.page.textContent("#notice")) ?? "", /model\.json/);
  server.told.fail = [];
  await other.context.close();

  const context2 = await browser.newContext();
  await context2.addInitScript("delete globalThis.WebAssembly");
  const bare = await context2.newPage();
  await bare.goto(server.url);
  await bare.waitForFunction(() => /WebAssembly/.test(document.querySelector("#notice")?.textContent ?? ""));
  await bare.goto(pathToFileURL(`${DIST}index.html`).href);
  assert.match((await bare.textContent("#notice:not([hidden])")) ?? "", /web server/);
  await context2.close();
});

for (const [name, options] of /** @type {[string, import("playwright-core").BrowserContextOptions][]} */ ([
  ["a wide window, light", { colorScheme: "light" }],
  ["a wide window, dark", { colorScheme: "dark" }],
  ["a phone", { viewport: { width: 390, height: 844 }, hasTouch: true, reducedMotion: "reduce" }],
])) {
  test(`nothing is cut off and nobody is shut out: ${name}`, LIMIT, async () => {
    const { page, context, told } = await opened("", options);
    await drawn(page);
    await page.click("#pin");
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
    const width = page.viewportSize()?.width ?? 0;
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width);
    await page.addScriptTag({ path: AXE });
    const { violations } = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run());
    const serious = violations.filter((/** @type {any} */ v) => ["serious", "critical"].includes(v.impact));
    assert.deepEqual(
      serious.map((/** @type {any} */ v) => [v.id, v.nodes[0].html, v.nodes[0].failureSummary]),
      [],
    );
    assert.deepEqual(told.errors, []);
    await context.close();
  });
}

test("the chosen sprite walks: its first frame stays, and a GIF and a sheet hold its frames", LIMIT, async () => {
  const { page, told, context } = await opened("#category:side_facing&kind:wolf&facing:left&seed=3", {
    serviceWorkers: "block",
  });
  await drawn(page);
  const { size, walks } = await page.evaluate(async () => (await fetch("model.json")).json());
  const begin = page.locator("#walk button");
  const says = (/** @type {string} */ words) =>
    page.waitForFunction((text) => document.querySelector("#walk button")?.textContent === text, words);
  const take = page.getByRole("button", { name: "Sheet of the walk" });
  assert.ok(!told.requests.some((url) => url.endsWith(walks.file)), "it is loaded by those who want walks");
  assert.ok(await take.isHidden());
  await begin.click();
  await says("Walk otherwise");
  const canvas = page.locator(".canvas .below");
  const chosen = await pixels(canvas);

  /** @type {import("playwright-core").Download[]} */
  const files = [];
  page.on("download", (file) => files.push(file));
  await take.click();
  for (let i = 0; i < 100 && files.length < 2; i++) await page.waitForTimeout(50);
  assert.deepEqual(
    files.map((file) => file.suggestedFilename()),
    ["side-facing-wolf-left-walk.png", "side-facing-wolf-left-walk.json"],
  );
  const [sheet, json] = await Promise.all(files.map(async (file) => readFileSync(await file.path())));
  const { frames, meta } = JSON.parse(json.toString());
  assert.deepEqual(meta.frameTags, [{ name: "walk", from: 0, to: walks.cycle - 1, direction: "forward" }]);
  const { width, height, data } = await opaque(page, sheet);
  assert.deepEqual([width, height], [walks.cycle * size, size]);
  const shown = Object.values(frames).map(({ frame, duration }) => {
    assert.ok(duration > 0 && frame.w === size && frame.h === size);
    const rows = Array.from({ length: size }, (_, y) => 4 * (y * width + frame.x));
    return rows.flatMap((first) => data.slice(first, first + 4 * size));
  });
  assert.equal(distinct(shown), walks.cycle);
  assert.deepEqual(shown[0], chosen);
  const changed = shown.map((frame) => frame.filter((value, i) => value !== chosen[i]).length / frame.length);
  assert.ok(Math.max(...changed) < 0.5, `a walk is of one sprite: ${changed}`);
  const gif = await download(page, () => page.getByRole("button", { name: "GIF of the walk" }).click());
  assert.match(gif.bytes.toString("latin1"), /^GIF89a/);

  // Painted on, it stands still until it walks anew; undone, it walks as before. What was never seen walking is told.
  await page.locator(".canvas .above").click({ position: { x: 4, y: 4 } });
  await says("Let it walk");
  await page.keyboard.press("z");
  await says("Walk otherwise");
  await page.goto(`${server.url}#category:food&seed=2`);
  await page.waitForFunction(() => document.querySelector("#walk .hint")?.textContent?.startsWith("Only side facing"));
  assert.ok(await begin.isDisabled());
  assert.deepEqual(told.errors, []);
  await context.close();
});

test("what is open is told, and can be asked for: then all sprites are like the chosen one", LIMIT, async () => {
  const { page, context } = await opened("#category:hero&kind:knight&s=2&seed=1&sprite=3");
  await drawn(page);
  const told = page.locator("#told button");
  const names = await told.allTextContents();
  assert.ok(names.length > 2 && names.at(-1) === "Ask for all" && !names.includes("knight"), names.join());
  assert.match(String(await page.locator("#sprites .tile").nth(2).getAttribute("title")), /^hero, knight, /);
  const before = await gallery(page);
  const after = await redrawn(page, () => told.first().click());
  const asked = await page.locator("#gallery-title").textContent();
  assert.equal(asked, `Sprites: hero, knight, ${names[0]}`);
  assert.notDeepEqual(after, before);
  const rest = (await told.allTextContents()).slice(0, -1);
  const chosen = page.locator("#sprites canvas").nth(2);
  const is = await pixels(chosen);
  await redrawn(page, () => page.getByRole("button", { name: "Ask for all" }).click());
  for (const name of rest) assert.ok((await page.locator("#gallery-title").textContent())?.includes(name), name);
  assert.deepEqual(await pixels(chosen), is); // it was told all of this before
  await page.locator("#scale").fill("0");
  await page.waitForFunction(() => document.querySelector("#told")?.childElementCount === 0);
  await context.close();
});
