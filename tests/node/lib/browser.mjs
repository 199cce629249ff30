// A browser without a screen: a cookie jar, redirects followed one at a time, forms filled in and sent. No JavaScript, so every page must do without.
import http from 'node:http';

const maxSteps = 25;

export class Browser {
  #jar = [];

  /** Loads a page, follows redirects, and stops before it would visit an address that begins with `until`. */
  async visit(url, { until } = {}) {
    return this.#follow(await this.#send('GET', new URL(url)), until);
  }

  /** Sends a form of a page as its button would, with `values` in the fields named. */
  async submit(page, form = page.forms[0], values = {}, { until } = {}) {
    if (form === undefined) {
      throw new Error(`no form on the page: ${page.text()}`);
    }
    const fields = [...form.fields.map(({ name, value }) => [name, values[name] ?? value]), ...(form.button ? [form.button] : [])];
    const added = Object.entries(values).filter(([name]) => !form.fields.some((field) => field.name === name));
    const body = new URLSearchParams([...fields, ...added]);
    const target = new URL(form.action || page.url, page.url);
    if (form.method === 'GET') {
      target.search = body;
      return this.#follow(await this.#send('GET', target), until);
    }
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: new URL(page.url).origin, referer: page.url };
    return this.#follow(await this.#send('POST', target, headers, String(body)), until);
  }

  /** Walks from `url` to an address that begins with `until`: fills in from `person` what pages ask, else presses the button. */
  async walk(url, { until, person = {} }) {
    return this.goOn(await this.visit(url, { until }), { until, person });
  }

  async goOn(page, { until, person = {} }) {
    for (let step = 0; step < maxSteps; step++) {
      if (page.url.startsWith(until)) {
        return page;
      }
      const form = page.forms.find(({ method }) => method === 'POST') ?? page.forms[0];
      if (form === undefined || page.status >= 400) {
        return page;
      }
      page = await this.submit(page, form, answersOf(form, person), { until });
    }
    throw new Error(`the way to ${until} has no end; it is at ${page.url}`);
  }

  /** The names of the cookies that a request for `url` would carry. */
  cookiesFor(url) {
    return this.#matching(new URL(url)).map(({ name }) => name);
  }

  async #follow(page, until) {
    for (let step = 0; step < maxSteps; step++) {
      const location = page.headers.location;
      if (page.status < 300 || page.status >= 400 || location === undefined) {
        return page;
      }
      const next = new URL(location, page.url);
      if (until !== undefined && next.href.startsWith(until)) {
        return { ...page, url: next.href };
      }
      page = await this.#send('GET', next);   // 307 and 308 keep the method; nothing here answers them
    }
    throw new Error(`too many redirects; the last goes to ${page.headers.location}`);
  }

  #send(method, url, headers = {}, body) {
    if (url.protocol !== 'http:' || !isLoopback(url.hostname)) {
      throw new Error(`the tests stay on this machine, and ${url.origin} is elsewhere`);
    }
    const cookie = this.#matching(url).map(({ name, value }) => `${name}=${value}`).join('; ');
    const sent = {
      accept: 'text/html,application/xhtml+xml', 'user-agent': 'Mozilla/5.0 (a scripted browser)', ...headers,
      ...(cookie ? { cookie } : {}), ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
    };
    return new Promise((resolve, reject) => {
      const request = http.request(url, { method, headers: sent, agent: false, timeout: 30_000 }, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          (response.headers['set-cookie'] ?? []).forEach((line) => this.#keep(line, url));
          resolve(pageOf(response, url, Buffer.concat(chunks).toString('utf8')));
        });
      });
      request.on('timeout', () => request.destroy(new Error(`no answer from ${url.origin}${url.pathname}`)));
      request.on('error', reject);
      request.end(body);
    });
  }

  /** A browser's rules: Secure cookies travel to loopback too, ports do not part cookies, prefixes bind, and SameSite parts nothing on one host. */
  #keep(line, url) {
    const [pair, ...rest] = line.split(';').map((part) => part.trim());
    const split = pair.indexOf('=');
    const name = pair.slice(0, split);
    const attributes = new Map(rest.map((part) => part.split('=')).map(([key, ...value]) => [key.toLowerCase(), value.join('=')]));
    const domain = (attributes.get('domain') ?? '').replace(/^\./, '').toLowerCase();
    const isSecure = attributes.has('secure');
    if (domain !== '' && domain !== url.hostname
        || name.startsWith('__Host-') && (!isSecure || domain !== '' || attributes.get('path') !== '/')
        || name.startsWith('__Secure-') && !isSecure) {
      return;
    }
    const given = attributes.get('path');
    const path = given?.startsWith('/') ? given : url.pathname.slice(0, Math.max(1, url.pathname.lastIndexOf('/')));
    this.#jar = this.#jar.filter((cookie) => !(cookie.name === name && cookie.host === url.hostname && cookie.path === path));
    const maxAge = attributes.has('max-age') ? Number(attributes.get('max-age')) * 1000 : undefined;
    const ends = maxAge !== undefined ? Date.now() + maxAge : attributes.has('expires') ? Date.parse(attributes.get('expires')) : Infinity;
    if (ends > Date.now()) {
      this.#jar.push({ name, value: pair.slice(split + 1), host: url.hostname, path, isSecure, ends });
    }
  }

  #matching(url) {
    const covers = (path) => url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
    return this.#jar
      .filter(({ host, path, isSecure, ends }) => host === url.hostname && covers(path) && ends > Date.now() && (!isSecure || isLoopback(host)))
      .sort((a, b) => b.path.length - a.path.length);
  }
}

