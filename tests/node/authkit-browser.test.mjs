// @workos-inc/authkit-js in a real browser: an application without a server signs people in, refreshes and signs them out across origins.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Chromium } from './lib/chromium.mjs';
import { open } from './lib/holdfast.mjs';

const password = 'correct horse battery staple';
const library = readFileSync(join(dirname(createRequire(import.meta.url).resolve('@workos-inc/authkit-js')), 'index.mjs'), 'utf8');

describe('authkit-js', () => {
  let holdfast, chromium, application, origin;
  before(async () => {
    holdfast = await open();
    chromium = await Chromium.launch();
    application = createServer((request, response) => request.url.startsWith('/authkit.mjs')
      ? response.setHeader('content-type', 'text/javascript').end(library)
      : response.setHeader('content-type', 'text/html').end('<!doctype html><title>Application</title><link rel="icon" href="data:,"><h1>Application</h1>')).listen(0, '127.0.0.1');
    await new Promise((resolve) => application.once('listening', resolve));
    origin = `http://127.0.0.1:${application.address().port}`;
    await holdfast.registerCallback(`${origin}/`);
    await holdfast.registerCallback(`${origin}/out`);
    await holdfast.must(201, 'POST', '/user_management/cors_origins', { origin });
  });
  after(async () => {
    await chromium?.close();
    application?.closeAllConnections();
    application?.close();
    await holdfast?.stop();
  });

  const { hostname, port } = { hostname: '127.0.0.1', port: () => Number(new URL(holdfast.baseUrl).port) };

  /** A client in the page, as an application makes it. */
  const client = (page, devMode) => page.evaluate(async ([clientId, options]) => {
    const { createClient } = await import('/authkit.mjs');
    window.client = await createClient(clientId, options);
    return window.client.getUser()?.email ?? null;
  }, [holdfast.clientId, { apiHostname: hostname, port: port(), https: false, redirectUri: `${origin}/`, devMode }]);

  for (const devMode of [true, false]) {
    test(devMode ? 'Signs in with PKCE, refreshes and signs out' : 'The same with its refresh token in a cookie that it cannot read', async () => {
      const email = `${randomUUID()}@people.test`;
      await holdfast.workos.userManagement.createUser({ email, emailVerified: true, password });
      const { page, context, complaints, close } = await chromium.newPage({ locale: 'en' });
      await page.goto(`${origin}/`);
      assert.equal(await client(page, devMode), null);
      await page.evaluate(() => void window.client.signIn());
      await page.getByLabel('Email address').fill(email);
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.getByLabel('Password', { exact: true }).fill(password);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.waitForURL(`${origin}/?code=*`);
      assert.equal(await client(page, devMode), email);
      const first = await page.evaluate(() => window.client.getAccessToken());

      const second = await page.evaluate(() => window.client.getAccessToken({ forceRefresh: true }));
      assert.notEqual(second, first);
      const cookie = (await context.cookies(holdfast.baseUrl + '/user_management/authenticate')).find(({ name }) => name.startsWith('holdfast-refresh-'));
      assert.equal(await page.evaluate(() => document.cookie.includes('holdfast-refresh')), false);
      if (!devMode) {
        assert.equal(cookie?.httpOnly, true);
        assert.equal(await page.evaluate(() => localStorage.length), 0);
      }
      // A new visit goes on with the session.
      await page.goto(`${origin}/`);
      assert.equal(await client(page, devMode), email);

      await page.evaluate((returnTo) => window.client.signOut({ returnTo, navigate: true }), `${origin}/out`);
      await page.waitForURL(`${origin}/out`);
      await page.goto(`${origin}/`);
      assert.equal(await client(page, devMode), null);
      assert.deepEqual(complaints, []);
      await close();
    });
  }

  test('A page of an origin that is not registered reads nothing', async () => {
    const { page, close } = await chromium.newPage();
    const foreign = origin.replace('127.0.0.1', 'localhost');
    await page.goto(`${foreign}/`);
    const outcome = await page.evaluate(async ([url, clientId]) => {
      try {
        await fetch(url, { method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ client_id: clientId, grant_type: 'refresh_token' }) });
        return 'read';
      } catch (error) {
        return error.name;
      }
    }, [`${holdfast.baseUrl}/user_management/authenticate`, holdfast.clientId]);
    assert.equal(outcome, 'TypeError');
    await close();
  });
});
