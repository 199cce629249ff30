// The judge is judged first: right answers pass, and each kind of wrong one is found.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { judge, judgeAnswer, publicFacts } from './validator.mjs';

const time = '2026-01-15T12:00:00.000Z';
const organization = {
  object: 'organization', id: 'org_01', name: 'Acme', domains: [], metadata: { tier: 'gold' }, external_id: null, created_at: time, updated_at: time,
};
const connection = {
  object: 'connection', id: 'conn_01', organization_id: 'org_01', connection_type: 'GenericSAML', name: 'Acme', state: 'active', status: 'linked',
  domains: [], created_at: time, updated_at: time,
};
const list = (...data) => ({ object: 'list', data, list_metadata: { before: null, after: null } });

const answer = (method, path, status, body, contentType = 'application/json; charset=utf-8') =>
  ({ method, path, status, content_type: contentType, body: typeof body === 'string' || body === null ? body : JSON.stringify(body) });
const faultsOf = (...parts) => judgeAnswer(answer(...parts)).faults.map(({ at, text }) => `${at}: ${text}`);
const passes = (...parts) => assert.deepEqual(faultsOf(...parts), []);
const fails = (pattern, ...parts) => {
  const faults = faultsOf(...parts);
  assert.ok(faults.some((fault) => pattern.test(fault)), `no fault like ${pattern} in ${JSON.stringify(faults)}`);
};

test('A right body passes', () => {
  passes('GET', '/organizations/org_01', 200, organization);
  passes('GET', '/organizations', 200, list(organization));
  passes('GET', '/connections', 200, list({ ...connection, organization_id: undefined }));
  passes('GET', '/sso/profile', 401, { error: 'Unauthorized' });
  passes('DELETE', '/organizations/org_01', 202, null, null);
});

test('A wrong type is found where it stands', () => {
  fails(/^\/name: is number, not string$/, 'GET', '/organizations/org_01', 200, { ...organization, name: 7 });
  fails(/^\/data\/0\/domains: is null, not array$/, 'GET', '/organizations', 200, list({ ...organization, domains: null }));
  fails(/^: is array, not object$/, 'GET', '/organizations/org_01', 200, []);
});

test('A required property that is missing is found, and null counts only where null may be', () => {
  fails(/^\/id: is missing$/, 'GET', '/organizations/org_01', 200, { ...organization, id: undefined });
  fails(/^\/list_metadata: is missing$/, 'GET', '/organizations', 200, { object: 'list', data: [] });
  fails(/^\/created_at: is null/, 'GET', '/organizations/org_01', 200, { ...organization, created_at: null });
});

test('A value outside an enumeration or beside a constant is found', () => {
  fails(/^\/state: "on" is none of the values$/, 'GET', '/connections/conn_01', 200, { ...connection, state: 'on' });
  fails(/^\/object: is not "organization"$/, 'GET', '/organizations/org_01', 200, { ...organization, object: 'org' });
});

test('A time without milliseconds or with an offset is found', () => {
  fails(/no time in UTC/, 'GET', '/organizations/org_01', 200, { ...organization, created_at: '2026-01-15T12:00:00Z' });
  fails(/no time in UTC/, 'GET', '/organizations/org_01', 200, { ...organization, created_at: '2026-01-15T12:00:00.000+00:00' });
});

test('A property too many is found, except where an extension is documented', () => {
  fails(/^\/secret: is not described$/, 'GET', '/organizations/org_01', 200, { ...organization, secret: 'x' });
  passes('GET', '/connections/conn_01', 200, { ...connection, saml: { acs_url: 'http://127.0.0.1/acs' } });
  passes('GET', '/connections', 200, list({ ...connection, oidc: {} }));
  passes('POST', '/connections', 201, { ...connection, oidc: {} });
  fails(/^\/idp: is not described$/, 'GET', '/connections/conn_01', 200, { ...connection, idp: {} });
  fails(/^\/saml: is not described$/, 'GET', '/organizations/org_01', 200, { ...organization, saml: {} });
});

test('A status that is not described is found, and 500 always is', () => {
  fails(/not described/, 'GET', '/organizations/org_01', 206, organization);
  fails(/answers 500/, 'GET', '/organizations/org_01', 500, { message: 'x' });
  fails(/answers 500/, 'GET', '/nowhere', 500, { message: 'x' });
});

test('Errors need a message, or error with error_description, and never both', () => {
  passes('GET', '/organizations/org_01', 404, { message: 'x', code: 'entity_not_found' });
  passes('PATCH', '/organizations/org_01', 405, { message: 'x' });
  passes('GET', '/organizations/org_01', 429, { message: 'x', code: 'rate_limit_exceeded' });
  passes('POST', '/sso/token', 400, { error: 'invalid_grant', error_description: 'x' });
  fails(/must be a JSON object/, 'GET', '/organizations/org_01', 401, 'null');
  fails(/needs "message"/, 'GET', '/organizations/org_01', 401, {});
  fails(/not both/, 'GET', '/organizations/org_01', 401, { message: 'x', error: 'x', error_description: 'x' });
  fails(/\/error: is not described/, 'GET', '/organizations/org_01', 404, { message: 'x', error: 'not_found' });
});

test('A described error has its described code, or one that any request can meet', () => {
  passes('POST', '/organizations', 400, { code: 'external_id_already_used', message: 'x' });
  passes('POST', '/organizations', 400, { message: 'x' });
  fails(/^\/code: is not/, 'POST', '/organizations', 400, { code: 'external_id_taken', message: 'x' });
  fails(/^\/error: is not/, 'POST', '/sso/token', 400, { error: 'invalid_code', error_description: 'x' });
});

