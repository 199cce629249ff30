// Single sign-on with a SAML provider that is not ours, through the official SDK.
import { after, before, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Browser } from './lib/browser.mjs';
import { assertRefused, assertThrows, open, told } from './lib/holdfast.mjs';
import { startSamlIdp } from './lib/saml-idp.mjs';

const ada = { nameId: 'ada-7f3a', email: 'ada@saml.test', firstName: 'Ada', lastName: "O'Lovelæce <&>", groups: ['staff', 'admins'] };
const grace = { nameId: 'grace-9b1c', email: 'grace@saml.test', firstName: 'Grace', lastName: 'Hopper', groups: [] };
const attributes = { email: 'email', first_name: 'firstName', last_name: 'lastName', groups: 'groups' };

describe('Single sign-on with SAML', () => {
  let holdfast, idp, organization, connection;

  before(async () => {
    holdfast = await open();
    idp = await startSamlIdp();
    await holdfast.registerCallback();
    organization = await holdfast.createOrganization('SAML');
    connection = await connect({ metadata_xml: idp.metadataXml });
    idp.trust(connection.saml);
  });
  beforeEach(() => Object.assign(idp, { sign: 'assertion', nameIdFormat: 'persistent', person: ada, alter: (xml) => xml, spoil: (xml) => xml }));
  after(async () => {
    await idp?.stop();
    await holdfast?.stop();
  });

  const connect = (saml, organizationId = organization.id) => holdfast.createConnection({
    organization_id: organizationId, connection_type: 'GenericSAML', name: 'A SAML provider', saml: { ...saml, attribute_map: attributes },
  });
  const url = (options) => holdfast.authorizationUrl({ connection: connection.id, ...options });
  async function profileOf(result) {
    assert.ok(result.code, `no code: ${result.error} ${result.description} ${result.page.text()}`);
    return (await holdfast.redeem(result.code)).profile;
  }

  test('A new connection says where the provider sends people and whom it trusts', () => {
    assert.equal(connection.object, 'connection');
    assert.match(connection.id, /^conn_/);
    assert.deepEqual([connection.organization_id, connection.connection_type, connection.state], [organization.id, 'GenericSAML', 'active']);
    const { acs_url: acs, sp_entity_id: entityId, sp_metadata_url: metadata, idp_certificates: certificates } = connection.saml;
    assert.ok(acs.startsWith(holdfast.baseUrl) && metadata.startsWith(holdfast.baseUrl), `${acs} ${metadata}`);
    assert.ok(entityId.length > 0);
    assert.equal(certificates.length, 1);
    assert.ok(certificates[0].fingerprint && Date.parse(certificates[0].not_after) > Date.now(), JSON.stringify(certificates));
  });

  test('The metadata for the provider names the same addresses', async () => {
    const response = await fetch(connection.saml.sp_metadata_url);
    const xml = await response.text();
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type'), /xml/);
    for (const address of [connection.saml.acs_url, connection.saml.sp_entity_id]) {
      assert.ok(xml.includes(address.replaceAll('&', '&amp;')), `${address} in ${xml}`);
    }
  });

  for (const sign of ['assertion', 'response', 'both']) {
    test(`A person signs in when the provider signs: ${sign}`, async () => {
      idp.sign = sign;
      const result = await holdfast.signIn(url({ state: 'abc' }));
      assert.ok(result.code, result.page.text());
      assert.equal(result.state, 'abc');
      const { profile, accessToken } = await holdfast.redeem(result.code);
      assert.match(profile.id, /^prof_/);
      assert.deepEqual(
        [profile.idpId, profile.email, profile.firstName, profile.lastName, profile.groups],
        [ada.nameId, ada.email, ada.firstName, ada.lastName, ada.groups]);
      assert.deepEqual([profile.connectionId, profile.connectionType, profile.organizationId], [connection.id, 'GenericSAML', organization.id]);
      assert.equal(typeof profile.rawAttributes, 'object');
      assert.deepEqual(await holdfast.workos.sso.getProfile({ accessToken }), profile);
    });
  }

  test('A person signs in with an address as the name, and with the organization as the way in', async () => {
    idp.nameIdFormat = 'email';
    const profile = await profileOf(await holdfast.signIn(holdfast.authorizationUrl({ organization: organization.id })));
    assert.deepEqual([profile.idpId, profile.email], [ada.email, ada.email]);
  });

  test('A connection made of its parts works like one made of metadata', async () => {
    const other = await holdfast.createOrganization('SAML by parts');
    const parts = await connect({ idp_entity_id: idp.entityId, idp_sso_url: idp.ssoUrl, idp_certificates: [idp.certificate] }, other.id);
    idp.trust(parts.saml);
    try {
      const profile = await profileOf(await holdfast.signIn(url({ connection: parts.id })));
      assert.deepEqual([profile.connectionId, profile.organizationId], [parts.id, other.id]);
    } finally {
      idp.trust(connection.saml);
    }
  });

  test('The same person has the same profile the next time, and another person another one', async () => {
    const first = await profileOf(await holdfast.signIn(url()));
    const second = await profileOf(await holdfast.signIn(url()));
    idp.person = { ...ada, email: 'ada.king@saml.test', lastName: 'King' };
    const renamed = await profileOf(await holdfast.signIn(url()));
    idp.person = grace;
    const other = await profileOf(await holdfast.signIn(url()));
    assert.equal(second.id, first.id);
    assert.deepEqual([renamed.id, renamed.email, renamed.lastName], [first.id, 'ada.king@saml.test', 'King']);
    assert.notEqual(other.id, first.id);
    assert.deepEqual([other.email, other.groups ?? []], [grace.email, []]);
  });

  test('State comes back as it was sent: none, long, and odd', async () => {
    assert.equal(new URL((await holdfast.signIn(url())).page.url).searchParams.has('state'), false);
    const odd = 'a b+c%20&d=e;f#g?h/"\'<>\\|`~ü€\u{1F511}\u00a0\n\t%zz{}[]';
    for (const state of [odd, 'x'.repeat(4096), `${odd}${'ü'.repeat(600)}`, ' ', '0', 'null']) {
      assert.equal((await holdfast.signIn(url({ state }))).state, state);
    }
  });

  test('A code works once', async () => {
    const { code } = await holdfast.signIn(url());
    await holdfast.redeem(code);
    await assertThrows(holdfast.redeem(code), 'OauthException', { status: 400, error: 'invalid_grant' });
  });

  test('A code made with PKCE needs its verifier, and then no secret', async () => {
    const publicClient = holdfast.sdk(undefined);
    const begin = () => holdfast.pkceUrl({ connection: connection.id });
    const { url: pkceUrl, state, codeVerifier } = await begin();
    const result = await holdfast.signIn(pkceUrl);
    assert.equal(result.state, state);
    const { profile } = await publicClient.sso.getProfileAndToken({ clientId: holdfast.clientId, code: result.code, codeVerifier });
    assert.equal(profile.email, ada.email);

    const { code } = await holdfast.signIn((await begin()).url);
    const wrong = publicClient.sso.getProfileAndToken({ clientId: holdfast.clientId, code, codeVerifier: 'x'.repeat(43) });
    await assertThrows(wrong, 'OauthException', { status: 400, error: 'invalid_grant' });
    const { code: unproved } = await holdfast.signIn((await begin()).url);
    await assertThrows(holdfast.redeem(unproved), 'OauthException', { status: 400, error: 'invalid_grant' });
  });

  test('A code without PKCE is not given to someone without the secret', async () => {
    const { code } = await holdfast.signIn(url());
    const form = (secret) => new URLSearchParams({ client_id: holdfast.clientId, grant_type: 'authorization_code', code, ...secret });
    for (const secret of [{}, { client_secret: 'sk_test_wrong' }]) {
      const { status, body } = await holdfast.call('POST', '/sso/token', form(secret), { key: null });
      assert.equal(status, 400);
      assert.ok(['invalid_client', 'unauthorized_client', 'invalid_grant', 'invalid_request'].includes(body.error), JSON.stringify(body));
    }
  });

  test('A response that arrives in another browser is refused', async () => {
    const page = await new Browser().visit(url({ state: 's' }));
    assertRefused(told(await new Browser().submit(page, page.forms[0], {}, { until: holdfast.callback }), holdfast.callback));
  });

  test('A response is taken once', async () => {
    const browser = new Browser();
    const page = await browser.visit(url());
    const send = async () => told(await browser.submit(page, page.forms[0], {}, { until: holdfast.callback }), holdfast.callback);
    assert.ok((await send()).code);
    assertRefused(await send());
  });

  for (const [what, change] of [
    ['changed after it was signed', { spoil: (xml) => xml.replaceAll(ada.email, 'root@saml.test') }],
    ['not signed', { spoil: (xml) => xml.replaceAll(/<ds:Signature\b[^]*?<\/ds:Signature>/g, '') }],
    ['meant for another audience', { alter: (xml) => xml.replace(/<saml:Audience>[^<]*/, '<saml:Audience>urn:someone:else') }],
    ['sent to another address', { alter: (xml) => xml.replaceAll(/(Recipient|Destination)="[^"]*"/g, '$1="http://127.0.0.1:9/acs"') }],
    ['from another issuer', { alter: (xml) => xml.replaceAll(/<saml:Issuer>[^<]*/g, '<saml:Issuer>urn:someone:else') }],
    ['out of date', { alter: (xml) => xml.replaceAll(/NotOnOrAfter="[^"]*"/g, `NotOnOrAfter="${new Date(Date.now() - 3_600_000).toISOString()}"`) }],
    ['to a request that was never made', { alter: (xml) => xml.replaceAll(/InResponseTo="[^"]*"/g, 'InResponseTo="_0123456789"') }],
    ['no answer to any request', { alter: (xml) => xml.replaceAll(/ InResponseTo="[^"]*"/g, '') }],
    ['a failure', { alter: (xml) => xml.replace('status:Success', 'status:Responder') }],
  ]) {
    test(`A response that is ${what} is refused`, async () => {
      Object.assign(idp, change);
      assertRefused(await holdfast.signIn(url({ state: 's' })));
    });
  }

  test('A response signed with a key that the connection does not know is refused', async () => {
    const impostor = await startSamlIdp();
    try {
      Object.assign(impostor, { person: ada, entityId: idp.entityId, sign: 'both' });
      impostor.trust(connection.saml);
      const browser = new Browser();
      const page = await browser.visit(url());
      const genuine = Buffer.from(idp.responses.at(-1), 'base64').toString();
      const forged = await impostor.respond(/InResponseTo="([^"]*)"/.exec(genuine)[1]);
      assertRefused(told(await browser.submit(page, page.forms[0], { SAMLResponse: forged }, { until: holdfast.callback }), holdfast.callback));
    } finally {
      await impostor.stop();
    }
  });

  test('The SDK lists, reads and deletes connections, and a deleted one lets nobody in', async () => {
    const { workos } = holdfast;
    const other = await holdfast.createOrganization('SAML to be deleted');
    const doomed = await connect({ metadata_xml: idp.metadataXml }, other.id);
    const listed = async (filter) => (await workos.sso.listConnections({ organizationId: other.id, ...filter })).data.map(({ id }) => id);
    assert.deepEqual(await listed(), [doomed.id]);
    assert.deepEqual(await listed({ connectionType: 'GenericSAML' }), [doomed.id]);
    assert.deepEqual(await listed({ connectionType: 'OktaSAML' }), []);
    const read = await workos.sso.getConnection(doomed.id);
    assert.deepEqual([read.id, read.name, read.organizationId, read.domains], [doomed.id, 'A SAML provider', other.id, []]);
    assert.deepEqual([read.type, read.state], ['GenericSAML', 'active']);
    await workos.sso.deleteConnection(doomed.id);
    await assertThrows(workos.sso.getConnection(doomed.id), 'NotFoundException', { status: 404 });
    assert.deepEqual(await listed(), []);
    assertRefused(await holdfast.signIn(url({ connection: doomed.id, state: 's' })));
  });

  test('Nobody is sent to a redirect URI that is not registered, and a wrong selector goes back as an error', async () => {
    for (const redirectUri of [`${holdfast.callback}/`, `${holdfast.callback}?x=1`, 'https://evil.test/', 'javascript:alert(1)']) {
      const page = await new Browser().visit(url({ redirectUri }));
      assert.equal(page.status, 400, `${redirectUri}: ${page.text()}`);
    }
    assert.equal((await new Browser().visit(url({ clientId: 'client_nobody' }))).status, 400);
    const unknown = await holdfast.signIn(url({ connection: 'conn_01AAAAAAAAAAAAAAAAAAAAAAAA', state: 's 1' }));
    assert.ok(unknown.error, unknown.page.text());
    assert.equal(unknown.state, 's 1');
    const two = new URL(url({ state: 's' }));
    two.searchParams.set('organization', organization.id);
    const both = await holdfast.signIn(two.href);
    assertRefused(both);
  });

  test('The built-in SAML provider of the demo environment signs people in', async () => {
    const { dev } = holdfast;
    const start = url({ connection: dev.connections.saml, redirectUri: dev.redirect_uri, state: 'demo' });
    const person = { ...dev.user, firstName: 'Ada', lastName: 'Lovelace' };
    const result = await holdfast.signIn(start, { person, until: dev.redirect_uri });
    assert.equal(result.state, 'demo', result.page.text());
    const profile = await profileOf(result);
    assert.deepEqual([profile.connectionId, profile.organizationId], [dev.connections.saml, dev.organization_id]);
    assert.match(profile.email, /@/);
  });
});
