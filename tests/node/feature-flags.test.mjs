// Feature flags as the official SDK manages them, and as its runtime client evaluates them.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { assertThrows, open } from './lib/holdfast.mjs';

const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

describe('Feature flags', () => {
  let holdfast, flags, users;
  const unique = () => `flag-${randomUUID().slice(0, 8)}`;
  const make = (slug, more) => holdfast.must(201, 'POST', '/feature-flags', { slug, ...more });

  before(async () => {
    holdfast = await open();
    ({ featureFlags: flags, userManagement: users } = holdfast.workos);
  });
  after(() => holdfast?.stop());

  test('A flag is read, switched and listed', async () => {
    const slug = unique();
    await make(slug, { name: 'Grün & mehr', description: 'All of it', tags: ['beta'], owner: { email: 'ada@acme.test', first_name: 'Ada' } });
    const flag = await flags.getFeatureFlag(slug);
    assert.match(flag.id, /^flag_[0-9A-Z]{26}$/);
    assert.deepEqual(
      [flag.object, flag.slug, flag.name, flag.description, flag.tags, flag.enabled, flag.defaultValue],
      ['feature_flag', slug, 'Grün & mehr', 'All of it', ['beta'], false, false]);
    assert.deepEqual((await holdfast.must(200, 'GET', `/feature-flags/${slug}`)).owner, { email: 'ada@acme.test', first_name: 'Ada', last_name: null });   // the SDK does not read it
    assert.equal((await flags.enableFeatureFlag(slug)).enabled, true);
    assert.equal((await flags.disableFeatureFlag(slug)).enabled, false);
    const all = await (await flags.listFeatureFlags()).autoPagination();
    assert.equal(all.filter((one) => one.slug === slug).length, 1);
    await assertThrows(flags.getFeatureFlag(unique()), 'NotFoundException', { status: 404 });
    await assertThrows(flags.enableFeatureFlag(unique()), 'NotFoundException', { status: 404 });
    await assertThrows(flags.listFeatureFlags({ limit: 101 }), 'UnprocessableEntityException', { status: 422 });
  });

  test('Targets switch a flag on for a user and for an organization, and off again', async () => {
    const [slug, off] = [unique(), unique()];
    await make(slug, { enabled: true });
    await make(off);
    const organization = await holdfast.createOrganization('Flagged');
    const user = await users.createUser({ email: `${randomUUID()}@people.test` });
    const slugs = async (list) => (await (await list).autoPagination()).map((one) => one.slug).filter((one) => [slug, off].includes(one));
    const of = () => Promise.all([slugs(flags.listUserFeatureFlags({ userId: user.id })), slugs(flags.listOrganizationFeatureFlags({ organizationId: organization.id }))]);

    assert.deepEqual(await of(), [[], []]);
    for (const targetId of [user.id, organization.id]) {
      await flags.addFlagTarget({ slug, targetId });
      await flags.addFlagTarget({ slug: off, targetId });
    }
    assert.deepEqual(await of(), [[slug], [slug]]);
    await flags.removeFlagTarget({ slug, targetId: organization.id });
    assert.deepEqual(await of(), [[slug], []]);
    await users.createOrganizationMembership({ organizationId: organization.id, userId: user.id });
    await flags.addFlagTarget({ slug, targetId: organization.id });
    await flags.removeFlagTarget({ slug, targetId: user.id });
    assert.deepEqual(await of(), [[slug], [slug]], 'by their organization');

    await assertThrows(flags.addFlagTarget({ slug, targetId: 'conn_01' }), 'GenericServerException', { status: 400, code: 'invalid_resource_id_format' });
    await assertThrows(flags.addFlagTarget({ slug, targetId: 'user_01AAAAAAAAAAAAAAAAAAAAAAAA' }), 'NotFoundException', { status: 404 });
    await assertThrows(flags.addFlagTarget({ slug: unique(), targetId: user.id }), 'NotFoundException', { status: 404 });
    await assertThrows(flags.listUserFeatureFlags({ userId: 'user_01AAAAAAAAAAAAAAAAAAAAAAAA' }), 'NotFoundException', { status: 404 });
    await assertThrows(flags.listOrganizationFeatureFlags({ organizationId: 'org_01AAAAAAAAAAAAAAAAAAAAAAAA' }), 'NotFoundException', { status: 404 });
  });

  test('A session that the SDK reads names the flags that are on', async () => {
    const slug = unique();
    await make(slug, { enabled: true });
    const email = `${randomUUID()}@people.test`;
    const { id } = await users.createUser({ email });
    const { code } = await users.createMagicAuth({ email });
    await flags.addFlagTarget({ slug, targetId: id });
    const session = await users.authenticateWithMagicAuth({ clientId: holdfast.clientId, email, code });
    assert.ok(claims(session.accessToken).feature_flags.includes(slug));
    await flags.disableFeatureFlag(slug);
    const next = await users.authenticateWithRefreshToken({ clientId: holdfast.clientId, refreshToken: session.refreshToken });
    assert.ok(!(claims(next.accessToken).feature_flags ?? []).includes(slug));
  });

  test('The runtime client evaluates as the server does, for users, organizations and kinds of the application\'s own', async () => {
    const [aimed, all, off, own] = [unique(), unique(), unique(), unique()];
    await make(aimed, { enabled: true });
    await make(all, { enabled: true, default_value: true });
    await make(off, { default_value: true });
    await make(own, { enabled: true });
    const organization = await holdfast.createOrganization('Runtime');
    const user = await users.createUser({ email: `${randomUUID()}@people.test` });
    await flags.addFlagTarget({ slug: aimed, targetId: organization.id });
    await holdfast.must(204, 'PUT', `/feature-flags/${aimed}/targets/${user.id}`, { enabled: false });
    await holdfast.must(204, 'PUT', `/feature-flags/${own}/targets/w-1`, { type: 'workspace' });

    const client = flags.createRuntimeClient();
    try {
      await client.waitUntilReady({ timeoutMs: 30_000 });
      const is = (slug, context) => client.isEnabled(slug, context);
      assert.deepEqual([is(all), is(off), is(aimed)], [true, false, false]);
      assert.deepEqual([is(aimed, { organizationId: organization.id }), is(aimed, { userId: user.id }), is(aimed, { userId: user.id, organizationId: organization.id })], [true, false, true]);
      assert.deepEqual([is(own, { workspace: { id: 'w-1' } }), is(own, { workspace: { id: 'w-2' } })], [true, false]);
      assert.equal(client.isEnabled(unique(), {}, true), true, 'what is not there is the default');
      const listed = (await (await flags.listOrganizationFeatureFlags({ organizationId: organization.id })).autoPagination()).map((one) => one.slug);
      for (const [slug, on] of Object.entries(client.getAllFlags({ organizationId: organization.id }))) {
        assert.equal(on, listed.includes(slug), slug);
      }
    } finally {
      client.close();
    }
  });

  test('A runtime client with a key that is none is told so, and stops', async () => {
    const client = holdfast.sdk('sk_test_wrong').featureFlags.createRuntimeClient();
    client.on('error', () => {});
    try {
      await assert.rejects(client.waitUntilReady({ timeoutMs: 30_000 }), { name: 'UnauthorizedException' });
    } finally {
      client.close();
    }
  });
});
