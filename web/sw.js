// @ts-check
/**
 * Keeps all files of the page, so that it works offline once loaded; whatever is not of the page is left alone.
 *
 * It answers with the two headers that let the runtime use several threads, which few static hosts send.
 * The list and the version are filled in by scripts/export_web.py.
 */

const FILES = ["FILES"];
const scope = /** @type {any} */ (self);
const OURS = `ddpm-sprites ${scope.registration.scope} `; // other pages of the same host have caches of their own
const CACHE = OURS + "VERSION";
const urls = FILES.map((file) => new URL(file, scope.registration.scope).href);

scope.addEventListener("install", (/** @type {any} */ event) => {
  // Asked for anew, or the browser's own cache might give files of an earlier version.
  const fresh = urls.map((url) => new Request(url, { cache: "no-cache" }));
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(fresh))
      .then(() => scope.skipWaiting()),
  );
});

scope.addEventListener("activate", (/** @type {any} */ event) => {
  const old = (/** @type {string[]} */ names) => names.filter((name) => name.startsWith(OURS) && name !== CACHE);
  const drop = caches.keys().then((names) => Promise.all(old(names).map((name) => caches.delete(name))));
  event.waitUntil(drop.then(() => scope.clients.claim()));
});

/** @param {Response} response */
function isolated(response) {
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/** @param {Request} request @param {string} url */
async function answer(request, url) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(url);
  if (kept) return isolated(kept);
  const response = await fetch(request);
  if (response.ok) await cache.put(url, response.clone());
  return isolated(response);
}

scope.addEventListener("fetch", (/** @type {any} */ event) => {
  const { origin, pathname } = new URL(event.request.url);
  const url = origin + (pathname.endsWith("/") ? `${pathname}index.html` : pathname);
  if (event.request.method === "GET" && urls.includes(url)) event.respondWith(answer(event.request, url));
});
