// The status page and an incident's with the primary gone, as somebody sees them who was woken by it: in both languages, in every theme and width, without scripts.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { Chromium, faults, shot } from './lib/chromium.mjs';
import { open } from './lib/holdfast.mjs';

delete process.env.HOLDFAST_BASE_URL;   // a server of these tests' own: its primary is taken away

/** Holds the bytes of a SQLite file that every reader and writer must lock, as another process in the middle of a long transaction would. */
async function lock(file) {
  const program = 'use Fcntl qw(:DEFAULT :seek); open(F, "+<", $ARGV[0]) or die; my $lock = pack("s s x4 q q i x4", F_WRLCK, SEEK_SET, 0x40000000, 512, 0); fcntl(F, F_SETLKW, $lock) or die; $| = 1; print "held"; sleep';
  const holder = spawn('perl', ['-e', program, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    holder.stdout.once('data', resolve);
    holder.once('exit', (code) => reject(new Error(`perl ended with ${code}`)));
  });
  return () => holder.kill();
}

const program = fileURLToPath(new URL('../../holdfast', import.meta.url));
const note = 'The disk of the database is full. Room is being made.';
const signIns = 6;

describe('With the primary gone', () => {
  let holdfast, chromium, letGo, incident;
  before(async () => {
    holdfast = await open();
    await holdfast.registerCallback();
    chromium = await Chromium.launch();
    letGo = await lock(holdfast.dev.primary_file ?? join(holdfast.data, 'primary.db'));
    const deadline = Date.now() + 300_000;
    for (;;) {
      [incident] = (await holdfast.must(200, 'GET', '/incidents')).data;
      if (incident) {
        break;
      }
      assert.ok(Date.now() < deadline, 'no incident was opened');
      await pause(200);
    }
    // It really is gone: an administrator is refused. People sign in, and somebody who works on it says so in the timeline.
    const refused = await holdfast.call('POST', '/organizations', { name: 'Never' });
    assert.deepEqual([refused.status, refused.body.code], [503, 'primary_unavailable']);
    await signIn();
    execFileSync(program, ['ops', 'incident', 'note', incident.id, note, '--author', 'Operations', '--url', holdfast.baseUrl, '--data', holdfast.data]);
    while (!/Single Sign-On/.test((await holdfast.call('GET', `/status/incidents/${incident.id}`)).text)) {
      assert.ok(Date.now() < deadline, 'what it did to sign-ins is not counted');   // it is written down once a minute
      await pause(500);
    }
    await signIn();   // in the last minute, before anybody looks
  });
  after(async () => {
    letGo?.();
    await chromium?.close();
    await holdfast?.stop();
  });

  async function signIn() {
    for (let i = 0; i < signIns; i++) {
      const { code, error } = await holdfast.signIn(holdfast.authorizationUrl({ connection: holdfast.dev.connections.saml }));
      assert.ok(code, `the sign-in ended with ${error}`);
      await holdfast.workos.sso.getProfileAndToken({ code, clientId: holdfast.clientId });
    }
  }

  const said = {
    status: {
      en: [/^Sign-in works\. Something else is broken\.$/, /The primary database/, 'Affected', 'Meanwhile', 'What to do', 'Since'],
      de: [/^Anmelden funktioniert\. Etwas anderes ist gestört\.$/, /Die primäre Datenbank/, 'Betroffen', 'Einstweilen', 'Was zu tun ist', 'Seit'],
    },
    incident: {
      en: [/^The primary database/, /The primary database/, 'Affected', 'Cause', 'What happened when (UTC)', 'The first call failed.', 'Single Sign-On', note],
      de: [/^Die primäre Datenbank/, /Die primäre Datenbank/, 'Betroffen', 'Ursache', 'Was wann geschah (UTC)', 'Der erste Aufruf scheiterte.', 'Single Sign-On', note],
    },
  };
  const paths = { status: () => '/status', incident: () => `/status/incidents/${incident.id}` };

  for (const name of Object.keys(paths)) {
    for (const locale of ['en', 'de']) {
      test(`The ${name} page says what is broken, for whom, since when and what to do, to everyone (${locale})`, async () => {
        const url = `${holdfast.baseUrl}${paths[name]()}`;
        const bare = await chromium.newPage({ locale, javaScriptEnabled: false });
        await bare.page.goto(url);
        const without = await bare.page.locator('main').innerText();
        await bare.close();
        const { page, close } = await chromium.newPage({ locale, viewport: { width: 1280, height: 860 } });
        try {
          await page.goto(url);
          const [heading, cause, ...words] = said[name][locale];
          assert.equal(await page.locator('html').getAttribute('lang'), locale);
          assert.match((await page.locator('h1').innerText()).trim(), heading);
          const text = await page.locator('main').innerText();
          assert.match(text, cause);
          for (const word of words) {
            assert.ok(text.includes(word) && without.includes(word), `${word} is said, scripts or not`);
          }
          for (const colorScheme of ['light', 'dark']) {
            await page.emulateMedia({ colorScheme });
            assert.deepEqual(await faults(page), [], colorScheme);
            await shot(page, `${name}.${locale}.${colorScheme}`);
          }
          await page.emulateMedia({ colorScheme: 'light' });
          await page.setViewportSize({ width: 320, height: 568 });
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, 'nothing is wider than a small phone');
          await shot(page, `${name}.${locale}.phone`);
        } finally {
          await close();
        }
      });
    }
  }
});
