// The sample application, walked through by a browser as its README says.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Browser } from './lib/browser.mjs';
import { open } from './lib/holdfast.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

describe('The Node sample', () => {
  const site = 'http://127.0.0.1:4199/';
  let holdfast, folder, app, said = '';

  before(async () => {
    holdfast = await open();
    folder = mkdtempSync(here('node_modules/.sample-'));   // there it finds the SDK that is installed for these tests
    copyFileSync(here('../../samples/node-app/app.mjs'), join(folder, 'app.mjs'));
    app = spawn(process.execPath, [join(folder, 'app.mjs'), holdfast.data], { stdio: ['ignore', 'pipe', 'pipe'] });
    app.stderr.on('data', (chunk) => { said += chunk; });
    await new Promise((resolve, reject) => {
      app.stdout.on('data', (chunk) => String(chunk).includes(site) && resolve());
      app.once('exit', (code) => reject(new Error(`the sample ended with ${code}: ${said}`)));
    });
  });
  after(async () => {
    app?.kill();
    if (folder !== undefined) {
      rmSync(folder, { recursive: true });
    }
    await holdfast?.stop();
  });

  for (const [name, kind] of [['SAML', 'saml'], ['OpenID Connect', 'oidc']]) {
    test(`signs a person in with ${name} and shows the profile`, async () => {
      const browser = new Browser();
      const start = await browser.visit(site);
      const [, href] = new RegExp(`href="([^"]+)">Sign in with ${name}<`).exec(start.html);
      const person = { ...holdfast.dev.user, firstName: 'Ada', lastName: 'Lovelace' };
      const page = await browser.walk(new URL(href, site), { until: `${site}callback`, person });
      assert.ok(page.url.startsWith(`${site}callback?`), page.text());
      const shown = await browser.visit(page.url);
      assert.equal(shown.status, 200, `${shown.text()} ${said}`);
      assert.ok(shown.html.includes(holdfast.dev.connections[kind]), shown.text());
      assert.equal((await browser.visit(page.url)).status, 400, 'a second visit has no state any more');
    });
  }

  test('refuses a way back that began in another browser', async () => {
    const browser = new Browser();
    const page = await browser.walk(`${site}sign-in?with=saml`, { until: `${site}callback`, person: holdfast.dev.user });
    assert.equal((await new Browser().visit(page.url)).status, 400);
    assert.equal((await new Browser().visit(`${site}callback?code=x`)).status, 400);
  });

  test('shows what comes from outside as text', async () => {
    const browser = new Browser();
    const page = await browser.walk(`${site}sign-in?with=oidc`, { until: `${site}callback`, person: holdfast.dev.user });
    const state = new URL(page.url).searchParams.get('state');
    const shown = await browser.visit(`${site}callback?state=${state}&error=${encodeURIComponent('<b>x</b>')}`);
    assert.equal(shown.status, 400);
    assert.ok(!shown.html.includes('<b>') && shown.html.includes('&#60;b&#62;'), shown.html);
  });
});
