// Single sign-on with an OpenID Connect provider that is not ours, through the official SDK.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Browser } from './lib/browser.mjs';
import { assertRefused, assertThrows, open, told } from './lib/holdfast.mjs';
import { startOidcIdp } from './lib/oidc-idp.mjs';

const people = {
  ada: { login: 'ada', email: 'ada@oidc.test', firstName: 'Ada', lastName: "O'Lovelæce <&>" },
  grace: { login: 'grace', email: 'grace@oidc.test', firstName: 'Grace', lastName: 'Hopper' },
};
const { ada, grace } = people;

describe('Single sign-on with OpenID Connect', () => {
  let holdfast;
  const idps = [];

  before(async () => {
    holdfast = await open();
    await holdfast.registerCallback();
  });
  after(async () => {
    await Promise.all(idps.map((idp) => idp.stop()));
    await holdfast?.stop();
  });

  /** A provider, an organization and a connection between them. */
  async function connect({ where = 'discovery_url', ...options } = {}) {
    const idp = await startOidcIdp({ people, ...options });
    idps.push(idp);
    const organization = await holdfast.createOrganization('OIDC');
    const connection = await holdfast.createConnection({
      organization_id: organization.id, connection_type: 'GenericOIDC', name: 'An OpenID provider',
      oidc: {
        ...(where === 'issuer' ? { issuer: idp.issuer } : { discovery_url: idp.discoveryUrl }),
        client_id: idp.clientId, client_secret: idp.clientSecret,
      },
    });
    idp.register(connection.oidc.redirect_uri);
    const url = (more) => holdfast.authorizationUrl({ connection: connection.id, ...more });
    return { idp, organization, connection, url };
  }

  for (const [claimsIn, clientAuthentication, where] of [
    ['id_token', 'client_secret_basic', 'discovery_url'],
    ['userinfo', 'client_secret_basic', 'issuer'],
    ['userinfo', 'client_secret_post', 'discovery_url'],
  ]) {
    test(`A person signs in: claims in ${claimsIn}, the client proved by ${clientAuthentication}, the provider named by ${where}`, async () => {
      const { idp, organization, connection, url } = await connect({ claimsIn, clientAuthentication, where });
      assert.ok(connection.oidc.redirect_uri.startsWith(holdfast.baseUrl));
      assert.ok(!JSON.stringify(connection).includes(idp.clientSecret), 'the secret is not shown again');
      const result = await holdfast.signIn(url({ state: 'abc' }), { person: ada });
      assert.ok(result.code, result.page.text());
      assert.equal(result.state, 'abc');

      const asked = idp.requests.at(-1);
      assert.deepEqual([asked.response_type, asked.code_challenge_method], ['code', 'S256']);
      assert.ok(asked.nonce && asked.state && asked.scope.split(' ').includes('openid'), JSON.stringify(asked));

      const { profile, accessToken } = await holdfast.redeem(result.code);
      assert.deepEqual([profile.idpId, profile.email, profile.firstName, profile.lastName], ['ada', ada.email, ada.firstName, ada.lastName]);
      assert.deepEqual([profile.connectionId, profile.connectionType, profile.organizationId], [connection.id, 'GenericOIDC', organization.id]);
      assert.deepEqual(await holdfast.workos.sso.getProfile({ accessToken }), profile);
    });
  }

  test('The same person has the same profile the next time, in this browser or another, and another person another one', async () => {
    const { url } = await connect();
    const browser = new Browser();
    const profileFor = async (options) => (await holdfast.redeem((await holdfast.signIn(url(), options)).code)).profile;
    const first = await profileFor({ browser, person: ada });
    assert.equal((await profileFor({ browser, person: ada })).id, first.id);
    assert.equal((await profileFor({ person: ada })).id, first.id);
    const other = await profileFor({ person: grace });
    assert.notEqual(other.id, first.id);
    assert.equal(other.email, grace.email);
  });

  test('State comes back as it was sent: none, long, and odd', async () => {
    const { url } = await connect();
    const browser = new Browser();
    const stateFor = async (state) => (await holdfast.signIn(url({ state }), { browser, person: ada })).state;
    assert.equal(await stateFor(undefined), null);
    for (const state of ['a b+c%20&d=e;f#g?h/"\'<>\\|`~ü€\u{1F511}\u00a0\n\t%zz{}[]', 'y'.repeat(4096)]) {
      assert.equal(await stateFor(state), state);
    }
  });

  test('A code works once, and with PKCE only for whoever has the verifier', async () => {
    const { connection, url } = await connect();
    const browser = new Browser();
    const { code } = await holdfast.signIn(url(), { browser, person: ada });
    await holdfast.redeem(code);
    await assertThrows(holdfast.redeem(code), 'OauthException', { status: 400, error: 'invalid_grant' });

    const begin = () => holdfast.pkceUrl({ connection: connection.id });
    const pkce = await begin();
    const result = await holdfast.signIn(pkce.url, { browser, person: ada });
    assert.equal(result.state, pkce.state);
    const { profile } = await holdfast.redeem(result.code, { codeVerifier: pkce.codeVerifier });
    assert.equal(profile.email, ada.email);
    const { code: unproved } = await holdfast.signIn((await begin()).url, { browser, person: ada });
    await assertThrows(holdfast.redeem(unproved), 'OauthException', { status: 400, error: 'invalid_grant' });
  });

  test('A way back that ends in another browser is refused', async () => {
    const { connection, url } = await connect();
    const back = connection.oidc.redirect_uri;
    const page = await new Browser().walk(url({ state: 's' }), { until: back, person: ada });
    assert.ok(page.url.startsWith(`${back}?`), page.text());
    assertRefused(told(await new Browser().visit(page.url, { until: holdfast.callback }), holdfast.callback));
  });

  test('A way back works once, and not with a state that was never given', async () => {
    const { connection, url } = await connect();
    const back = connection.oidc.redirect_uri;
    const browser = new Browser();
    const { url: answer } = await browser.walk(url(), { until: back, person: ada });
    const changed = new URL(answer);
    changed.searchParams.set('state', 'made-up');
    assertRefused(told(await browser.visit(changed.href, { until: holdfast.callback }), holdfast.callback));
    assert.ok(told(await browser.visit(answer, { until: holdfast.callback }), holdfast.callback).code);
    assertRefused(told(await browser.visit(answer, { until: holdfast.callback }), holdfast.callback));
  });

  test('What the provider refuses goes back to the application as an error, with its state', async () => {
    const { connection, url } = await connect();
    const browser = new Browser();
    const { url: answer } = await browser.walk(url({ state: 'kept' }), { until: connection.oidc.redirect_uri, person: ada });
    const refusal = new URL(answer);
    refusal.searchParams.delete('code');
    refusal.searchParams.set('error', 'access_denied');
    const result = told(await browser.visit(refusal.href, { until: holdfast.callback }), holdfast.callback);
    assert.ok(['access_denied', 'oauth_failed'].includes(result.error), `${result.error} ${result.page.text()}`);
    assert.deepEqual([result.state, result.code], ['kept', null]);
  });

  test('A provider that is down costs the person an error, not the server its composure', async () => {
    const { idp, url } = await connect();
    await idp.stop();
    const start = Date.now();
    const result = await holdfast.signIn(url({ state: 's' }), { person: ada }).catch((error) => ({ error: error.code, code: null, page: undefined }));
    // With discovery at hand the server may send the browser on, which then finds nobody there: that is the provider's outage, and visible as such.
    assert.ok(result.error === 'ECONNREFUSED' || result.error !== null || result.page.status >= 400, result.page?.text());
    assert.equal(result.code, null);
    assert.ok(Date.now() - start < 20_000);
    await holdfast.must(200, 'GET', '/organizations');
  });

  test('The SDK lists, reads and deletes the connection, and a deleted one lets nobody in', async () => {
    const { workos } = holdfast;
    const { organization, connection, url } = await connect();
    const { data } = await workos.sso.listConnections({ organizationId: organization.id });
    assert.deepEqual(data.map(({ id, type }) => [id, type]), [[connection.id, 'GenericOIDC']]);
    const read = await workos.sso.getConnection(connection.id);
    assert.deepEqual([read.type, read.state, read.name], ['GenericOIDC', 'active', 'An OpenID provider']);
    await workos.sso.deleteConnection(connection.id);
    await assertThrows(workos.sso.getConnection(connection.id), 'NotFoundException', { status: 404 });
    assertRefused(await holdfast.signIn(url({ state: 's' }), { person: ada }));
  });

  test('The built-in OpenID provider of the demo environment signs people in', async () => {
    const { dev } = holdfast;
    const start = holdfast.authorizationUrl({ connection: dev.connections.oidc, redirectUri: dev.redirect_uri, state: 'demo' });
    const person = { ...dev.user, firstName: 'Ada', lastName: 'Lovelace' };
    const result = await holdfast.signIn(start, { person, until: dev.redirect_uri });
    assert.equal(result.state, 'demo', result.page.text());
    const { profile } = await holdfast.redeem(result.code);
    assert.deepEqual([profile.connectionId, profile.organizationId], [dev.connections.oidc, dev.organization_id]);
    assert.match(profile.email, /@/);
  });
});
