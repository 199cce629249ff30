// Somebody who is signed in switches to another of their organizations: in Chromium, in both languages and themes, by keyboard, without scripts, read by axe; screenshots are kept for eyes.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Chromium, faults, openApplication, shot, type } from './lib/chromium.mjs';
import { open } from './lib/holdfast.mjs';

const password = 'correct horse battery staple';

describe('Switching organizations', () => {
  let holdfast, users, clientId, chromium, application, callback;
  before(async () => {
    holdfast = await open();
    ({ clientId, workos: { userManagement: users } } = holdfast);
    application = await openApplication();
    callback = `${application.origin}/callback`;
    chromium = await Chromium.launch();
  });
  after(async () => {
    await chromium?.close();
    await application?.stop();
    await holdfast?.stop();
  });

  const words = {
    en: { title: 'Switch organization', here: 'You are here', more: /asks for a second step/, over: 'This link does not work any more.', gone: /been signed out/ },
    de: { title: 'Organisation wechseln', here: 'Hier sind Sie gerade', more: /verlangt einen zweiten Schritt/, over: 'Dieser Link funktioniert nicht mehr.', gone: /inzwischen abgemeldet/ },
  };
  const names = ['Initech', 'Umbrella Corporation of the North-Eastern Territories', 'شركة المثال'];

  /** Somebody in three organizations, signed in to the first: { email, session, organizations }. */
  async function somebody() {
    const email = `${randomUUID().slice(0, 8)}@people.test`;
    const { id } = await users.createUser({ email, password, emailVerified: true });
    const organizations = [];
    for (const name of names) {
      const organization = await holdfast.workos.organizations.createOrganization({ name });
      await users.createOrganizationMembership({ userId: id, organizationId: organization.id });
      organizations.push(organization.id);
    }
    const pending = await holdfast.call('POST', '/user_management/authenticate', { grant_type: 'password', client_id: clientId, client_secret: holdfast.dev.api_key, email, password }, { key: null });
    const session = await users.authenticateWithOrganizationSelection({ clientId, pendingAuthenticationToken: pending.body.pending_authentication_token, organizationId: organizations[0] });
    return { email, session, organizations };
  }

  const claims = ({ accessToken }) => JSON.parse(Buffer.from(accessToken.split('.')[1], 'base64url'));

  async function link({ session, organizations }, more = {}) {
    const { url } = await holdfast.must(201, 'POST', '/user_management/organization_switches', {
      session_id: claims(session).sid, organization_id: organizations[0], redirect_uri: callback, state: 'a state', ...more,
    });
    return url;
  }

  const arrived = (page) => page.waitForURL(`${callback}**`).then(() => new URL(page.url()).searchParams);

  for (const [language, say] of Object.entries(words)) {
    for (const colorScheme of ['light', 'dark']) {
      test(`To another organization, ${language}, ${colorScheme}`, async () => {
        const person = await somebody();
        const { page, complaints, close } = await chromium.newPage({ locale: language, colorScheme });
        const response = await page.goto(await link(person));
        await page.getByRole('heading', { name: say.title }).waitFor();
        assert.match(await page.locator('main').innerText(), new RegExp(person.email));
        const current = page.getByRole('button', { name: new RegExp(`${names[0]}.*${say.here}`, 's') });
        assert.equal(await current.getAttribute('aria-current'), 'true');
        assert.deepEqual(await faults(page), []);
        await shot(page, `switch-${language}-${colorScheme}`);
        assert.ok((await response.body()).length < 50_000);
        assert.match(response.headers()['content-security-policy'], /frame-ancestors 'none'/);
        await page.getByRole('button', { name: names[1] }).click();
        const back = await arrived(page);
        assert.deepEqual([back.get('organization_id'), back.get('state'), back.get('code')], [person.organizations[1], 'a state', null]);
        // What the application does with it is what the SDK has for it.
        const next = await users.authenticateWithRefreshToken({ clientId, refreshToken: person.session.refreshToken, organizationId: back.get('organization_id') });
        assert.deepEqual([next.organizationId, claims(next).sid], [person.organizations[1], claims(person.session).sid]);
        assert.deepEqual(complaints, []);
        await close();
      });
    }
  }

  for (const javaScriptEnabled of [true, false]) {
    test(`By keyboard alone (scripts ${javaScriptEnabled ? 'on' : 'off'})`, async () => {
      const person = await somebody();
      const { page, complaints, close } = await chromium.newPage({ javaScriptEnabled, locale: 'en' });
      await page.goto(await link(person));
      const wanted = page.getByRole('button', { name: names[1] });
      await wanted.waitFor();
      for (let i = 0; i < 10 && !await wanted.evaluate((element) => element === document.activeElement); i++) {
        await page.keyboard.press('Tab');
      }
      assert.equal(await wanted.evaluate((element) => getComputedStyle(element).outlineWidth), '2px');
      await page.keyboard.press('Enter');
      assert.equal((await arrived(page)).get('organization_id'), person.organizations[1]);
      await page.goBack();
      assert.match(await page.locator('h1').innerText(), /signed in|switch/i);
      assert.deepEqual(complaints, []);
      await close();
    });
  }

  test('An organization that asks for more has them sign in there, and the application gets a code', async () => {
    const person = await somebody();
    await holdfast.must(200, 'PUT', `/organizations/${person.organizations[1]}/sign_in_policy`, { mfa: 'required' });
    const { page, close } = await chromium.newPage({ locale: 'en' });
    await page.goto(await link(person));
    await page.getByRole('button', { name: names[1] }).click();
    await page.getByText(words.en.more).waitFor();
    assert.equal(await page.getByLabel('Email address').inputValue(), person.email);
    assert.deepEqual(await faults(page), []);
    await shot(page, 'switch-asks-more-en-light');
    await page.keyboard.press('Enter');
    await type(page, 'password', password);
    await page.waitForURL('**/sign-in/enroll**');
    await close();
  });

  test('On a phone it fits, in a language from right to left names stand right, and at 400 % nothing is cut off', async () => {
    const person = await somebody();
    const { page, close } = await chromium.newPage({ locale: 'de', viewport: { width: 320, height: 640 } });
    await page.goto(await link(person));
    await page.getByRole('heading', { name: words.de.title }).waitFor();
    const isWide = () => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    assert.equal(await isWide(), false);
    for (const box of await page.getByRole('button').evaluateAll((all) => all.map((b) => b.getBoundingClientRect().height))) {
      assert.ok(box >= 44, `${box} px`);
    }
    await shot(page, 'switch-de-phone');
    await page.evaluate(() => { document.documentElement.dir = 'rtl'; });
    assert.equal(await isWide(), false);
    await shot(page, 'switch-rtl-phone');
    await close();
  });

  test('A link that is none is an honest page, and whoever was signed out meanwhile signs in', async () => {
    const person = await somebody();
    const { page, close } = await chromium.newPage({ locale: 'en' });
    const response = await page.goto(`${holdfast.baseUrl}/switch-organization?token=x`);
    assert.equal(response.status(), 404);
    await page.getByRole('heading', { name: words.en.over }).waitFor();
    assert.deepEqual(await faults(page), []);
    await shot(page, 'switch-over-en-light');
    await page.goto(await link(person));
    await holdfast.must(200, 'POST', '/user_management/sessions/revoke', { session_id: claims(person.session).sid });
    await page.getByRole('button', { name: names[1] }).click();
    await page.getByText(words.en.gone).waitFor();
    await close();
  });
});
