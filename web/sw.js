// @ts-check
/**
 * Keeps all files of the page, so that it works offline once loaded; whatever is not of the page is left alone.
 *
 * It answers with the two headers that let the runtime use several threads, which few static hosts send.
 * The list of files, each with the SHA-256 of its content, is filled in by scripts/export_web.py. Of another build only
 * files that changed are loaded; it takes over once they are there, and the page comes anew (src/page/kept.js).
 */

/** @type {Record<string, string>} */
const FILES = { FILES: "" };
const scope = /** @type {any} */ (self);
const OURS = `ddpm-sprites ${scope.registration.scope} `; // other pages of the same host have caches of their own
const CACHE = `${OURS}files`;
/** @type {Map<string, string>} the key in the cache by address */
const keys = new Map(
  Object.entries(FILES).map(([file, hash]) => {
    const { href } = new URL(file, scope.registration.scope);
    return [href, `${href}?${hash}`];
  }),
);

/**
 * Keep a file, unless it is there. Throws if the host does not have this content, as while a build is copied there.
 * @param {string} url
 * @param {string} key
 */
async function keep(url, key) {
  const cache = await caches.open(CACHE);
  if (await cache.match(key)) return;
  // Asked for anew, or the browser's own cache might give files of an earlier build.
  const response = await fetch(new Request(url, { cache: "no-cache" }));
  if (!response.ok) throw new Error(`${url}: the server answered ${response.status}`);
  const content = await response.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (key !== `${url}?${hash}`) throw new Error(`${url} is of another build`);
  const type = response.headers.get("Content-Type") ?? "application/octet-stream";
  await cache.put(key, new Response(content, { headers: { "Content-Type": type } }));
}

/** Forget files of earlier builds. */
async function tidy() {
  const cache = await caches.open(CACHE);
  const current = new Set(keys.values());
  for (const { url } of await cache.keys()) if (!current.has(url)) await cache.delete(url);
  for (const name of await caches.keys()) if (name.startsWith(OURS) && name !== CACHE) await caches.delete(name);
}

scope.addEventListener("install", (/** @type {any} */ event) => {
  const all = Promise.all([...keys].map(([url, key]) => keep(url, key)));
  event.waitUntil(all.then(() => scope.skipWaiting()));
});

scope.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(tidy().then(() => scope.clients.claim()));
});

/** @param {Response} response */
function isolated(response) {
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/** @param {Request} request @param {string} key */
async function answer(request, key) {
  const cache = await caches.open(CACHE);
  return isolated((await cache.match(key)) ?? (await fetch(request)));
}

scope.addEventListener("fetch", (/** @type {any} */ event) => {
  const { origin, pathname } = new URL(event.request.url);
  const key = keys.get(origin + (pathname.endsWith("/") ? `${pathname}index.html` : pathname));
  if (event.request.method === "GET" && key) event.respondWith(answer(event.request, key));
});
