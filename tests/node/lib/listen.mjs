// A small HTTP server on loopback for what plays an identity provider.
import http from 'node:http';

/** { origin, stop }; `handle` answers (request, response, url), and what it throws becomes a 500 that says so. */
export async function listen(handle) {
  const server = http.createServer(async (request, response) => {
    try {
      await handle(request, response, new URL(request.url, `http://${request.headers.host}`));
    } catch (error) {
      if (!response.headersSent) {
        response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
      }
      response.end(String(error?.message ?? error));
    }
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const stop = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return { origin: `http://127.0.0.1:${server.address().port}`, stop };
}

export function escapeHtml(text) {
  return String(text).replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
