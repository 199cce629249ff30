// Second factors as the official SDK enrolls, asks for and shows them; the app is played here.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { assertThrows, open } from './lib/holdfast.mjs';
import { code, wrong } from './lib/totp.mjs';

const password = 'a password of some length';
describe('Second factors', () => {
  let holdfast, users, factors, clientId;
  before(async () => {
    holdfast = await open();
    ({ userManagement: users, multiFactorAuth: factors } = holdfast.workos);
    clientId = holdfast.clientId;
  });
  after(() => holdfast?.stop());

  const somebody = () => users.createUser({ email: `${randomUUID()}@people.test`, password, emailVerified: true });
  async function refusal(promise) {
    try {
      await promise;
    } catch (error) {
      return error;
    }
    assert.fail('It was not refused.');
  }

  test('A factor is enrolled, challenged, verified once, and taken away', async () => {
    const factor = await factors.enrollFactor({ type: 'totp', issuer: 'Acme', user: 'ada@acme.test' });
    assert.match(factor.id, /^auth_factor_/);
    assert.match(factor.totp.qrCode, /^data:image\/png;base64,/);
    assert.match(factor.totp.uri, /^otpauth:\/\/totp\/Acme:ada%40acme\.test\?/);
    const { totp, ...shown } = await factors.getFactor(factor.id);
    assert.deepEqual([shown.id, shown.type, totp.issuer, totp.user], [factor.id, 'totp', 'Acme', 'ada@acme.test']);

    const challenge = await factors.challengeFactor({ authenticationFactorId: factor.id });
    assert.equal(challenge.authenticationFactorId, factor.id);
    const verify = (c) => factors.verifyChallenge({ authenticationChallengeId: challenge.id, code: c });
    assert.equal((await verify(wrong(factor.totp.secret))).valid, false);
    const right = await verify(code(factor.totp.secret));
    assert.deepEqual([right.valid, right.challenge.id], [true, challenge.id]);
    await assertThrows(verify(code(factor.totp.secret)), 'UnprocessableEntityException', { status: 422 });
    await factors.deleteFactor(factor.id);
    await assertThrows(factors.getFactor(factor.id), 'NotFoundException', { status: 404 });
  });

  test('A code that the application delivers comes with its challenge', async () => {
    const factor = await factors.enrollFactor({ type: 'generic_otp' });
    const challenge = await factors.challengeFactor({ authenticationFactorId: factor.id });
    assert.match(challenge.code, /^\d{6}$/);
    assert.equal((await factors.verifyChallenge({ authenticationChallengeId: challenge.id, code: challenge.code })).valid, true);
    await assertThrows(factors.enrollFactor({ type: 'sms', phoneNumber: '+15005550006' }), 'UnprocessableEntityException', { status: 422 });
  });

  test('Who has a factor is asked for it, and shows it', async () => {
    const user = await somebody();
    const { authenticationFactor: factor, authenticationChallenge } = await factors.createUserAuthFactor({ userId: user.id, type: 'totp', totpIssuer: 'Acme', totpUser: 'ada' });
    assert.equal(authenticationChallenge.authenticationFactorId, factor.id);
    const { data } = await factors.listUserAuthFactors({ userId: user.id });
    assert.deepEqual(data.map(({ id, type, userId }) => [id, type, userId]), [[factor.id, 'totp', user.id]]);

    const asked = await refusal(users.authenticateWithPassword({ clientId, email: user.email, password }));
    assert.deepEqual([asked.name, asked.status, asked.code], ['AuthenticationException', 403, 'mfa_challenge']);
    assert.deepEqual(asked.rawData.authentication_factors, [{ id: factor.id, type: 'totp' }]);
    assert.equal(asked.rawData.user.id, user.id);
    const { pendingAuthenticationToken } = asked;
    const challenge = await factors.challengeFactor({ authenticationFactorId: factor.id });
    const show = (c, authenticationChallengeId = challenge.id) => users.authenticateWithTotp({ clientId, code: c, pendingAuthenticationToken, authenticationChallengeId });
    await assertThrows(show(wrong(factor.totp.secret)), 'GenericServerException', { status: 400, code: 'invalid_one_time_code' });
    const session = await show(code(factor.totp.secret));
    assert.deepEqual([session.user.id, session.authenticationMethod], [user.id, 'Password']);
    await users.authenticateWithRefreshToken({ clientId, refreshToken: session.refreshToken });
    await assertThrows(show(code(factor.totp.secret, 1)), 'GenericServerException', { status: 400, code: 'invalid_pending_authentication_token' });

    // The challenge that came along is as good.
    const again = await refusal(users.authenticateWithPassword({ clientId, email: user.email, password }));
    const ready = again.rawData.authentication_challenge;
    assert.equal(ready.object, 'authentication_challenge');
    const next = await users.authenticateWithTotp({
      clientId, code: code(factor.totp.secret, 1), pendingAuthenticationToken: again.pendingAuthenticationToken, authenticationChallengeId: ready.id,
    });
    assert.equal(next.user.id, user.id);

    await factors.deleteFactor(factor.id);
    await assertThrows(users.authenticateWithRefreshToken({ clientId, refreshToken: next.refreshToken }), 'OauthException', { status: 400, error: 'invalid_grant' });
    assert.equal((await users.authenticateWithPassword({ clientId, email: user.email, password })).user.id, user.id);
  });

  test('An organization that requires one has it enrolled first', async () => {
    const [user, organization] = [await somebody(), await holdfast.createOrganization('Strict')];
    await users.createOrganizationMembership({ userId: user.id, organizationId: organization.id });
    await holdfast.must(200, 'PUT', `/organizations/${organization.id}/sign_in_policy`, { mfa: 'required' });

    const asked = await refusal(users.authenticateWithPassword({ clientId, email: user.email, password }));
    assert.deepEqual([asked.name, asked.code, asked.rawData.user.id], ['AuthenticationException', 'mfa_enrollment', user.id]);
    const { authenticationFactor: factor, authenticationChallenge } = await factors.createUserAuthFactor({ userId: user.id, type: 'totp' });
    const session = await users.authenticateWithTotp({
      clientId, code: code(factor.totp.secret), pendingAuthenticationToken: asked.pendingAuthenticationToken, authenticationChallengeId: authenticationChallenge.id,
    });
    assert.deepEqual([session.user.id, session.organizationId], [user.id, organization.id]);
  });
});
