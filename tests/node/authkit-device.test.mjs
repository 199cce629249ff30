// A device is signed in by somebody who types in its code: in Chromium, in both languages, by keyboard, read by axe; screenshots are kept for eyes.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Chromium, faults, shot, type } from './lib/chromium.mjs';
import { open } from './lib/holdfast.mjs';

const grant = 'urn:ietf:params:oauth:grant-type:device_code';
const password = 'correct horse battery staple';

describe('Signing in a device', () => {
  let holdfast, chromium;
  before(async () => {
    holdfast = await open();
    chromium = await Chromium.launch();
  });
  after(async () => {
    await chromium?.close();
    await holdfast?.stop();
  });

  async function somebody() {
    const email = `${randomUUID()}@people.test`;
    const user = await holdfast.workos.userManagement.createUser({ email, emailVerified: true, password });
    return { email, id: user.id };
  }
  const begin = () => holdfast.must(200, 'POST', '/user_management/authorize/device', { client_id: holdfast.clientId }, { key: null });
  const ask = ({ device_code }) => holdfast.call('POST', '/user_management/authenticate', { grant_type: grant, client_id: holdfast.clientId, device_code }, { key: null });

  const words = {
    en: { code: 'Code on your device', go: 'Continue', email: 'Email address', password: 'Password', signIn: 'Sign in', confirm: 'Sign in on your device?', allow: 'Sign in on the device', refuse: 'Do not sign in', allowed: 'Your device is signed in', refused: 'Your device is not signed in', network: /the network that you are on\s+127\.0\.0\.1/ },
    de: { code: 'Code auf Ihrem Gerät', go: 'Weiter', email: 'E-Mail-Adresse', password: 'Passwort', signIn: 'Anmelden', confirm: 'Auf Ihrem Gerät anmelden?', allow: 'Auf dem Gerät anmelden', refuse: 'Nicht anmelden', allowed: 'Ihr Gerät ist angemeldet', refused: 'Ihr Gerät ist nicht angemeldet', network: /dem Netz, in dem Sie sind\s+127\.0\.0\.1/ },
  };

  /** From the code to the question. */
  async function toQuestion(page, device, { email }, say, address = device.verification_uri_complete, seen = async () => {}) {
    await page.goto(address);
    const field = page.getByLabel(say.code);
    if (address === device.verification_uri_complete) {
      assert.equal(await field.inputValue(), device.user_code);
    } else {
      await field.fill(device.user_code.toLowerCase().replace('-', ''));
    }
    await seen('code');
    await page.getByRole('button', { name: say.go }).click();
    await page.getByLabel(say.email).fill(email);
    await page.getByRole('button', { name: say.go }).click();
    await page.getByLabel(say.password, { exact: true }).fill(password);
    await page.getByRole('button', { name: say.signIn, exact: true }).click();
    await page.getByRole('heading', { name: say.confirm }).waitFor();
    await seen('confirm');
  }

  for (const [language, say] of Object.entries(words)) {
    for (const colorScheme of ['light', 'dark']) {
      test(`By its link, ${language}, ${colorScheme}`, async () => {
        const [device, person] = [await begin(), await somebody()];
        const { page, complaints, close } = await chromium.newPage({ locale: language, colorScheme });
        await toQuestion(page, device, person, say, undefined, async (name) => {
          assert.deepEqual(await faults(page), []);
          await shot(page, `device-${name}-${language}-${colorScheme}`);
        });
        assert.match(await page.locator('main').innerText(), new RegExp(device.user_code));
        assert.match(await page.locator('main').innerText(), new RegExp(person.email));
        assert.match(await page.locator('dl').innerText(), say.network);   // both are on this machine
        assert.equal((await ask(device)).body.error, 'authorization_pending');
        await page.getByRole('button', { name: say.allow }).click();
        await page.getByRole('heading', { name: say.allowed }).waitFor();
        assert.deepEqual(await faults(page), []);
        await shot(page, `device-allowed-${language}-${colorScheme}`);
        assert.deepEqual(complaints, []);
        await close();
        // The pause between two questions is the server's to mind; a second one at once is told to slow down, and then the answer is there.
        const answers = [await ask(device)];
        assert.equal(answers[0].body.error, 'slow_down');
      });
    }
  }

  test('The device gets its session, by keyboard alone, with the code typed in', async () => {
    const [device, person] = [await begin(), await somebody()];
    const { page, close } = await chromium.newPage({ locale: 'en' });
    await page.goto(device.verification_uri);
    await type(page, 'user_code', device.user_code.toLowerCase());
    await type(page, 'email', person.email);
    await type(page, 'password', password);
    await page.getByRole('heading', { name: words.en.confirm }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: words.en.allowed }).waitFor();
    const { status, body } = await ask(device);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual([body.user.id, body.authentication_method], [person.id, 'Password']);
    assert.equal((await ask(device)).body.error, 'slow_down');
    await page.goBack();
    assert.match(await page.locator('h1').innerText(), /answered already/);
    await close();
  });

  test('Who refuses is believed, and no script is needed for any of it', async () => {
    const [device, person] = [await begin(), await somebody()];
    const { page, close } = await chromium.newPage({ locale: 'en', javaScriptEnabled: false });
    await toQuestion(page, device, person, words.en, device.verification_uri);
    await page.getByRole('button', { name: words.en.refuse }).click();
    await page.getByRole('heading', { name: words.en.refused }).waitFor();
    assert.equal((await ask(device)).body.error, 'access_denied');
    await close();
  });

  test('A code that is none is said to be none, beside the field, and the page fits a phone', async () => {
    const { page, close } = await chromium.newPage({ locale: 'en', viewport: { width: 320, height: 640 } });
    await page.goto(`${holdfast.baseUrl}/device`);
    await page.getByLabel(words.en.code).fill('BCDF-GHJK');
    await page.getByRole('button', { name: words.en.go }).click();
    await page.getByText('That code is not right, or it has expired.').waitFor();
    assert.equal(await page.getByLabel(words.en.code).inputValue(), 'BCDF-GHJK');
    assert.equal(await page.getByLabel(words.en.code).getAttribute('aria-invalid'), 'true');
    assert.deepEqual(await faults(page), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth), false);
    await shot(page, 'device-wrong-en-phone');
    await close();
  });

  test('The question fits a phone, and reads from right to left', async () => {
    const [device, person] = [await begin(), await somebody()];
    const { page, close } = await chromium.newPage({ locale: 'de', viewport: { width: 320, height: 640 } });
    await toQuestion(page, device, person, words.de);
    const isWide = () => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    assert.equal(await isWide(), false);
    await shot(page, 'device-confirm-de-phone');
    await page.evaluate(() => { document.documentElement.dir = 'rtl'; });
    assert.equal(await isWide(), false);
    await shot(page, 'device-confirm-rtl-phone');
    await close();
  });

  test('Another site cannot post a code', async () => {
    const device = await begin();
    const refused = await holdfast.call('POST', '/device', new URLSearchParams({ user_code: device.user_code }), { key: null, headers: { 'sec-fetch-site': 'cross-site', 'content-type': 'application/x-www-form-urlencoded' } });
    assert.deepEqual([refused.status, refused.headers.get('set-cookie')], [403, null]);
  });
});
