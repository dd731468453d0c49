// The server of `npm start`, for tests.
export { serveFolder } from '../../scripts/lib/static_server.mjs';
