// Sessions as the official SDK begins, reads, refreshes and ends them.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createPublicKey, randomUUID, verify } from 'node:crypto';
import { assertThrows, open } from './lib/holdfast.mjs';

const part = (token, place) => JSON.parse(Buffer.from(token.split('.')[place], 'base64url'));

describe('AuthKit sessions', () => {
  let holdfast, users, clientId;
  before(async () => {
    holdfast = await open();
    await holdfast.registerCallback();
    users = holdfast.workos.userManagement;
    clientId = holdfast.clientId;
  });
  after(() => holdfast?.stop());

  const somebody = () => `${randomUUID()}@people.test`;
  async function byMail(email = somebody()) {
    const { code } = await users.createMagicAuth({ email });
    return users.authenticateWithMagicAuth({ clientId, email, code });
  }
  const refresh = (refreshToken) => users.authenticateWithRefreshToken({ clientId, refreshToken });

  test('A mailed code makes a user and a session', async () => {
    const email = somebody();
    const made = await users.createMagicAuth({ email });
    assert.deepEqual(await users.getMagicAuth(made.id), made);
    const { user, accessToken, refreshToken, authenticationMethod } = await users.authenticateWithMagicAuth({ clientId, email, code: made.code });
    assert.deepEqual([user.object, user.id, user.email, user.emailVerified, authenticationMethod], ['user', made.userId, email, true, 'MagicAuth']);
    assert.ok(refreshToken.length > 100);
    const { keys } = await (await fetch(users.getJwksUrl(clientId))).json();
    const key = createPublicKey({ key: keys.find(({ kid }) => kid === part(accessToken, 0).kid), format: 'jwk' });
    const [head, body, signature] = accessToken.split('.');
    assert.ok(verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url')));
    assert.equal(part(accessToken, 1).sub, user.id);
  });

  test('A sign-in at the identity provider begins a session in its organization', async () => {
    const url = users.getAuthorizationUrl({ clientId, connectionId: holdfast.dev.connections.saml, redirectUri: holdfast.callback, state: 'as it was' });
    const { code, state } = await holdfast.signIn(url);
    assert.equal(state, 'as it was');
    const { user, organizationId, accessToken, authenticationMethod } = await users.authenticateWithCode({ clientId, code });
    const claims = part(accessToken, 1);
    assert.deepEqual([claims.sub, claims.org_id, claims.role, authenticationMethod], [user.id, organizationId, 'member', 'SSO']);
    await assertThrows(users.authenticateWithCode({ clientId, code }), 'OauthException', { status: 400, error: 'invalid_grant' });
  });

  test('A session is refreshed, listed and revoked', async () => {
    const first = await byMail();
    const next = await refresh(first.refreshToken);
    assert.equal(part(next.accessToken, 1).sid, part(first.accessToken, 1).sid);
    const { data: [session] } = await users.listSessions(first.user.id);
    assert.deepEqual([session.id, session.status, session.authMethod], [part(first.accessToken, 1).sid, 'active', 'magic_code']);
    await users.revokeSession({ sessionId: session.id });
    await assertThrows(refresh(next.refreshToken), 'OauthException', { status: 400, error: 'invalid_grant' });
    assert.equal((await users.listSessions(first.user.id)).data[0].status, 'revoked');
  });

  test('The sealed session of the SDK authenticates and refreshes', async () => {
    const cookiePassword = 'x'.repeat(32);
    const email = somebody();
    const { code } = await users.createMagicAuth({ email });
    const { sealedSession } = await users.authenticateWithMagicAuth({ clientId, email, code, session: { sealSession: true, cookiePassword } });
    const session = users.loadSealedSession({ sessionData: sealedSession, cookiePassword });
    const authenticated = await session.authenticate();
    assert.deepEqual([authenticated.authenticated, authenticated.user.email], [true, email]);
    const refreshed = await session.refresh();
    assert.equal(refreshed.authenticated, true);
    const logout = await session.getLogoutUrl();
    assert.equal((await fetch(logout, { redirect: 'manual' })).status, 302);
    const { authenticated: still, reason } = await session.refresh();
    assert.deepEqual([still, reason], [false, 'invalid_grant']);
  });

  test('A wrong code is refused as documented', async () => {
    const email = somebody();
    const { code } = await users.createMagicAuth({ email });
    await assertThrows(users.authenticateWithMagicAuth({ clientId, email, code: code === '000000' ? '000001' : '000000' }), 'GenericServerException', { status: 400, code: 'invalid_one_time_code' });
  });
});
