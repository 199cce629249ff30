// The public keys, as the SDK and any JOSE library look for them.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { open } from './lib/holdfast.mjs';

describe('The JSON Web Key Set', () => {
  let holdfast, address;
  before(async () => {
    holdfast = await open();
    address = holdfast.workos.userManagement.getJwksUrl(holdfast.clientId);
  });
  after(() => holdfast?.stop());

  test('stands where the SDK looks, for everyone', async () => {
    assert.equal(address, `${holdfast.baseUrl}/sso/jwks/${holdfast.clientId}`);
    const response = await fetch(address);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type'), /^application\/json/);
    assert.ok((await response.json()).keys.length > 0);
  });

  test('has RS256 keys with every field, and nothing that is secret', async () => {
    const { keys } = await (await fetch(address)).json();
    for (const key of keys) {
      assert.deepEqual(Object.keys(key).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use', 'x5c', 'x5t#S256']);
      assert.deepEqual([key.alg, key.kty, key.use], ['RS256', 'RSA', 'sig']);
      assert.ok(createPublicKey({ key, format: 'jwk' }).asymmetricKeyDetails.modulusLength >= 2048);
    }
    assert.equal(new Set(keys.map(({ kid }) => kid)).size, keys.length);
  });

  test('has certificates that hold the same keys', async () => {
    const { keys } = await (await fetch(address)).json();
    for (const key of keys) {
      const bytes = Buffer.from(key.x5c[0], 'base64');
      assert.equal(createHash('sha256').update(bytes).digest('base64url'), key['x5t#S256']);
      const { n, e } = new X509Certificate(bytes).publicKey.export({ format: 'jwk' });
      assert.deepEqual({ n, e }, { n: key.n, e: key.e });
    }
  });

  test('stays the same from one call to the next, and is not there for an unknown client', async () => {
    const read = async () => (await fetch(address)).text();
    assert.equal(await read(), await read());
    const { status, body } = await holdfast.call('GET', '/sso/jwks/client_nobody', undefined, { key: null });
    assert.equal(status, 404);
    assert.equal(typeof body.message, 'string');
  });
});
