// What every suite begins with: the server, the official SDK pointed at it, and plain calls for what the SDK has no method for.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { WorkOS } from '@workos-inc/node';
import { Browser } from './browser.mjs';
import { recordAnswers } from './record.mjs';
import { startServer } from './server.mjs';

/** @param options of `holdfast dev`, for a server of these tests' own. */
export async function open(...options) {
  const server = await startServer(...options);
  const { baseUrl, dev } = server;
  recordAnswers(baseUrl);
  const { hostname, port } = new URL(baseUrl);
  const sdk = (key, options) => new WorkOS(key, {
    apiHostname: hostname, port: Number(port), https: false, clientId: dev.client_id, maxRetries: 0, timeout: 30_000, ...options,
  });
  const workos = sdk(dev.api_key);
  const clientId = dev.client_id;
  const callback = 'http://127.0.0.1:4198/sso/callback';   // nobody listens there: the browser stops before it

  /** A plain call: { status, headers, text, body }. `send` is JSON unless it is a string or a form; `key` null means no Authorization header. */
  async function call(method, path, send, { key = dev.api_key, headers = {} } = {}) {
    const isRaw = send === undefined || typeof send === 'string' || send instanceof URLSearchParams || send instanceof Uint8Array;
    const response = await fetch(`${baseUrl}${path}`, {
      method, redirect: 'manual', body: isRaw ? send : JSON.stringify(send),
      headers: { ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...(isRaw ? {} : { 'content-type': 'application/json' }), ...headers },
    });
    const text = await response.text();
    let body;
    try {
      body = text === '' ? undefined : JSON.parse(text);
    } catch {
      body = undefined;   // the tests look at `text` then
    }
    return { status: response.status, headers: response.headers, text, body };
  }

  async function must(status, ...parts) {
    const answer = await call(...parts);
    assert.equal(answer.status, status, `${parts[0]} ${parts[1]}: ${answer.text.slice(0, 500)}`);
    return answer.body;
  }

  return {
    ...server, workos, sdk, clientId, callback, call, must,
    /** Registers the callback; one that stands already is as good. */
    async registerCallback(uri = callback) {
      const { status, text } = await call('POST', '/user_management/redirect_uris', { uri });
      assert.ok(status === 201 || [409, 422].includes(status), `registering ${uri}: ${status} ${text}`);
    },
    createOrganization: (name) => workos.organizations.createOrganization({ name: `${name} ${randomUUID().slice(0, 8)}` }),
    createConnection: (body) => must(201, 'POST', '/connections', { state: 'active', ...body }),

    /** Goes to an authorization URL as `person` and comes back with what the callback was told: { code, state, error, description, page }. */
    async signIn(url, { browser = new Browser(), person, until = callback } = {}) {
      return told(await browser.walk(url, { until, person }), until);
    },
    authorizationUrl: (options) => workos.sso.getAuthorizationUrl({ clientId, redirectUri: callback, ...options }),
    pkceUrl: (options) => workos.sso.getAuthorizationUrlWithPKCE({ clientId, redirectUri: callback, ...options }),
    redeem: (code, options) => workos.sso.getProfileAndToken({ clientId, code, ...options }),
  };
}

export function told(page, until) {
  const query = page.url.startsWith(until) ? new URL(page.url).searchParams : new URLSearchParams();
  return { code: query.get('code'), state: query.get('state'), error: query.get('error'), description: query.get('error_description'), page };
}

/** A refusal is a page with a 4xx, or the way back to the callback with an error: never a code. */
export function assertRefused({ code, error, page }) {
  assert.equal(code, null, 'there must be no code');
  assert.ok(error !== null || page.status >= 400 && page.status < 500, `neither an error nor a refusal: ${page.text()}`);
}

/** The promise must fail with this error class of the SDK and these properties. */
export async function assertThrows(promise, name, properties = {}) {
  await assert.rejects(promise, (error) => {
    const seen = Object.fromEntries(Object.keys(properties).map((key) => [key, error[key]]));
    assert.deepEqual({ name: error.name, ...seen }, { name, ...properties }, `${error.name}: ${error.message}`);
    return true;
  });
}
