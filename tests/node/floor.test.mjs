// What holds under every endpoint: errors are JSON objects that the SDKs can read, whatever comes in, and nothing that comes in is a 500.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { open } from './lib/holdfast.mjs';

describe('The floor under the API', () => {
  let holdfast;
  before(async () => {
    holdfast = await open();
  });
  after(() => holdfast?.stop());

  /** The call must be answered with one of the statuses and an error that every SDK can read. */
  async function refused(statuses, ...parts) {
    const { status, body, text, headers } = await holdfast.call(...parts);
    const said = `${parts[0]} ${parts[1]}: ${status} ${text.slice(0, 300)}`;
    assert.ok([statuses].flat().includes(status), said);
    assert.match(headers.get('content-type') ?? '', /^application\/json/, said);
    assert.ok(body !== null && typeof body === 'object' && !Array.isArray(body), said);
    assert.ok(typeof body.message === 'string' || typeof body.error === 'string', said);
    assert.ok((headers.get('x-request-id') ?? '').length > 0, said);
    assert.ok((body.errors ?? []).every((error) => typeof error === 'object' && typeof error.code === 'string'), said);
    return body;
  }
  const json = { 'content-type': 'application/json' };

  test('An unknown path is a JSON 404', async () => {
    for (const path of ['/nowhere', '/organizations/org_1/nothing', '/organisations', '/a'.repeat(200)]) {
      await refused(404, 'GET', path);
    }
    await refused([401, 404], 'GET', '/nowhere', undefined, { key: null });
  });

  test('An unknown id is a JSON 404', async () => {
    for (const path of ['/organizations/org_x', '/organizations/x', '/connections/conn_x', '/organizations/external_id/none']) {
      await refused(404, 'GET', path);
    }
    await refused(404, 'GET', `/organizations/${'x'.repeat(1000)}`);
    await refused(404, 'GET', '/organizations/%F0%9F%94%91');
    await refused([400, 404], 'GET', '/organizations/%zz');
    // Kestrel refuses this one before anybody could write JSON; so it is asked past the recorder, which expects JSON.
    const status = await new Promise((resolve, reject) =>
      http.get(`${holdfast.baseUrl}/organizations/%00`, (answer) => { answer.resume(); resolve(answer.statusCode); }).on('error', reject));
    assert.ok([400, 404].includes(status), String(status));
  });

  test('A method that a path does not have is told so in JSON', async () => {
    for (const [method, path] of [['PATCH', '/organizations'], ['POST', '/connections/conn_x'], ['PUT', '/sso/token'], ['POST', '/sso/profile']]) {
      await refused([404, 405], method, path, {});
    }
    await refused([404, 405], 'DELETE', '/organizations');
  });

  test('Without a good key the answer is 401 in JSON', async () => {
    const { api_key: key } = holdfast.dev;
    for (const authorization of [undefined, 'Bearer', 'Bearer wrong', `Bearer ${key}x`, `Bearer x ${key}`, 'Basic Zm9vOmJhcg==', 'nonsense', key]) {
      const options = { key: null, headers: authorization === undefined ? {} : { authorization } };
      const body = await refused(401, 'GET', '/organizations', undefined, options);
      assert.equal(body.message, 'Unauthorized');
      await refused(401, 'POST', '/organizations', { name: 'x' }, options);
    }
    const profile = await refused(401, 'GET', '/sso/profile', undefined, { key: 'wrong' });
    assert.equal(profile.error, 'Unauthorized');
    await refused(401, 'GET', '/sso/profile', undefined, { key: null });
    await refused(401, 'GET', '/sso/profile');
  });

  test('Every answer has the id of its request', async () => {
    const { headers } = await holdfast.call('GET', '/organizations');
    assert.ok(headers.get('x-request-id'));
    const other = await holdfast.call('GET', '/organizations');
    assert.notEqual(headers.get('x-request-id'), other.headers.get('x-request-id'));
    const jwks = await holdfast.call('GET', `/sso/jwks/${holdfast.clientId}`, undefined, { key: null });
    assert.ok(jwks.headers.get('x-request-id'));
    const hostile = await holdfast.call('GET', '/organizations', undefined, { headers: { 'x-request-id': `${'x'.repeat(4000)}<script>` } });
    assert.equal(hostile.status, 200);
  });

  test('A body that is not JSON, or not an object, is refused without a 500', async () => {
    const broken = ['{', '{"name":', '{"name":"x",}', "{'name':'x'}", 'name=x', '\u0000', '{"name":"x"} x', '[[[', '['.repeat(20_000)];
    for (const body of [...broken, '[]', 'null', '7', '"x"', '{"name":"\\ud800"}']) {
      await refused([400, 422], 'POST', '/organizations', body, { headers: json });
    }
    await refused([400, 422], 'POST', '/organizations', new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), { headers: json });
    for (const name of [{}, [], true, 1.5, null]) {
      await refused(422, 'POST', '/organizations', { name });
    }
    await refused([400, 422], 'POST', '/organizations', { name: 'x', domain_data: 'acme.test' });
    await refused([400, 422], 'POST', '/organizations', { name: 'x', domain_data: [null] });
    await refused([400, 422], 'POST', '/organizations', { name: 'x', domain_data: [{ domain: 'not a domain!', state: 'verified' }] });
  });

  test('An empty body that claims to be JSON counts as an empty object', async () => {
    const empty = await refused(422, 'POST', '/organizations', '', { headers: json });
    const object = await refused(422, 'POST', '/organizations', {});
    assert.deepEqual(empty, object);
    assert.ok(object.errors.some(({ field, code }) => field === 'name' && code === 'required'), JSON.stringify(object));
    assert.equal((await holdfast.call('GET', '/organizations', undefined, { headers: json })).status, 200, 'a GET may say so too');
    await refused(404, 'DELETE', '/connections/conn_x', undefined, { headers: json });
  });

  test('Another content type is refused, and JSON by another name is read', async () => {
    for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', 'nonsense']) {
      await refused([400, 415, 422], 'POST', '/organizations', '{"name":', { headers: { 'content-type': type } });
    }
    for (const type of ['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON;charset=UTF-8']) {
      assert.equal((await holdfast.call('POST', '/organizations', '{"name":"typed"}', { headers: { 'content-type': type } })).status, 201, type);
    }
  });

  test('Properties and query parameters that nobody knows are ignored', async () => {
    await holdfast.must(201, 'POST', '/organizations', { name: 'x', surprise: { deep: [1] } });
    await holdfast.must(200, 'GET', '/organizations?surprise=1&surprise=2&%F0%9F%94%91=x');
  });

  test('A name keeps every character', async () => {
    for (const name of ['<script>&amp;"\'\\', 'ü€\u{1F511}\u202e', 'x'.repeat(200)]) {
      const { id } = await holdfast.must(201, 'POST', '/organizations', { name });
      assert.equal((await holdfast.must(200, 'GET', `/organizations/${id}`)).name, name);
    }
  });

  test('A body that is too large is refused before it is read', async () => {
    const { hostname, port } = new URL(holdfast.baseUrl);
    const { status, text } = await new Promise((resolve, reject) => {
      const request = http.request({
        hostname, port, method: 'POST', path: '/organizations', agent: false, timeout: 15_000,
        headers: { ...json, authorization: `Bearer ${holdfast.dev.api_key}`, 'content-length': 256 * 1024 * 1024 },
      }, async (response) => {
        resolve({ status: response.statusCode, text: Buffer.concat(await response.toArray()).toString() });
        request.destroy();
      });
      request.on('error', reject);
      request.on('timeout', () => request.destroy(new Error('the server waited for all of it')));
      request.write(`{"name":"${'x'.repeat(64 * 1024)}`);
    });
    assert.equal(status, 413);
    assert.equal(typeof JSON.parse(text).message, 'string');
  });

  test('A list takes a limit from 1 to 100', async () => {
    for (const path of ['/organizations', '/connections']) {
      for (const limit of ['0', '101', '-1', 'x', '1.5', '1e2', '99999999999999999999']) {
        await refused(422, 'GET', `${path}?limit=${limit}`);
      }
      for (const limit of ['1', '100']) {
        const list = await holdfast.must(200, 'GET', `${path}?limit=${limit}`);
        assert.equal(list.object, 'list');
        assert.ok(list.data.length <= Number(limit) && 'before' in list.list_metadata && 'after' in list.list_metadata);
      }
    }
  });

  test('A list takes three orders, one cursor at a time, and cursors that it gave', async () => {
    for (const order of ['asc', 'desc', 'normal']) {
      await holdfast.must(200, 'GET', `/organizations?order=${order}`);
    }
    await refused(422, 'GET', '/organizations?order=sideways');
    await refused([400, 422], 'GET', '/organizations?before=org_1&after=org_2');
    const { status } = await holdfast.call('GET', '/organizations?after=not%20a%20cursor');
    assert.ok([200, 400, 404, 422].includes(status), String(status));
  });

  test('/sso/token reads a form, JSON and a query alike', async () => {
    const fields = { client_id: holdfast.clientId, client_secret: holdfast.dev.api_key, grant_type: 'authorization_code', code: 'never-given' };
    const form = (more) => new URLSearchParams({ ...fields, ...more });
    const ways = (more) => [
      ['POST', '/sso/token', form(more), { key: null }],
      ['POST', '/sso/token', form(more)],
      ['POST', '/sso/token', { ...fields, ...more }, { key: null }],
      ['POST', `/sso/token?${form(more)}`, undefined, { key: null }],
    ];
    for (const [more, errors] of [
      [{}, ['invalid_grant']],
      [{ grant_type: 'password' }, ['unsupported_grant_type']],
      [{ client_secret: 'sk_test_wrong' }, ['invalid_client', 'unauthorized_client']],
      [{ client_id: 'client_nobody' }, ['invalid_client', 'unauthorized_client']],
    ]) {
      for (const way of ways(more)) {
        const body = await refused(400, ...way);
        assert.ok(errors.includes(body.error), `${JSON.stringify(more)}: ${JSON.stringify(body)}`);
        assert.equal(typeof body.error_description, 'string');
      }
    }
    await refused([400, 422], 'POST', '/sso/token', new URLSearchParams({ client_id: holdfast.clientId }), { key: null });
    await refused([400, 422], 'POST', '/sso/token', '', { key: null, headers: json });
    await refused([400, 415, 422], 'POST', '/sso/token', '{', { key: null, headers: json });
  });

  test('The SDK asks nothing that the server chokes on: its user agent, its empty queries, its odd headers', async () => {
    const headers = { 'user-agent': 'workos-dotnet/1.0', 'accept-encoding': 'utf-8', 'warrant-token': 'latest', 'idempotency-key': 'x'.repeat(300) };
    await holdfast.must(200, 'GET', '/organizations?after=&before=&search=&domains=', undefined, { headers });
    await holdfast.must(201, 'POST', '/organizations', { name: 'odd headers' }, { headers });
  });
});
