// Debian's Chromium, and what every page must be: readable by everyone.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { listen } from './listen.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const screenshots = process.env.HOLDFAST_SCREENSHOTS || fileURLToPath(new URL('../screenshots/', import.meta.url));

/** The application that pages lead back to: { origin, stop }. Whoever comes there is signed in. A loopback address may have any port (RFC 8252 §7.3). */
export const openApplication = () => listen((request, response) => {
  response.setHeader('content-type', 'text/html; charset=utf-8').end('<!doctype html><html lang="en"><title>Signed in</title><main><h1>Signed in</h1></main>');
});

/** Keeps what a page looks like, for eyes. */
export async function shot(page, name) {
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
}

/** Types into the field that the page has put the cursor into: by keyboard alone, and not before it is there. */
export async function type(page, name, text) {
  await page.locator(`input[name=${name}]:focus`).waitFor();
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
}

export class Chromium {
  #browser;

  /** @param args more of Chromium's own. */
  static async launch(...args) {
    const made = new Chromium();
    made.#browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', ...quiet, ...args] });
    return made;
  }

  /** A page of its own browser profile; what its console complains about is in `complaints`. */
  async newPage(options) {
    const context = await this.#browser.newContext(options);
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const complaints = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    return { page, complaints, context, close: () => context.close() };
  }

  close() {
    return this.#browser.close();
  }
}

/** What axe finds on a page as it stands, in words. Its script comes in by the inspector's way, past the page's policy. */
export async function faults(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Runtime.evaluate', { expression: axe });
  const { result } = await cdp.send('Runtime.evaluate', {
    expression: `axe.run(document, { runOnly: ${JSON.stringify(rules)} }).then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => \`\${id}: \${nodes.map(({ target }) => target.join(' ')).join(', ')}\`)))`,
    awaitPromise: true, returnByValue: true,
  });
  await cdp.detach();
  return JSON.parse(result.value);
}
