// The hosted pages under a name of the environment's own, proven by a record in DNS: `holdfast serve`, a resolver of the test's own, and Chromium, which is told where the name is.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Chromium, faults, openApplication, shot, type } from './lib/chromium.mjs';
import { openDns } from './lib/dns.mjs';
import { freePort } from './lib/server.mjs';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const password = 'correct horse battery staple';
const name = 'login.acme.test';

describe('Hosted pages under a custom domain', () => {
  let dns, child, data, port, own, chromium, application, callback, boot;
  const said = [];

  async function call(method, path, send, key = boot.api_key) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method, body: send === undefined ? undefined : JSON.stringify(send), headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), 'content-type': 'application/json' },
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  before(async () => {
    [dns, port, application] = [await openDns(), await freePort(), await openApplication()];
    [own, callback, data] = [`http://${name}:${port}`, `${application.origin}/callback`, mkdtempSync(join(tmpdir(), 'holdfast-node-tests-'))];
    child = spawn(join(repository, 'holdfast'), ['serve', '--urls', `http://127.0.0.1:${port}`, '--data', data, '--dns', `127.0.0.1:${dns.port}`], { cwd: repository, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => said.push(String(chunk)));
    }
    for (const until = Date.now() + 240_000; ;) {
      const ready = await fetch(`http://127.0.0.1:${port}/health/ready`).then(({ status }) => status === 200, () => false);
      if (ready && existsSync(join(data, 'bootstrap.json'))) {
        break;
      }
      assert.ok(Date.now() < until && child.exitCode === null, `The server does not come up: ${said.join('').slice(-2000)}`);
      await pause(200);
    }
    boot = JSON.parse(readFileSync(join(data, 'bootstrap.json'), 'utf8'));
    await call('POST', '/user_management/redirect_uris', { uri: callback });
    await call('PUT', '/branding', { name: 'Acme', accent_color: '#7a2e8e' });
    const made = await call('POST', '/custom_domains', { domain: name });
    assert.equal(made.state, 'pending');
    dns.texts.set(`${made.verification_prefix}.${name}`, made.verification_token);
    assert.equal((await call('POST', `/custom_domains/${made.id}/verify`, {})).state, 'verified');
    chromium = await Chromium.launch(`--host-resolver-rules=MAP ${name} 127.0.0.1`);
  });
  after(async () => {
    await chromium?.close();
    await application?.stop();
    if (child && child.exitCode === null) {
      const end = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await end;
      clearTimeout(hard);
    }
    await dns?.stop();
    rmSync(data, { recursive: true, force: true });
  });

  const begin = () => `${own}/user_management/authorize?${new URLSearchParams({ client_id: boot.client_id, redirect_uri: callback, response_type: 'code', provider: 'authkit', state: 'a state' })}`;

  const words = {
    en: { email: 'Email address', go: 'Continue', title: /Sign in to Acme/ },
    de: { email: 'E-Mail-Adresse', go: 'Weiter', title: /Acme/ },
  };
  for (const [language, say] of Object.entries(words)) {
    for (const colorScheme of ['light', 'dark']) {
      test(`A sign-in begins there and stays there, ${language}, ${colorScheme}`, async () => {
        const email = `ada-${language}-${colorScheme}@people.test`;
        await call('POST', '/user_management/users', { email, password, email_verified: true });
        const { page, complaints, context, close } = await chromium.newPage({ locale: language, colorScheme, javaScriptEnabled: colorScheme === 'light' });
        await page.goto(begin());
        await page.getByRole('heading', { name: say.title }).waitFor();
        assert.equal(new URL(page.url()).origin, own);
        if (colorScheme === 'light') {
          assert.deepEqual(await faults(page), []);
        }
        await shot(page, `custom-domain-${language}-${colorScheme}`);
        await type(page, 'email', email);
        await page.locator('input[name=password]').waitFor();
        assert.equal(new URL(page.url()).origin, own);
        assert.ok((await context.cookies()).length > 0);
        assert.ok((await context.cookies()).every(({ domain, httpOnly }) => domain === name && httpOnly), 'cookies are the name\'s alone');
        await type(page, 'password', password);
        await page.waitForURL(`${callback}**`);
        const back = new URL(page.url()).searchParams;
        assert.equal(back.get('state'), 'a state');
        const session = await call('POST', '/user_management/authenticate', { grant_type: 'authorization_code', client_id: boot.client_id, client_secret: boot.api_key, code: back.get('code') }, null);
        assert.equal(session.user.email, email);
        assert.equal(JSON.parse(Buffer.from(session.access_token.split('.')[1], 'base64url')).iss, `http://127.0.0.1:${port}`);
        assert.deepEqual(complaints, []);
        await close();
      });
    }
  }

  test('The page for devices is there, with the environment\'s looks', async () => {
    const { page, complaints, close } = await chromium.newPage({ locale: 'en' });
    await page.goto(`${own}/device`);
    await page.getByText('Acme').first().waitFor();
    assert.deepEqual(await faults(page), []);
    await shot(page, 'custom-domain-device-en-light');
    assert.deepEqual(complaints, []);
    await close();
  });

  test('A flow of the public address is none there', async () => {
    const { page, close } = await chromium.newPage({ locale: 'en' });
    await page.goto(begin().replace(own, `http://127.0.0.1:${port}`));
    await page.locator('input[name=email]').waitFor();
    const response = await page.goto(page.url().replace(`http://127.0.0.1:${port}`, own));
    assert.equal(response.status(), 400);
    await close();
  });
});
