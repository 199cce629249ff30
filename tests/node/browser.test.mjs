// Sign-in as people do it: in Chromium, with a keyboard, looking at pages that must be readable by everyone.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { open } from './lib/holdfast.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

describe('Signing in with a browser', () => {
  let holdfast, browser, application, callback;
  const arrived = [];
  before(async () => {
    holdfast = await open();
    // The registered address is on port 4199; a loopback address may have any port (RFC 8252 §7.3).
    application = createServer((request, response) => {
      arrived.push(new URL(request.url, callback));
      response.setHeader('content-type', 'text/html; charset=utf-8').end('<!doctype html><title>Signed in</title><h1>Signed in</h1>');
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => application.once('listening', resolve));
    callback = `http://127.0.0.1:${application.address().port}/callback`;
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', ...quiet] });
  });
  after(async () => {
    await browser?.close();
    application?.close();
    await holdfast?.stop();
  });

  /** A page of its own browser profile; what its console complains about is in `complaints`. */
  async function newPage(options) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const complaints = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    return { page, complaints, close: () => context.close() };
  }

  /** What axe finds, in words. Its script comes in past the page's policy, as an inspector's would. */
  async function faults(page) {
    await page.context().newCDPSession(page).then((cdp) => cdp.send('Page.setBypassCSP', { enabled: true }));
    await page.reload();
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
  }

  const start = (connection, state) => holdfast.workos.sso.getAuthorizationUrl({ clientId: holdfast.clientId, connection, redirectUri: callback, state });

  for (const [kind, connection] of [['SAML', 'saml'], ['OpenID Connect', 'oidc']]) {
    test(`By keyboard alone, through ${kind}`, async () => {
      const { page, complaints, close } = await newPage();
      await page.goto(start(holdfast.dev.connections[connection], 'by keyboard'));
      await page.getByLabel('Email').focus();
      await page.keyboard.press('Control+A');
      await page.keyboard.type('grace@acme.test');
      await page.keyboard.press('Enter');
      const go = page.getByRole('button', { name: /continue/i });
      await Promise.race([page.waitForURL(`${callback}**`), go.waitFor()]);
      if (!page.url().startsWith(callback)) {
        await go.focus();   // without scripts the answer waits for a button
        await page.keyboard.press('Enter');
        await page.waitForURL(`${callback}**`);
      }
      const back = new URL(page.url()).searchParams;
      assert.equal(back.get('state'), 'by keyboard');
      const { profile } = await holdfast.workos.sso.getProfileAndToken({ code: back.get('code'), clientId: holdfast.clientId });
      assert.equal(profile.email, 'grace@acme.test');
      assert.deepEqual(complaints.filter((text) => !text.includes('favicon')), []);
      await close();
    });
  }

  for (const colorScheme of ['light', 'dark']) {
    test(`The pages are readable by everyone (${colorScheme})`, async () => {
      const { page, close } = await newPage({ colorScheme, viewport: { width: 320, height: 640 } });
      await page.goto(start(holdfast.dev.connections.saml, 'x'));
      assert.deepEqual(await faults(page), []);
      await page.goto(`${holdfast.baseUrl}/sso/authorize?client_id=nobody`);
      assert.match(await page.getByRole('heading').innerText(), /does not work/);
      assert.deepEqual(await faults(page), []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'nothing is wider than a small phone');
      await close();
    });
  }

  test('A sign-in that another browser began goes nowhere, and its page says what to do', async () => {
    const first = await newPage();
    await first.page.goto(start(holdfast.dev.connections.oidc, 'x'));
    const second = await newPage();
    await second.page.goto(first.page.url());
    await second.page.getByRole('button', { name: /^sign in$/i }).click();
    await second.page.waitForLoadState();
    assert.match(await second.page.getByRole('heading').innerText(), /expired|another browser/);
    assert.match(await second.page.locator('.reference').innerText(), /attempt_/);
    await first.close();
    await second.close();
  });
});
