// Second factors and passkeys as people use them: in Chromium, with an authenticator of the inspector's.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Chromium, faults, openApplication, shot } from './lib/chromium.mjs';
import { open } from './lib/holdfast.mjs';
import { code, wrong } from './lib/totp.mjs';

const password = 'correct horse battery staple';

describe('Second factors and passkeys on the hosted pages', () => {
  let holdfast, users, clientId, chromium, application, callback;
  before(async () => {
    holdfast = await open();
    ({ clientId, workos: { userManagement: users } } = holdfast);
    application = await openApplication();
    // Of the same site as the pages: where a browser takes another process for another site, the inspector's authenticator is gone.
    callback = `${application.origin.replace('127.0.0.1', 'localhost')}/callback`;
    await holdfast.registerCallback(callback);
    chromium = await Chromium.launch();
  });
  after(async () => {
    await chromium?.close();
    await application?.stop();
    await holdfast?.stop();
  });

  /** By its name: a passkey belongs to a name, and 127.0.0.1 is none. */
  const start = (more = {}) => {
    const url = new URL(users.getAuthorizationUrl({ clientId, provider: 'authkit', redirectUri: callback, ...more }));
    url.hostname = 'localhost';
    return url.href;
  };
  const somebody = async () => users.createUser({ email: `${randomUUID()}@people.test`, password, emailVerified: true });
  async function session(page) {
    await page.waitForURL(`${callback}**`);
    return users.authenticateWithCode({ clientId, code: new URL(page.url()).searchParams.get('code') });
  }
  async function press(page, name, text) {
    await page.locator(`input[name=${name}]`).fill(text);
    await page.keyboard.press('Enter');
  }

  /** Readable by everyone (whose session ends the inspector's authenticator: so it comes last), and a picture for whoever wants to look at it. */
  async function look(page, name) {
    assert.deepEqual(await faults(page), [], name);
    await shot(page, name);
  }

  /** A phone that has asked its owner: it signs without a word. */
  async function withAuthenticator(page) {
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
    });
    return {
      credentials: async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
      clear: () => cdp.send('WebAuthn.clearCredentials', { authenticatorId }),
      set: (credential) => cdp.send('WebAuthn.addCredential', { authenticatorId, credential }),
      verified: (isUserVerified) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
      present: (enabled) => cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled }),
    };
  }

  for (const [name, options] of [['light', {}], ['dark phone', { colorScheme: 'dark', viewport: { width: 360, height: 740 }, locale: 'de-DE' }], ['no scripts', { javaScriptEnabled: false }]]) {
    test(`Who must have a second factor sets it up, keeps the codes, and shows it the next time (${name})`, async () => {
      const [user, organization] = [await somebody(), await holdfast.createOrganization('Strict')];
      await users.createOrganizationMembership({ userId: user.id, organizationId: organization.id });
      await holdfast.must(200, 'PUT', `/organizations/${organization.id}/sign_in_policy`, { mfa: 'required' });
      const { page, complaints, close } = await chromium.newPage(options);
      const toFactor = async () => {
        await page.goto(start());
        await press(page, 'email', user.email);
        await press(page, 'password', password);
      };
      const seen = (what) => options.javaScriptEnabled === false ? undefined : look(page, `factors-${what}-${name.replace(' ', '-')}`);

      await toFactor();
      await page.locator('svg[role=img]').waitFor();
      const secret = (await page.locator('#secret').textContent()).replaceAll(' ', '');
      await seen('enroll');
      await press(page, 'code', wrong(secret));
      await page.locator('#code-fault').waitFor();
      await seen('enroll-wrong');
      await press(page, 'code', code(secret, -1));
      await page.locator('.codes').waitFor();
      await seen('recovery-codes');
      const codes = await page.locator('.codes code').allTextContents();
      assert.equal(new Set(codes).size, 10);
      await page.locator('main form button').press('Enter');
      const first = await session(page);
      assert.deepEqual([first.user.id, first.organizationId], [user.id, organization.id]);

      await toFactor();
      await page.locator('a[href^="/sign-in/recovery"]').waitFor();
      await seen('challenge');
      await press(page, 'code', code(secret, 0));
      assert.equal((await session(page)).user.id, user.id);

      await toFactor();
      await page.locator('a[href^="/sign-in/recovery"]').click();
      await page.locator('a[href^="/sign-in/factor"]').waitFor();
      await seen('recovery');
      await press(page, 'code', codes[7]);
      assert.equal((await session(page)).user.id, user.id);
      assert.deepEqual(complaints.filter((text) => !/422/.test(text)), []);
      await close();
    });
  }

  test('The key is copied at the press of a button', async () => {
    const [user, organization] = [await somebody(), await holdfast.createOrganization('Strict')];
    await users.createOrganizationMembership({ userId: user.id, organizationId: organization.id });
    await holdfast.must(200, 'PUT', `/organizations/${organization.id}/sign_in_policy`, { mfa: 'required' });
    const { page, context, close } = await chromium.newPage();
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.goto(start());
    await press(page, 'email', user.email);
    await press(page, 'password', password);
    await page.locator('button[data-copy]').click();
    await page.getByText('Copied').waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), (await page.locator('#secret').textContent()).replaceAll(' ', ''));
    await close();
  });

  test('A passkey is offered, made, and signs in from the first page by the browser’s own suggestion or by the button', async () => {
    const user = await somebody();
    const { page, complaints, close } = await chromium.newPage();
    const phone = await withAuthenticator(page);
    await phone.present(false);   // nobody touches it yet: no suggestion is taken while the address is typed
    await page.goto(start());
    await page.locator('[data-passkey]:not([hidden])').waitFor();
    assert.equal(await page.locator('input[name=email]').getAttribute('autocomplete'), 'username webauthn');
    await press(page, 'email', user.email);
    await press(page, 'password', password);
    await page.locator('[data-add-passkey]:not([hidden])').waitFor();
    await phone.present(true);
    await page.locator('[data-add-passkey] button').click();
    assert.equal((await session(page)).authenticationMethod, 'Password');
    const [made] = await phone.credentials();
    assert.deepEqual([made.rpId, made.isResidentCredential, Buffer.from(made.userHandle, 'base64').toString()], ['localhost', true, user.id]);

    // By the button; a suggestion would be taken by itself, were somebody there to touch it.
    await phone.present(false);
    await page.goto(start());
    await page.locator('[data-passkey]:not([hidden])').waitFor();
    await phone.present(true);
    await page.locator('[data-passkey] button').click().catch(() => {});   // the suggestion may have been quicker
    const { user: who, authenticationMethod } = await session(page);
    assert.deepEqual([who.id, authenticationMethod], [user.id, 'Passkey']);
    const factors = await holdfast.workos.multiFactorAuth.listUserAuthFactors({ userId: user.id });
    assert.deepEqual(factors.data.map(({ type }) => type), ['webauthn']);

    // By the suggestion alone.
    await page.goto(start());
    assert.equal((await session(page)).authenticationMethod, 'Passkey');

    // A copy that was made before is found out: it counts from where it was.
    const [now] = await phone.credentials();
    await phone.clear();
    await phone.set({ ...now, signCount: made.signCount });
    await page.goto(start());
    await page.locator('.notice.bad').waitFor();
    assert.match(await page.locator('.notice.bad').textContent(), /somebody has a copy/);
    await phone.clear();

    // Taken away by an administrator, it opens nothing.
    await holdfast.workos.multiFactorAuth.deleteFactor(factors.data[0].id);
    await phone.set({ ...now, signCount: now.signCount + 10 });
    await page.goto(start());
    await page.locator('.notice.bad').waitFor();
    assert.match(await page.locator('.notice.bad').textContent(), /could not be used/);
    await look(page, 'passkey-refused');
    assert.deepEqual(complaints.filter((text) => !/422/.test(text)), []);
    await close();
  });

  test('A passkey may be left, and an address of numbers has none', async () => {
    const user = await somebody();
    const { page, complaints, close } = await chromium.newPage();
    await withAuthenticator(page);
    await page.goto(start());
    await press(page, 'email', user.email);
    await press(page, 'password', password);
    await page.locator('[data-add-passkey]:not([hidden])').waitFor();
    await look(page, 'passkey-add');
    await page.locator('button[name=skip]').click();
    assert.equal((await session(page)).user.id, user.id);

    await page.goto(users.getAuthorizationUrl({ clientId, provider: 'authkit', redirectUri: callback }));
    await page.locator('input[name=email]').waitFor();
    assert.equal(await page.locator('[data-passkey]').isVisible(), false);
    await press(page, 'email', user.email);
    await press(page, 'password', password);
    assert.equal((await session(page)).user.id, user.id);
    assert.deepEqual(complaints, []);
    await close();
  });
});
