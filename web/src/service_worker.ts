// Keeps the page working offline. Every file of a build is fetched when its service worker is installed, into a cache named after the
// build's hash, and served from there: a page never mixes the files of two builds.

/** Put in by build.mjs. */
declare const BUILD: string;
declare const FILES: string[];

declare const self: ServiceWorkerGlobalScope;
export {};

const PREFIX = 'keras-wasm-';
const CACHE = PREFIX + BUILD;

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  // 'reload' passes by the HTTP cache, which may still hold files of an older build.
  await cache.addAll(FILES.map((file) => new Request(file, { cache: 'reload' })));
}

async function activate(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));
self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method === 'GET' && new URL(request.url).origin === self.location.origin) event.respondWith(answer(request));
});
