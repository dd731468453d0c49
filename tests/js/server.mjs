// A server for one test: answers each path by a function, and counts what is asked.
import { createServer } from 'node:http';

/** Serves `routes` (path → (request, response) => void); other paths are 404. */
export async function serve(routes) {
  const requested = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    requested.push(pathname);
    const route = routes[pathname];
    if (route) return route(request, response);
    response.writeHead(404, { 'content-type': 'text/plain' });
    response.end('nothing here');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requested,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers with bytes and their length. */
export function bytes(content, type = 'application/octet-stream') {
  return (_, response) => {
    response.writeHead(200, { 'content-type': type, 'content-length': content.length });
    response.end(content);
  };
}