/** What a page of a test identity provider asks for, taken from a person. */
function answersOf(form, person) {
  const wanted = [
    [/pass/i, person.password ?? 'not checked here'],
    [/first|given/i, person.firstName],
    [/last|family/i, person.lastName],
    [/mail|user|login|name_?id/i, person.login ?? person.email],
  ];
  const visible = form.fields.filter(({ type }) => type !== 'hidden');
  return Object.fromEntries(visible.flatMap(({ name, type }) => {
    const [, value] = type === 'password' ? wanted[0] : wanted.find(([pattern]) => pattern.test(name)) ?? [];
    return value === undefined ? [] : [[name, value]];
  }));
}

function isLoopback(host) {
  return host === 'localhost' || host === '[::1]' || /^127\./.test(host);
}

function pageOf(response, url, html) {
  const words = () => decode(html.replaceAll(/<(style|script)[^]*?<\/\1>|<[^>]*>/gi, ' ')).replaceAll(/\s+/g, ' ').trim();
  return {
    status: response.statusCode, headers: response.headers, url: url.href, html, forms: formsOf(html),
    text: () => `${response.statusCode} ${url.pathname}: ${words().slice(0, 400)}`,
  };
}

function formsOf(html) {
  return [...html.replaceAll(/<!--[^]*?-->/g, '').matchAll(/<form\b([^>]*)>([^]*?)<\/form>/gi)].map(([, head, inner]) => {
    const { action, method } = attributesOf(head);
    const controls = [...inner.matchAll(/<(input|button|select|textarea)\b([^>]*)>([^]*?)(?=<(?:input|button|select|textarea)\b|$)/gi)]
      .map(([, tag, attributes, after]) => ({ tag: tag.toLowerCase(), after, ...attributesOf(attributes) }))
      .map((control) => ({ ...control, type: (control.type ?? (control.tag === 'button' ? 'submit' : 'text')).toLowerCase() }));
    const fields = controls
      .filter(({ tag, type, name }) => name !== undefined && tag !== 'button' && !['submit', 'button', 'reset', 'image', 'file'].includes(type))
      .filter(({ type, checked }) => !['checkbox', 'radio'].includes(type) || checked !== undefined)
      .map((control) => ({ name: control.name, type: control.type, value: valueOf(control) }));
    const button = controls.find(({ type }) => type === 'submit');
    return {
      action: action ?? '', method: (method ?? 'GET').toUpperCase(), fields,
      button: button?.name === undefined ? undefined : [button.name, button.value ?? ''],
    };
  });
}

function valueOf({ tag, type, value, after }) {
  if (tag === 'textarea') {
    return decode(after.split(/<\/textarea/i)[0].replace(/^\r?\n/, ''));
  }
  if (tag === 'select') {
    const options = [...after.matchAll(/<option\b([^>]*)>([^<]*)/gi)].map(([, head, text]) => ({ text: decode(text.trim()), ...attributesOf(head) }));
    const chosen = options.find(({ selected }) => selected !== undefined) ?? options[0];
    return chosen?.value ?? chosen?.text ?? '';
  }
  return value ?? (['checkbox', 'radio'].includes(type) ? 'on' : '');
}

function attributesOf(text) {
  const found = text.matchAll(/([^\s=/"'>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/g);
  return Object.fromEntries([...found].map(([, name, double, single, bare]) => [name.toLowerCase(), decode(double ?? single ?? bare ?? '')]));
}

export function decode(text) {
  const named = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };
  return text.replaceAll(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) =>
    hex ? String.fromCodePoint(parseInt(hex, 16)) : decimal ? String.fromCodePoint(Number(decimal)) : named[name.toLowerCase()] ?? whole);
}
