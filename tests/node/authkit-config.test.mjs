// What an application configures of AuthKit, as scripts and SDKs meet it: origins, the JWT template, keys, changes of address, impersonation, devices, and actions that the official SDK verifies and signs.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { assertThrows, open } from './lib/holdfast.mjs';

const part = (token, place) => JSON.parse(Buffer.from(token.split('.')[place], 'base64url'));

describe('AuthKit configuration', () => {
  let holdfast, users, clientId;
  before(async () => {
    holdfast = await open();
    await holdfast.registerCallback();
    users = holdfast.workos.userManagement;
    clientId = holdfast.clientId;
  });
  after(() => holdfast?.stop());

  const somebody = () => `${randomUUID()}@people.test`;
  async function byMail(email = somebody(), more = {}) {
    const { code } = await users.createMagicAuth({ email });
    return users.authenticateWithMagicAuth({ clientId, email, code, ...more });
  }

  test('An origin is registered once, and its pages read answers', async () => {
    const origin = `https://${randomUUID()}.test`;
    const made = await holdfast.must(201, 'POST', '/user_management/cors_origins', { origin });
    assert.equal(made.object, 'cors_origin');
    assert.equal((await holdfast.call('POST', '/user_management/cors_origins', { origin })).body.code, 'duplicate_cors_origin');
    const { data } = await holdfast.must(200, 'GET', '/user_management/cors_origins?limit=100');
    assert.ok(data.some(({ id }) => id === made.id));
    const asked = await holdfast.call('OPTIONS', '/user_management/authenticate', undefined, { key: null, headers: { origin, 'access-control-request-method': 'POST' } });
    assert.equal(asked.headers.get('access-control-allow-origin'), origin);
    assert.equal((await holdfast.call('DELETE', `/user_management/cors_origins/${made.id}`)).status, 204);
  });

  test('The JWT template stands in the tokens that the SDK reads', async () => {
    await holdfast.must(200, 'PUT', '/user_management/jwt_template', { content: '{"urn:myapp:mail":"{{user.email}}","urn:myapp:name":{{user.name || \'nobody\'}}}' });
    const email = somebody();
    const claims = part((await byMail(email)).accessToken, 1);
    assert.deepEqual([claims['urn:myapp:mail'], claims['urn:myapp:name']], [email, 'nobody']);
    const refused = await holdfast.call('PUT', '/user_management/jwt_template', { content: '{"sub":"x"}' });
    assert.deepEqual([refused.status, refused.body.code], [422, 'invalid_request_parameters']);
    assert.equal((await holdfast.must(200, 'GET', '/user_management/jwt_template')).object, 'jwt_template');
  });

  test('A session says where it was begun from', async () => {
    const { user } = await byMail(undefined, { ipAddress: '203.0.113.9', userAgent: 'A browser' });
    const { data: [session] } = await users.listSessions(user.id);
    assert.deepEqual([session.ipAddress, session.userAgent], ['203.0.113.9', 'A browser']);
  });

  test('A mailbox is proven by its code', async () => {
    const user = await users.createUser({ email: somebody() });
    await users.sendVerificationEmail({ userId: user.id });
    await assertThrows(users.verifyEmail({ userId: user.id, code: 'wrong' }), 'GenericServerException', { status: 400, code: 'email_verification_code_incorrect' });
  });

  test('A change of address is asked for', async () => {
    const user = await users.createUser({ email: somebody(), emailVerified: true });
    const wanted = somebody();
    const sent = await holdfast.must(200, 'POST', `/user_management/users/${user.id}/email_change/send`, { new_email: wanted });
    assert.deepEqual([sent.object, sent.new_email, sent.user.id], ['email_change', wanted, user.id]);
    const wrong = await holdfast.call('POST', `/user_management/users/${user.id}/email_change/confirm`, { code: '0' });
    assert.deepEqual([wrong.status, wrong.body.code], [400, 'email_change_code_incorrect']);
  });

  test('The SDK reads who impersonates', async () => {
    const user = await users.createUser({ email: somebody(), emailVerified: true });
    const { code } = await holdfast.must(201, 'POST', `/user_management/users/${user.id}/impersonations`, { impersonator_email: 'boss@app.test', reason: 'Ticket 7' });
    const session = await users.authenticateWithCode({ clientId, code });
    assert.deepEqual([session.user.id, session.impersonator, session.authenticationMethod], [user.id, { email: 'boss@app.test', reason: 'Ticket 7' }, 'Impersonation']);
    assert.deepEqual(part(session.accessToken, 1).act, { sub: 'boss@app.test' });
  });

  test('A device is told to wait', async () => {
    const device = await holdfast.must(200, 'POST', '/user_management/authorize/device', { client_id: clientId }, { key: null });
    assert.deepEqual([device.expires_in, device.interval], [300, 5]);
    const asked = await holdfast.call('POST', '/user_management/authenticate', new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: clientId, device_code: device.device_code,
    }), { key: null, headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    assert.deepEqual([asked.status, asked.body.error], [400, 'authorization_pending']);
  });

  test('There is no Radar', async () => {
    await assertThrows(users.sendRadarSmsChallenge({ userId: 'user_nobody', pendingAuthenticationToken: 'x', phoneNumber: '+15555550123' }), 'NotFoundException', { status: 404 });
  });

  test('Keys are listed as they stand', async () => {
    const { data } = await holdfast.must(200, 'GET', '/signing_keys');
    const { keys } = await (await fetch(users.getJwksUrl(clientId))).json();
    assert.deepEqual(data.map(({ id }) => id).sort(), keys.map(({ kid }) => kid).sort());
    assert.deepEqual(data.map(({ state }) => state).sort(), ['current', 'next']);
  });

  describe('with actions', () => {
    const asked = [];
    let endpoint, action, answer;
    before(async () => {
      endpoint = createServer((request, response) => {
        let body = '';
        request.setEncoding('utf8').on('data', (chunk) => (body += chunk)).on('end', async () => {
          response.setHeader('content-type', 'application/json');
          response.end(await answer(JSON.parse(body), request.headers['workos-signature']));
        });
      }).listen(0, '127.0.0.1');
      await new Promise((resolve) => endpoint.once('listening', resolve));
      action = await holdfast.must(201, 'POST', '/actions', { type: 'authentication', endpoint_url: `http://127.0.0.1:${endpoint.address().port}/` });
    });
    after(async () => {
      await holdfast.call('DELETE', `/actions/${action.id}`);
      endpoint.closeAllConnections();
      endpoint.close();
    });

    const signed = (verdict, errorMessage) => async (payload, header) => {
      asked.push(await holdfast.workos.actions.constructAction({ payload, sigHeader: header, secret: action.secret }));
      await holdfast.workos.actions.verifyHeader({ payload, sigHeader: header, secret: action.secret });
      return JSON.stringify(await holdfast.workos.actions.signResponse({ type: 'authentication', verdict, ...(errorMessage && { errorMessage }) }, action.secret));
    };

    test('What the SDK signs to allow is allowed, and it verifies who asks', async () => {
      answer = signed('Allow');
      const email = somebody();
      const { user } = await byMail(email);
      const context = asked.at(-1);
      assert.deepEqual([context.object, context.user.id, context.user.email], ['authentication_action_context', user.id, email]);
    });

    test('What it signs to deny is denied, in its words', async () => {
      answer = signed('Deny', 'Not on Sundays.');
      await assertThrows(byMail(), 'OauthException', { status: 400, error: 'access_denied', errorDescription: 'Not on Sundays.' });
    });

    test('What is signed with another secret is no answer', async () => {
      answer = async () => JSON.stringify(await holdfast.workos.actions.signResponse({ type: 'authentication', verdict: 'Allow' }, 'another secret'));
      await assertThrows(byMail(), 'OauthException', { status: 400, error: 'access_denied' });
    });
  });
});
