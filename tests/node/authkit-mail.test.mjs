// What people get by mail and what they do with it, in Chromium: another password, an invitation; in English and in German.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Chromium, faults, openApplication, shot } from './lib/chromium.mjs';
import { open } from './lib/holdfast.mjs';

const password = 'correct horse battery staple';
const another = 'another horse, another battery';

describe('Pages that mail leads to', () => {
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

  const somebody = () => `${randomUUID()}@people.test`;
  const inbox = async (to) => (await holdfast.must(200, 'GET', '/dev/inbox', undefined, { key: null, headers: { accept: 'application/json' } })).filter((mail) => mail.to === to);
  const linkIn = ({ text }) => text.match(/^https?:\S+$/m)[0];
  const arrived = (page) => page.waitForURL(`${callback}**`).then(() => new URL(page.url()).searchParams);

  /** What axe finds is nothing, on a desk and on a phone, in the light and in the dark. */
  async function everybodyCanRead(page, name) {
    for (const [width, colorScheme] of [[1280, 'light'], [320, 'dark']]) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await faults(page), [], `${name} at ${width}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} scrolls sideways at ${width}`);
      await shot(page, `${name}-${width}`);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  }

  for (const [locale, words] of [['en', { forgot: 'Forgot your password?', subject: /^Choose a new password/, sent: 'Check your email' }], ['de', { forgot: 'Passwort vergessen?', subject: /^Wählen Sie ein neues Passwort/, sent: 'Sehen Sie in Ihr Postfach' }]]) {
    test(`A forgotten password, by mail, to the application (${locale})`, async () => {
      const email = somebody();
      await users.createUser({ email, password, emailVerified: true });
      const { page, complaints, close } = await chromium.newPage({ locale });
      await page.goto(users.getAuthorizationUrl({ clientId, provider: 'authkit', redirectUri: callback, state: 'a state' }));
      await page.locator('input[name=email]').fill(email);
      await page.keyboard.press('Enter');
      await page.getByRole('link', { name: words.forgot }).click();
      await everybodyCanRead(page, `forgot-${locale}`);
      await page.locator('input[name=email]').press('Enter');
      await page.getByRole('heading', { name: words.sent }).waitFor();
      await everybodyCanRead(page, `sent-${locale}`);
      const [mail] = await inbox(email);
      assert.match(mail.subject, words.subject);
      await page.goto(linkIn(mail));
      await everybodyCanRead(page, `reset-${locale}`);
      await page.locator('input[name=password]:focus').fill('password');
      await page.keyboard.press('Enter');
      await page.locator('[aria-invalid=true]').waitFor();
      await everybodyCanRead(page, `reset-weak-${locale}`);
      await page.locator('input[name=password]').fill(another);
      await page.keyboard.press('Enter');
      const back = await arrived(page);
      assert.equal(back.get('state'), 'a state');
      const { user, authenticationMethod } = await users.authenticateWithCode({ clientId, code: back.get('code') });
      assert.deepEqual([user.email, authenticationMethod], [email, 'Password']);
      assert.equal((await users.authenticateWithPassword({ clientId, email, password: another })).user.email, email);
      assert.deepEqual(complaints.filter((text) => !/favicon|422/.test(text)), []);
      await close();
    });

    test(`An invitation, by mail, to a member (${locale}, without scripts)`, async () => {
      const email = somebody();
      const organization = await holdfast.createOrganization('Acme');
      // The link begins a sign-in of its own, which ends at the environment's default address: the browser stops there.
      await users.sendInvitation({ email, organizationId: organization.id, locale });
      const { page, close } = await chromium.newPage({ locale, javaScriptEnabled: false });
      const [mail] = await inbox(email);
      assert.ok(mail.html.includes('<html lang="' + locale));
      await page.goto(linkIn(mail));
      assert.equal(await page.locator('html').getAttribute('lang'), locale);
      await page.locator('input[name=first_name]').fill('Ada');
      await page.locator('input[name=last_name]').fill('Lovelace');
      await page.locator('input[name=password]').fill(password);
      const landed = page.waitForRequest((request) => request.url().startsWith(holdfast.dev.redirect_uri));
      await page.keyboard.press('Enter');
      const code = new URL((await landed).url()).searchParams.get('code');
      const { user, organizationId } = await users.authenticateWithCode({ clientId, code });
      assert.deepEqual([user.email, user.firstName, user.emailVerified, organizationId], [email, 'Ada', true, organization.id]);
      await close();
    });
  }

  test('Everybody can read an invitation, and who has an account signs in to accept', async () => {
    const [fresh, known] = [somebody(), somebody()];
    const organization = await holdfast.createOrganization('Acme');
    await users.createUser({ email: known, password, emailVerified: true });
    const { page, close } = await chromium.newPage();
    for (const email of [fresh, known]) {
      await users.sendInvitation({ email, organizationId: organization.id });
    }
    await page.goto(linkIn((await inbox(fresh))[0]));
    await everybodyCanRead(page, 'invitation-new');
    await page.goto(linkIn((await inbox(known))[0]));
    await everybodyCanRead(page, 'invitation-known');
    await page.getByRole('button').click();
    await page.locator('input[name=password]').fill(password);
    const landed = page.waitForRequest((request) => request.url().startsWith(holdfast.dev.redirect_uri));
    await page.keyboard.press('Enter');
    const { organizationId } = await users.authenticateWithCode({ clientId, code: new URL((await landed).url()).searchParams.get('code') });
    assert.equal(organizationId, organization.id);
    await close();
  });

  test('The inbox is a page that everybody can read, too', async () => {
    const email = somebody();
    await users.sendInvitation({ email });
    const { page, close } = await chromium.newPage();
    await page.goto(`${holdfast.baseUrl}/dev/inbox`);
    await everybodyCanRead(page, 'inbox');
    await page.getByRole('link').first().click();
    await everybodyCanRead(page, 'inbox-mail');
    await close();
  });
});
