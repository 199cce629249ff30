// Stand-ins for two flag providers on loopback: what their own SDKs read, and Holdfast as well.
import { listen } from './listen.mjs';

/** LaunchDarkly: its stream and its poll. `say` sends an event to whoever listens, `document` is what a newcomer is given, and `drop` breaks every stream off. */
export async function launchDarkly(document) {
  const listeners = new Set();
  const asked = [];
  const { origin, stop } = await listen((request, response, url) => {
    asked.push(`${request.method} ${url.pathname}`);
    if (url.pathname === '/all') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      response.write(`event: put\ndata: ${JSON.stringify({ path: '/', data: document })}\n\n`);
      listeners.add(response);
      request.on('close', () => listeners.delete(response));
    } else if (url.pathname === '/sdk/latest-all') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
    } else {
      request.resume();
      response.writeHead(202).end();
    }
  });
  const say = (event, data) => listeners.forEach((listener) => listener.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
  const drop = () => listeners.forEach((listener) => listener.destroy());
  return { origin, stop, asked, say, document, drop, listeners };
}

/** Unleash: the client API's one document, with its tag. */
export async function unleash(document) {
  const asked = [];
  const { origin, stop } = await listen((request, response, url) => {
    asked.push(`${request.method} ${url.pathname} ${request.headers['if-none-match'] ?? ''}`);
    if (url.pathname !== '/api/client/features') {
      request.resume();
      response.writeHead(202).end();
    } else if (request.headers['if-none-match'] === '"one"') {
      response.writeHead(304, { etag: '"one"' }).end();
    } else {
      response.writeHead(200, { 'content-type': 'application/json', etag: '"one"' }).end(JSON.stringify(document));
    }
  });
  return { origin, stop, asked };
}