test('A refusal may say what the SDKs read of it, where that is documented, and nothing else', () => {
  const refusal = { code: 'email_verification_required', message: 'No.', pending_authentication_token: 'x', email: 'a@b.test', email_verification_id: 'y' };
  passes('POST', '/user_management/authenticate', 403, refusal);
  fails(/^\/hint: is not described$/, 'POST', '/user_management/authenticate', 403, { ...refusal, hint: 'x' });
  fails(/^\/email: is not described$/, 'POST', '/user_management/authenticate', 400, { code: 'invalid_credentials', message: 'No.', email: 'a@b.test' });
});

test('A body must be JSON and say so, and 204 has none', () => {
  fails(/not JSON/, 'GET', '/organizations/org_01', 200, '<html>');
  fails(/not JSON/, 'GET', '/organizations/org_01', 404, null);
  fails(/content type/, 'GET', '/organizations/org_01', 200, organization, 'text/plain');
  fails(/a body where none may be/, 'DELETE', '/connections/conn_01', 204, '{}');
  passes('GET', '/sso/authorize', 400, '<html>', 'text/html');
});

test('A path is matched by its literal segments first', () => {
  const operationOf = (path) => judgeAnswer(answer('GET', path, 404, { message: 'x' })).operation;
  assert.equal(operationOf('/organizations/external_id/a%2Fb'), 'GET /organizations/external_id/{external_id}');
  assert.equal(operationOf('/organizations/org_01'), 'GET /organizations/{id}');
});

test('An unknown path is told apart and not judged', () => {
  assert.deepEqual(judgeAnswer(answer('GET', '/health', 200, 'up', 'text/plain')), { known: false, operation: 'GET /health', faults: [] });
});

test('The parts of an allOf count together, and at least one of a oneOf has to fit', () => {
  const facts = { schemas: {}, paths: {} };
  const text = { type: 'string' };
  const both = { allOf: [{ type: 'object', properties: { a: text }, required: ['a'] }, { type: 'object', properties: { b: text } }] };
  assert.deepEqual(judge(both, { a: '1', b: '2' }, '', facts), []);
  assert.deepEqual(judge(both, { a: '1', c: '2' }, '', facts), [{ at: '/c', text: 'is not described' }]);
  const either = {
    oneOf: [
      { type: 'object', properties: { kind: { const: 'x' }, x: text }, required: ['kind'] },
      { type: 'object', properties: { kind: { const: 'y' } } },
    ],
  };
  assert.deepEqual(judge(either, { kind: 'x', x: '1' }, '', facts), []);
  assert.match(judge(either, { kind: 'x', x: 1 }, '', facts)[0].text, /^is number, not string/);
  assert.match(judge(either, { kind: 'z' }, '', facts)[0].text, /nearest of 2/);
});

test('Lengths, patterns, maps, nested names in pointers and ruled-out shapes are held', () => {
  const facts = { schemas: {}, paths: {} };
  assert.equal(judge({ type: 'string', maxLength: 2 }, 'abc', '', facts).length, 1);
  assert.equal(judge({ type: 'string', pattern: '^a$' }, 'b', '', facts).length, 1);
  assert.equal(judge({ type: 'integer' }, 1.5, '', facts).length, 1);
  assert.deepEqual(judge({ type: 'object', additionalProperties: { type: 'string' } }, { 'a/b': 1 }, '', facts)[0].at, '/a~1b');
  assert.equal(judge({ type: 'object' }, { anything: 1 }, '', facts).length, 0);
  assert.equal(judge({ type: 'object', additionalProperties: true, not: { required: ['a'] } }, { a: 1 }, '', facts).length, 1);
});

test('Every reference in the facts leads somewhere, and no prose came along', () => {
  const visit = (value, isProperties) => {
    if (typeof value !== 'object' || value === null) {
      return;
    }
    if (typeof value.$ref === 'string') {
      assert.ok(value.$ref in publicFacts.schemas, value.$ref);
    }
    for (const [key, inner] of Object.entries(value)) {
      assert.ok(isProperties || !['description', 'title', 'example', 'examples', 'summary'].includes(key), key);
      visit(inner, !isProperties && ['properties', 'patternProperties', 'paths', 'schemas'].includes(key));
    }
  };
  visit(publicFacts, false);
});

test('The run fails without a folder, without answers and on a violation, and passes on right answers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'answers-'));
  const run = (answers) => {
    const env = { ...process.env, HOLDFAST_ANSWERS: answers };
    delete env.NODE_TEST_CONTEXT;   // the inner run is a run of its own
    return spawnSync(process.execPath, ['--test', fileURLToPath(new URL('validate-answers.mjs', import.meta.url))], { env, encoding: 'utf8' });
  };
  try {
    assert.notEqual(run('').status, 0);
    assert.notEqual(run(join(folder, 'nowhere')).status, 0);
    assert.notEqual(run(folder).status, 0);
    writeFileSync(join(folder, 'a.ndjson'), `${JSON.stringify(answer('GET', '/organizations/org_01', 200, organization))}\n`);
    assert.equal(run(folder).status, 0);
    const wrong = JSON.stringify(answer('GET', '/organizations', 200, list({ ...organization, id: 1 }, { ...organization, id: 2 })));
    writeFileSync(join(folder, 'b.ndjson'), `${wrong}\n${wrong}\n`);
    const { status, stdout } = run(folder);
    assert.notEqual(status, 0);
    assert.match(stdout, /1 violations:/);
    assert.match(stdout, /GET \/organizations 200 \/data\/\*\/id: is number, not string \[4 times\]/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
