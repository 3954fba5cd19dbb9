// @ts-check
/** What the tests of the page need: a static host, and Debian's Chromium without a window. */

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const TYPES = /** @type {Record<string, string>} */ ({
  ".html": "text/html",
  ".css": "text/css",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".png": "image/png",
});

/** The browser, or one line that says what is missing. */
export function launch() {
  const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
  if (!existsSync(executablePath))
    throw new Error(`there is no ${executablePath}: apt install chromium, or set CHROMIUM`);
  return chromium.launch({ executablePath, args: [...FLAGS, "--disable-component-update", "--disable-sync"] });
}

/**
 * A host that serves the page below a path, as static hosts do, and counts what it sent.
 * @param {string} [path]
 */
export async function host(path = "/some/where/") {
  /** @type {{bytes: number, fail: string[], other: Record<string, string>}} fail: names of files that are refused;
   *   other: text in place of a file */
  const told = { bytes: 0, fail: [], other: {} };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://host");
    const inside = pathname.startsWith(path) ? normalize(pathname.slice(path.length) || "index.html") : "";
    const file = join(DIST, inside);
    const found = inside && !inside.startsWith("..") && existsSync(file) && statSync(file).isFile();
    if (!found || told.fail.some((name) => inside.endsWith(name))) {
      response.writeHead(found ? 503 : 404).end();
      return;
    }
    told.bytes += statSync(file).size;
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    if (Object.hasOwn(told.other, inside)) return void response.end(told.other[inside]);
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(null)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { url: `http://localhost:${port}${path}`, told, close: () => (server.closeAllConnections(), server.close()) };
}

/**
 * Wait until the first sprites and the grid are there.
 * @param {import("playwright-core").Page} page
 */
export async function drawn(page) {
  await page.waitForFunction(() => document.documentElement.dataset.drawn, null, { timeout: 120_000 });
}
