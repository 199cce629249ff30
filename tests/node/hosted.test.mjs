// The hosted pages as people use them: in Chromium, with a keyboard, on a phone, in another language, without scripts.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Chromium, faults } from './lib/chromium.mjs';
import { open } from './lib/holdfast.mjs';

const password = 'correct horse battery staple';

describe('The hosted pages', () => {
  let holdfast, users, clientId, chromium, application, callback;
  before(async () => {
    holdfast = await open();
    ({ clientId, workos: { userManagement: users } } = holdfast);
    // The registered address is on port 4199; a loopback address may have any port (RFC 8252 §7.3).
    application = createServer((request, response) => {
      response.setHeader('content-type', 'text/html; charset=utf-8').end('<!doctype html><html lang="en"><title>Signed in</title><main><h1>Signed in</h1></main>');
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => application.once('listening', resolve));
    callback = `http://127.0.0.1:${application.address().port}/callback`;
    chromium = await Chromium.launch();
  });
  after(async () => {
    await chromium?.close();
    application?.close();
    await holdfast?.stop();
  });

  const somebody = () => `${randomUUID()}@people.test`;
  const start = (more = {}) => users.getAuthorizationUrl({ clientId, provider: 'authkit', redirectUri: callback, state: 'a state', ...more });
  const arrived = (page) => page.waitForURL(`${callback}**`).then(() => new URL(page.url()).searchParams);

  /** Into the field that has the focus without anybody having clicked it; then Enter. */
  async function type(page, name, text) {
    await page.locator(`input[name=${name}]:focus`).waitFor();
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
  }

  for (const javaScriptEnabled of [true, false]) {
    test(`By keyboard alone, with an address and a password (scripts ${javaScriptEnabled ? 'on' : 'off'})`, async () => {
      const email = somebody();
      await users.createUser({ email, password, emailVerified: true });
      const { page, complaints, close } = await chromium.newPage({ javaScriptEnabled });
      await page.goto(start());
      await type(page, 'email', email);
      await type(page, 'password', 'not this one');
      await page.getByText('not right').waitFor();
      await type(page, 'password', password);
      const back = await arrived(page);
      assert.equal(back.get('state'), 'a state');
      const { user, authenticationMethod } = await users.authenticateWithCode({ clientId, code: back.get('code') });
      assert.deepEqual([user.email, authenticationMethod], [email, 'Password']);
      assert.deepEqual(complaints.filter((text) => !/favicon|422/.test(text)), []);
      await close();
    });
  }
});
