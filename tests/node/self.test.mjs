// The tools of the other suites, tried without Holdfast: the providers against parties that are not ours either, the browser against awkward pages.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import { SAML } from '@node-saml/node-saml';
import { Browser, decode } from './lib/browser.mjs';
import { listen } from './lib/listen.mjs';
import { startOidcIdp } from './lib/oidc-idp.mjs';
import { startSamlIdp } from './lib/saml-idp.mjs';

const ada = { nameId: 'ada-7', login: 'ada', email: 'ada@acme.test', firstName: 'Ada & "Co"', lastName: "O'Læve", groups: ['staff', 'admins <1>'] };

describe('The SAML provider', () => {
  let idp, sp, seen;
  before(async () => {
    idp = await startSamlIdp();
    sp = await listen(async (request, response, url) => {
      const chunks = await request.toArray();
      seen = new URLSearchParams(Buffer.concat(chunks).toString());
      response.writeHead(303, { location: '/done' }).end(url.pathname);
    });
    idp.trust({ acs_url: `${sp.origin}/acs`, sp_entity_id: 'urn:test:sp' });
    idp.person = ada;
  });
  after(async () => {
    await idp?.stop();
    await sp?.stop();
  });

  const party = (options) => new SAML({
    idpCert: idp.certificate, issuer: 'urn:test:sp', callbackUrl: `${sp.origin}/acs`, entryPoint: idp.ssoUrl, audience: 'urn:test:sp',
    validateInResponseTo: 'always', idpIssuer: idp.entityId, disableRequestedAuthnContext: true, ...options,
  });

  async function signIn(saml, relayState = 'r+s=1&"') {
    const url = await saml.getAuthorizeUrlAsync(relayState, undefined, {});
    const page = await new Browser().walk(url, { until: `${sp.origin}/done` });
    assert.equal(page.url, `${sp.origin}/done`, page.text());
    assert.equal(seen.get('RelayState'), relayState);
    return (await saml.validatePostResponseAsync({ SAMLResponse: seen.get('SAMLResponse') })).profile;
  }

  for (const [sign, wantAssertionsSigned, wantAuthnResponseSigned] of [['assertion', true, false], ['response', false, true], ['both', true, true]]) {
    test(`is believed by another SAML library when it signs: ${sign}`, async () => {
      idp.sign = sign;
      const profile = await signIn(party({ wantAssertionsSigned, wantAuthnResponseSigned }));
      assert.equal(profile.nameID, ada.nameId);
      assert.equal(profile.nameIDFormat, 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent');
      assert.deepEqual([profile.email, profile.firstName, profile.lastName, profile.groups], [ada.email, ada.firstName, ada.lastName, ada.groups]);
    });
  }

  test('signs only what it is told to', async () => {
    const signatures = async (sign) => {
      idp.sign = sign;
      const xml = Buffer.from(await idp.respond('_1'), 'base64').toString();
      return { response: /^<samlp:Response[^>]*><saml:Issuer>[^<]*<\/saml:Issuer><ds:Signature/.test(xml), all: xml.match(/<ds:Signature /g).length };
    };
    assert.deepEqual(await signatures('assertion'), { response: false, all: 1 });
    assert.deepEqual(await signatures('response'), { response: true, all: 1 });
    assert.deepEqual(await signatures('both'), { response: true, all: 2 });
  });

  test('can be told to be wrong', async () => {
    idp.sign = 'both';
    idp.spoil = (xml) => xml.replaceAll('ada@acme.test', 'eve@acme.test');
    await assert.rejects(signIn(party({})), /[Ii]nvalid/);
    idp.spoil = (xml) => xml;
    idp.nameIdFormat = 'email';
    assert.equal((await signIn(party({}))).nameID, ada.email);
    idp.nameIdFormat = 'persistent';
  });
});

for (const [claimsIn, clientAuthentication] of [['id_token', 'client_secret_basic'], ['userinfo', 'client_secret_post']]) {
  test(`The OpenID provider signs in with ${clientAuthentication} and gives claims in ${claimsIn}`, async (t) => {
    const idp = await startOidcIdp({ people: { ada }, claimsIn, clientAuthentication });
    t.after(idp.stop);
    const callback = 'http://127.0.0.1:9/callback';
    idp.register(callback);
    const discovery = await (await fetch(idp.discoveryUrl)).json();
    assert.deepEqual(discovery.token_endpoint_auth_methods_supported, [clientAuthentication]);
    assert.equal(discovery.issuer, idp.issuer);

    const verifier = randomBytes(32).toString('base64url');
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const asked = new URLSearchParams({
      client_id: idp.clientId, redirect_uri: callback, response_type: 'code', scope: 'openid email profile', state: 's', nonce: 'n',
      code_challenge: challenge, code_challenge_method: 'S256',
    });
    const page = await new Browser().walk(`${discovery.authorization_endpoint}?${asked}`, { until: callback, person: ada });
    const back = new URL(page.url).searchParams;
    assert.equal(back.get('state'), 's', page.text());
    assert.equal(idp.requests.at(-1).nonce, 'n');

    const basic = clientAuthentication === 'client_secret_basic';
    const encode = (text) => encodeURIComponent(text).replaceAll('%20', '+');
    const response = await fetch(discovery.token_endpoint, {
      method: 'POST',
      headers: basic ? { authorization: `Basic ${btoa(`${encode(idp.clientId)}:${encode(idp.clientSecret)}`)}` } : {},
      body: new URLSearchParams({
        grant_type: 'authorization_code', code: back.get('code'), redirect_uri: callback, code_verifier: verifier,
        ...(basic ? {} : { client_id: idp.clientId, client_secret: idp.clientSecret }),
      }),
    });
    const tokens = await response.json();
    assert.equal(response.status, 200, JSON.stringify(tokens));
    const [head, payload, signature] = tokens.id_token.split('.');
    const { keys } = await (await fetch(discovery.jwks_uri)).json();
    const publicKey = createPublicKey({ key: keys[0], format: 'jwk' });
    assert.ok(verify('sha256', Buffer.from(`${head}.${payload}`), publicKey, Buffer.from(signature, 'base64url')));
    const inToken = JSON.parse(Buffer.from(payload, 'base64url'));
    const info = await (await fetch(discovery.userinfo_endpoint, { headers: { authorization: `Bearer ${tokens.access_token}` } })).json();
    assert.equal(inToken.nonce, 'n');
    assert.equal(inToken.email, claimsIn === 'id_token' ? ada.email : undefined);
    assert.deepEqual([info.sub, info.email, info.given_name, info.family_name], ['ada', ada.email, ada.firstName, ada.lastName]);
  });
}

describe('The browser', () => {
  let site, heard;
  before(async () => {
    site = await listen(async (request, response, url) => {
      const body = Buffer.concat(await request.toArray()).toString();
      heard = { path: url.pathname, cookies: request.headers.cookie ?? '', origin: request.headers.origin, body };
      const cookies = {
        '/set': [
          'a=1; Path=/', 'b=2; Path=/deep; Secure; HttpOnly; SameSite=None', '__Host-c=3; Path=/; Secure', '__Host-d=4; Path=/',
          'e=5; Domain=example.test',
        ],
        '/drop': ['a=; Path=/; Max-Age=0', '__Host-c=; Path=/; Secure; Expires=Thu, 01 Jan 1970 00:00:00 GMT'],
      }[url.pathname] ?? [];
      response.setHeader('set-cookie', cookies);
      if (url.pathname === '/form') {
        response.end(`<form method='post' action="/take?x=1&amp;y=2"><input type=hidden name="h" value='a&#43;b &quot;&#x3d;'><input name=email>
          <input type=checkbox name=no><input type=checkbox name=yes checked><select name=s><option value=1>one<option value=2 selected>two</select>
          <textarea name=t>x &lt; y</textarea><button name="go" value="now">Go</button><button name=other value=no>No</button></form>`);
      } else {
        response.writeHead(url.pathname === '/round' ? 302 : 200, url.pathname === '/round' ? { location: 'deep/end' } : {}).end('ok');
      }
    });
  });
  after(() => site?.stop());

  test('keeps cookies by path and prefix, sends Secure ones to loopback, and forgets what has ended', async () => {
    const browser = new Browser();
    await browser.visit(`${site.origin}/set`);
    await browser.visit(`${site.origin}/round`);
    assert.equal(heard.path, '/deep/end');
    assert.deepEqual(heard.cookies.split('; ').sort(), ['__Host-c=3', 'a=1', 'b=2']);
    await browser.visit(`${site.origin}/drop`);
    assert.deepEqual(browser.cookiesFor(`${site.origin}/deep`), ['b']);
    assert.deepEqual(browser.cookiesFor(`${site.origin}/deeper`), []);
  });

  test('sends a form as its first button would', async () => {
    const browser = new Browser();
    const page = await browser.visit(`${site.origin}/form`);
    await browser.submit(page, page.forms[0], { email: 'ada@acme.test' });
    assert.equal(heard.origin, site.origin);
    assert.deepEqual([...new URLSearchParams(heard.body)], [
      ['h', 'a+b "='], ['email', 'ada@acme.test'], ['yes', 'on'], ['s', '2'], ['t', 'x < y'], ['go', 'now']]);
  });

  test('stops before the address it was told to reach, and stays on this machine', async () => {
    const page = await new Browser().visit(`${site.origin}/round`, { until: `${site.origin}/deep` });
    assert.equal(page.url, `${site.origin}/deep/end`);
    assert.equal(heard.path, '/round');
    await assert.rejects(new Browser().visit('http://example.test/'), /elsewhere/);
    assert.equal(decode('&lt;&#65;&#x42;&unknown;'), '<AB&unknown;');
  });
});
