// The hosted pages as people use them: in Chromium, with a keyboard, on a phone, in another language, without scripts.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Chromium, faults, openApplication, shot, type } from './lib/chromium.mjs';
import { open } from './lib/holdfast.mjs';

const password = 'correct horse battery staple';

describe('The hosted pages', () => {
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

  const somebody = () => `${randomUUID().slice(0, 8)}@people.test`;
  const start = (more = {}) => users.getAuthorizationUrl({ clientId, provider: 'authkit', redirectUri: callback, state: 'a state', ...more });
  const arrived = (page) => page.waitForURL(`${callback}**`).then(() => new URL(page.url()).searchParams);

  async function user(email = somebody(), more = {}) {
    return users.createUser({ email, password, emailVerified: true, ...more });
  }

  /** The code of the last mail to an address. */
  async function mailed(email) {
    const mails = (await holdfast.call('GET', '/dev/inbox', undefined, { key: null, headers: { accept: 'application/json' } })).body;
    return /\b\d{6}\b/.exec(mails.find(({ to }) => to === email).text)[0];
  }


  /** Tab until this has the focus. */
  async function tabTo(page, name, role = 'button') {
    const wanted = page.getByRole(role, { name });
    await wanted.waitFor();
    for (let i = 0; i < 20; i++) {
      if (await wanted.evaluate((element) => element === document.activeElement)) {
        const { outlineStyle, outlineWidth } = await wanted.evaluate((element) => getComputedStyle(element));
        assert.deepEqual([outlineStyle, outlineWidth], ['solid', '2px'], `${name} shows that it has the focus`);
        return;
      }
      await page.keyboard.press('Tab');
    }
    assert.fail(`${name} is not reached by the keyboard`);
  }

  /** No sign of trouble but what the test caused. */
  const calm = (complaints) => assert.deepEqual(complaints.filter((text) => !/422 \(/.test(text)), []);

  for (const javaScriptEnabled of [true, false]) {
    test(`By keyboard alone, with an address and a password (scripts ${javaScriptEnabled ? 'on' : 'off'})`, async () => {
      const { email } = await user();
      const { page, complaints, close } = await chromium.newPage({ javaScriptEnabled });
      await page.goto(start());
      await type(page, 'email', email);
      await type(page, 'password', 'not this one');
      await page.getByText('not right').waitFor();
      await type(page, 'password', password);
      const back = await arrived(page);
      assert.equal(back.get('state'), 'a state');
      const { user: who, authenticationMethod } = await users.authenticateWithCode({ clientId, code: back.get('code') });
      assert.deepEqual([who.email, authenticationMethod], [email, 'Password']);
      calm(complaints);
      await close();
    });
  }

  test('By keyboard alone, with a mailed code', async () => {
    const { email } = await user();
    const { page, complaints, close } = await chromium.newPage();
    await page.goto(start());
    await type(page, 'email', email);
    await tabTo(page, /code instead/);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/sign-in/code**');
    await type(page, 'code', '12');
    await page.getByText('six digits', { exact: false }).first().waitFor();
    await type(page, 'code', await mailed(email));
    const { authenticationMethod } = await users.authenticateWithCode({ clientId, code: (await arrived(page)).get('code') });
    assert.equal(authenticationMethod, 'MagicAuth');
    calm(complaints);
    await close();
  });

  test('By keyboard alone, somebody new signs up', async () => {
    const email = somebody();
    const { page, complaints, close } = await chromium.newPage();
    await page.goto(start());
    await tabTo(page, 'Create an account', 'link');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/sign-up**');
    await type(page, 'email', email);
    await page.locator('input[name=first_name]:focus').waitFor();
    await page.keyboard.type('Grace');
    await page.keyboard.press('Tab');
    await page.keyboard.type('Hopper');
    await page.keyboard.press('Tab');
    await page.keyboard.type(password);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/sign-up/verify**');
    await type(page, 'code', await mailed(email));
    const { user: who } = await users.authenticateWithCode({ clientId, code: (await arrived(page)).get('code') });
    assert.deepEqual([who.email, who.firstName, who.lastName, who.emailVerified], [email, 'Grace', 'Hopper', true]);
    calm(complaints);
    await close();
  });

  test('By keyboard alone, an organization is chosen', async () => {
    const { id, email } = await user();
    for (const name of ['Initech', 'Umbrella']) {
      const organization = await holdfast.workos.organizations.createOrganization({ name });
      await users.createOrganizationMembership({ userId: id, organizationId: organization.id });
    }
    const { page, complaints, close } = await chromium.newPage();
    await page.goto(start());
    await type(page, 'email', email);
    await type(page, 'password', password);
    await tabTo(page, 'Umbrella');
    await page.keyboard.press('Enter');
    const { organizationId } = await users.authenticateWithCode({ clientId, code: (await arrived(page)).get('code') });
    assert.equal((await holdfast.workos.organizations.getOrganization(organizationId)).name, 'Umbrella');
    calm(complaints);
    await close();
  });

  test('An address of a verified domain leads to its identity provider and back', async () => {
    const { page, complaints, close } = await chromium.newPage();
    await holdfast.call('PUT', `/connections/${holdfast.dev.connections.saml}`, { state: 'inactive' });   // of two connections nobody could say which
    await page.goto(start());
    await type(page, 'email', 'grace@acme.test');
    await page.getByRole('button', { name: /^sign in$/i }).click();
    const { authenticationMethod, organizationId } = await users.authenticateWithCode({ clientId, code: (await arrived(page)).get('code') });
    assert.deepEqual([authenticationMethod, organizationId], ['SSO', holdfast.dev.organization_id]);
    calm(complaints);
    await holdfast.call('PUT', `/connections/${holdfast.dev.connections.saml}`, { state: 'active' });
    await close();
  });

  test('The back button and two tabs end well', async () => {
    const { email } = await user();
    const { page, context, close } = await chromium.newPage();
    await page.goto(start());
    await type(page, 'email', 'somebody.else@people.test');
    await page.waitForURL('**/sign-in/password**');
    await page.goBack();
    await page.locator('input[name=email]').fill(email);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/sign-in/password**');
    const other = await context.newPage();
    await other.goto(start({ state: 'the other' }));
    await type(other, 'email', email);
    await type(other, 'password', password);
    assert.equal((await arrived(other)).get('state'), 'the other');
    await page.locator('input[name=password]').fill(password);
    await page.keyboard.press('Enter');
    const back = await arrived(page);
    assert.equal(back.get('state'), 'a state');
    await users.authenticateWithCode({ clientId, code: back.get('code') });
    await page.goBack();
    await page.getByRole('heading', { name: 'You have signed in' }).waitFor();
    await close();
  });

  /** Each page, by its name: how it is reached, and the page. */
  const pages = {
    'sign-in': (page) => page.goto(start()),
    'sign-in-wrong': async (page) => {
      await page.goto(start());
      await type(page, 'email', 'ada@');
      await page.locator('.fault').waitFor();
    },
    'sign-in-branded': async (page) => {
      const organization = await holdfast.workos.organizations.createOrganization({ name: 'Initech' });
      await holdfast.call('PUT', `/organizations/${organization.id}/branding`, { accent_color: '#f5c518' });
      await page.goto(start({ organizationId: organization.id }));
    },
    password: (page) => toPassword(page, 'ada.lovelace@people.test'),
    'password-wrong': async (page) => {
      await toPassword(page, 'ada.lovelace@people.test');
      await type(page, 'password', 'not this one');
      await page.locator('.fault').waitFor();
    },
    code: (page) => toCode(page, somebody()),
    'code-wrong': async (page) => {
      await toCode(page, somebody());
      await type(page, 'code', '000000');
      await page.locator('.fault').waitFor();
    },
    verify: async (page) => {
      const { email } = await user(somebody(), { emailVerified: false });
      await toPassword(page, email);
      await type(page, 'password', password);
      await page.waitForURL('**/sign-in/verify**');
    },
    organization: async (page) => {
      const { id, email } = await user();
      for (const name of ['Initech', 'Umbrella Gesellschaft für angewandte Forschung und Entwicklung mbH', 'Stark Industries']) {
        await users.createOrganizationMembership({ userId: id, organizationId: (await holdfast.workos.organizations.createOrganization({ name })).id });
      }
      await toPassword(page, email);
      await type(page, 'password', password);
      await page.waitForURL('**/sign-in/organization**');
    },
    'sign-up': (page) => page.goto(start({ screenHint: 'sign-up' })),
    'sign-up-details': (page) => toDetails(page, 'grace@people.test'),
    'sign-up-details-wrong': async (page) => {
      await toDetails(page, 'grace@people.test');
      await page.locator('input[name=password]').fill('password');
      await page.keyboard.press('Enter');
      await page.locator('.fault').waitFor();
    },
    'sign-up-verify': async (page) => {
      await toDetails(page, somebody());
      await page.locator('input[name=password]').fill(password);
      await page.keyboard.press('Enter');
      await page.waitForURL('**/sign-up/verify**');
    },
    finished: async (page) => {
      const { email } = await user();
      await toPassword(page, email);
      await type(page, 'password', password);
      await arrived(page);
      await page.goBack();
      await page.waitForURL('**/sign-in/password**');
    },
    'no-flow': (page) => page.goto(`${holdfast.baseUrl}/sign-in`),
    'bad-link': (page) => page.goto(`${holdfast.baseUrl}/user_management/authorize?client_id=nobody`),
    'sign-out-unknown': (page) => page.goto(`${holdfast.baseUrl}/user_management/sessions/logout?session_id=session_00000000000000000000000000`),
    components: (page) => page.goto(`${holdfast.baseUrl}/dev/components`),
  };

  async function toPassword(page, email) {
    await page.goto(start());
    await type(page, 'email', email);
    await page.waitForURL('**/sign-in/password**');
  }

  async function toCode(page, email) {
    await toPassword(page, email);
    await page.locator('button[name=again]').click();
    await page.waitForURL('**/sign-in/code**');
  }

  async function toDetails(page, email) {
    await page.goto(start({ screenHint: 'sign-up' }));
    await type(page, 'email', email);
    await page.waitForURL('**/sign-up/details**');
  }

  for (const name of Object.keys(pages)) {
    for (const locale of name === 'components' ? ['en'] : ['en', 'de']) {
      test(`The page "${name}" is readable by everyone, in every theme and width (${locale})`, async () => {
        const { page, close } = await chromium.newPage({ locale, viewport: { width: 1280, height: 860 } });
        await pages[name](page);
        assert.equal(await page.locator('html').getAttribute('lang'), name === 'components' ? 'en' : locale);
        for (const colorScheme of ['light', 'dark']) {
          await page.emulateMedia({ colorScheme });
          assert.deepEqual(await faults(page), [], colorScheme);
          await shot(page, `${name}.${locale}.${colorScheme}`);
        }
        // A small phone; and the same as 400 % on a screen of 1280 (WCAG 2.2 §1.4.10).
        await page.emulateMedia({ colorScheme: 'light' });
        await page.setViewportSize({ width: 320, height: 568 });
        const wide = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(await wide(), 0, 'nothing is wider than a small phone');
        await shot(page, `${name}.${locale}.phone`);
        const small = await page.evaluate(() => [...document.querySelectorAll('button, a, input:not([type=hidden])')]
          .filter((element) => !element.closest('p:not(.foot, .who)') && element.checkVisibility() && element.getBoundingClientRect().height < 24).map((element) => element.outerHTML));
        assert.deepEqual(small, [], 'everything can be hit with a thumb');
        // Text twice as large, and the other direction of reading.
        await page.evaluate(() => {
          document.documentElement.style.fontSize = '200%';
          document.body.style.fontSize = '200%';
          document.documentElement.dir = 'rtl';
        });
        assert.equal(await wide(), 0, 'nor when text is twice as large and runs the other way');
        await page.evaluate(() => {
          document.documentElement.style.fontSize = document.body.style.fontSize = '';
        });
        assert.deepEqual(await faults(page), [], 'right to left');
        await page.setViewportSize({ width: 1280, height: 860 });
        if (locale === 'en') {
          await shot(page, `${name}.rtl`);
        }
        await close();
      });
    }
  }
});
