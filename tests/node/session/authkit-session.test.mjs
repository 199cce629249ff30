// The library that AuthKit's server frameworks stand on, whole: sign-in, callback, refresh, sign-out. Its SDK is an elder major than the other suites'.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { configure, CookieSessionStorage, createAuthService } from '@workos/authkit-session';
import { told, open } from '../lib/holdfast.mjs';
import { Browser } from '../lib/browser.mjs';

/** Cookies of a request, in a map; those that a response sets go back into it. */
class Jar extends CookieSessionStorage {
  async getCookie(request, name) {
    return request.get(name) ?? null;
  }

  async applyHeaders(response, headers) {
    if (response === undefined) {
      return undefined;
    }
    for (const header of [headers['Set-Cookie']].flat()) {
      const [pair] = header.split(';');
      const name = pair.slice(0, pair.indexOf('='));
      const value = decodeURIComponent(pair.slice(name.length + 1));
      /Max-Age=0/i.test(header) ? response.delete(name) : response.set(name, value);
    }
    return { response };
  }
}

describe('authkit-session', () => {
  let holdfast, auth;
  const cookies = new Map();
  before(async () => {
    holdfast = await open();
    await holdfast.registerCallback();
    const { hostname, port } = new URL(holdfast.baseUrl);
    configure({
      clientId: holdfast.clientId, apiKey: holdfast.dev.api_key, redirectUri: holdfast.callback, cookiePassword: 'p'.repeat(32),
      apiHostname: hostname, apiPort: Number(port), apiHttps: false,
    });
    auth = createAuthService({ sessionStorageFactory: (config) => new Jar(config) });
  });
  after(() => holdfast?.stop());

  test('From sign-in to sign-out', async () => {
    const { url } = await auth.createAuthorization(cookies, { connectionId: holdfast.dev.connections.saml, organizationId: undefined, returnPathname: '/inside' });
    assert.ok(new URL(url).searchParams.get('code_challenge'));
    // The library names no selector but the provider and the organization: the demo's organization has the connection.
    const start = new URL(url);
    start.searchParams.delete('provider');
    start.searchParams.set('connection_id', holdfast.dev.connections.saml);
    const { code, state } = told(await new Browser().walk(start.href, { until: holdfast.callback }), holdfast.callback);
    assert.ok(code, 'the identity provider sent a code');
    const { returnPathname, authResponse } = await auth.handleCallback(cookies, cookies, { code, state });
    assert.equal(returnPathname, '/inside');

    const { auth: first } = await auth.withAuth(cookies);
    assert.deepEqual([first.user.id, first.organizationId], [authResponse.user.id, holdfast.dev.organization_id]);
    const { auth: next, encryptedSession } = await auth.refreshSession(await auth.getSession(cookies));
    assert.equal(next.sessionId, first.sessionId);
    assert.notEqual(next.refreshToken, first.refreshToken);
    await auth.saveSession(cookies, encryptedSession);

    const { logoutUrl } = await auth.signOut(first.sessionId, { returnTo: holdfast.callback });
    const left = await fetch(logoutUrl, { redirect: 'manual' });
    assert.deepEqual([left.status, left.headers.get('location')], [302, holdfast.callback]);
    await assert.rejects(auth.refreshSession(await auth.getSession(cookies)));
  });

  test('A callback that this browser did not begin is refused', async () => {
    const { url } = await auth.createAuthorization(new Map(), {});
    await assert.rejects(auth.handleCallback(new Map(), new Map(), { code: 'x', state: new URL(url).searchParams.get('state') }));
  });
});
