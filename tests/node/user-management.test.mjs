// Users, their memberships and their invitations as the official SDK sees them.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { assertThrows, open } from './lib/holdfast.mjs';

const unique = () => randomUUID().slice(0, 8);
const address = () => `person.${unique()}@people.example`;

describe('Users', () => {
  let holdfast, users;

  before(async () => {
    holdfast = await open();
    users = holdfast.workos.userManagement;
  });
  after(() => holdfast?.stop());

  test('A user is created with everything that can be said of them, and read back the same', async () => {
    const [email, externalId] = [address(), `crm/${unique()} 7`];
    const created = await users.createUser({
      email: email.toUpperCase(), firstName: 'Zoë', lastName: 'Müller & Töchter', emailVerified: true, externalId, metadata: { tier: 'gold' },
      password: 'a password of some length', ipAddress: '203.0.113.7', userAgent: 'test',
    });
    assert.match(created.id, /^user_[0-9A-Z]{26}$/);
    assert.deepEqual([created.object, created.email, created.emailVerified, created.externalId], ['user', email, true, externalId]);
    assert.deepEqual([created.firstName, created.lastName, created.profilePictureUrl, created.lastSignInAt, created.locale], ['Zoë', 'Müller & Töchter', null, null, null]);
    assert.deepEqual(created.metadata, { tier: 'gold' });
    assert.match(created.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(await users.getUser(created.id), created);
    assert.deepEqual(await users.getUserByExternalId(externalId), created);
    assert.deepEqual(await users.getUserIdentities(created.id), []);
    assert.deepEqual((await users.listUsers({ email })).data, [created]);
  });

  test('An update changes what it names and nothing else', async () => {
    const created = await users.createUser({ email: address(), firstName: 'Before', lastName: 'Same', emailVerified: true, metadata: { a: '1', b: '2' } });
    const renamed = await users.updateUser({ userId: created.id, firstName: 'After', locale: 'en-US', metadata: { b: null } });
    assert.deepEqual([renamed.firstName, renamed.lastName, renamed.locale, renamed.email, renamed.emailVerified], ['After', 'Same', 'en-US', created.email, true]);
    assert.deepEqual(renamed.metadata, { a: '1' });
    const email = address();
    const moved = await users.updateUser({ userId: created.id, email, externalId: unique() });
    assert.deepEqual([moved.email, moved.emailVerified, moved.firstName], [email, false, 'After']);
    assert.deepEqual(await users.getUser(created.id), moved);
    await users.updateUser({ userId: created.id, password: 'another password of some length' });
  });

  test('Hashes that were made elsewhere are taken, and those that cannot be checked are not', async () => {
    const email = address();
    await users.createUser({ email, passwordHash: '$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy', passwordHashType: 'bcrypt' });
    const refused = { status: 400, code: 'invalid_password_hash' };
    await assertThrows(users.createUser({ email: address(), passwordHash: 'nothing', passwordHashType: 'argon2' }), 'GenericServerException', refused);
    await assertThrows(users.createUser({ email: address(), passwordHash: 'nothing', passwordHashType: 'md5' }), 'UnprocessableEntityException', { status: 422 });
  });

  test('A list has pages, and is of an organization when one is named', async () => {
    const organization = await holdfast.createOrganization('People');
    const made = [];
    for (let i = 0; i < 3; i++) {
      const { id } = await users.createUser({ email: address() });
      await users.createOrganizationMembership({ userId: id, organizationId: organization.id });
      made.push(id);
    }
    await users.createUser({ email: address() });
    const list = await users.listUsers({ organizationId: organization.id, limit: 2 });
    assert.deepEqual(list.data.map(({ id }) => id), [made[2], made[1]]);
    const all = await (await users.listUsers({ organizationId: organization.id })).autoPagination();
    assert.deepEqual(all.map(({ id }) => id).sort(), [...made].sort());
  });

  test('Each fault reaches the SDK as its own kind of error', async () => {
    const { id, email } = await users.createUser({ email: address(), externalId: unique() });
    const other = await users.createUser({ email: address() });
    const missing = 'user_01AAAAAAAAAAAAAAAAAAAAAAAA';
    for (const call of [
      () => users.getUser(missing), () => users.updateUser({ userId: missing, firstName: 'x' }), () => users.deleteUser(missing), () => users.getUserByExternalId(unique()),
      () => users.getUserIdentities(missing),
    ]) {
      await assertThrows(call(), 'NotFoundException', { status: 404 });
    }
    await assertThrows(users.createUser({ email }), 'BadRequestException', { status: 400, code: 'user_creation_error' });
    await assertThrows(users.createUser({ email: address(), password: 'short' }), 'BadRequestException', { status: 400, code: 'password_strength_error' });
    await assertThrows(users.updateUser({ userId: other.id, email }), 'GenericServerException', { status: 400, code: 'email_not_available' });
    await assertThrows(users.createUser({ email: 'nobody' }), 'UnprocessableEntityException', { status: 422 });
    await assertThrows(holdfast.sdk('sk_test_wrong').userManagement.getUser(id), 'UnauthorizedException', { status: 401 });
  });

  test('A deleted user is gone', async () => {
    const { id, email } = await users.createUser({ email: address() });
    await users.deleteUser(id);
    await assertThrows(users.getUser(id), 'NotFoundException', { status: 404 });
    assert.deepEqual((await users.listUsers({ email })).data, []);
  });
});

describe('Organization memberships', () => {
  let holdfast, users, organization, user;

  before(async () => {
    holdfast = await open();
    users = holdfast.workos.userManagement;
    organization = await holdfast.createOrganization('Members');
    user = await users.createUser({ email: address() });
  });
  after(() => holdfast?.stop());

  test('A membership begins, has a role, stops, goes on, and ends', async () => {
    const made = await users.createOrganizationMembership({ userId: user.id, organizationId: organization.id });
    assert.match(made.id, /^om_[0-9A-Z]{26}$/);
    assert.deepEqual([made.object, made.userId, made.organizationId, made.organizationName, made.status], ['organization_membership', user.id, organization.id, organization.name, 'active']);
    assert.deepEqual(made.role, { slug: 'member' });
    const read = await users.getOrganizationMembership(made.id);
    assert.deepEqual([read.id, read.status, read.role.slug], [made.id, 'active', 'member']);

    assert.equal((await users.updateOrganizationMembership(made.id, { roleSlug: 'admin' })).role.slug, 'admin');
    assert.equal((await users.deactivateOrganizationMembership(made.id)).status, 'inactive');
    assert.deepEqual((await users.listOrganizationMemberships({ userId: user.id })).data, []);
    assert.deepEqual((await users.listOrganizationMemberships({ userId: user.id, statuses: ['active', 'inactive'] })).data.map(({ id }) => id), [made.id]);
    const again = await users.reactivateOrganizationMembership(made.id);
    assert.deepEqual([again.status, again.role.slug], ['active', 'admin']);
    assert.deepEqual((await holdfast.must(200, 'GET', `/user_management/organization_memberships/${made.id}/groups`)).data, []);

    await users.deleteOrganizationMembership(made.id);
    await assertThrows(users.getOrganizationMembership(made.id), 'NotFoundException', { status: 404 });
  });

  test('Each fault reaches the SDK as its own kind of error', async () => {
    await assertThrows(users.createOrganizationMembership({ userId: 'user_x', organizationId: organization.id }), 'NotFoundException', { status: 404 });
    await assertThrows(users.createOrganizationMembership({ userId: user.id, organizationId: organization.id, roleSlug: 'owner' }), 'UnprocessableEntityException', { status: 422 });
    await assertThrows(users.listOrganizationMemberships({}), 'GenericServerException', { status: 400, code: 'missing_user_id_or_organization_id' });
  });
});

describe('Invitations', () => {
  let holdfast, users, organization;

  before(async () => {
    holdfast = await open();
    users = holdfast.workos.userManagement;
    organization = await holdfast.createOrganization('Inviting');
  });
  after(() => holdfast?.stop());

  test('An invitation is sent, found, sent again, and accepted once', async () => {
    const email = address();
    const sent = await users.sendInvitation({ email, organizationId: organization.id, expiresInDays: 2, roleSlug: 'admin' });
    assert.match(sent.id, /^invitation_[0-9A-Z]{26}$/);
    assert.deepEqual([sent.object, sent.email, sent.state, sent.organizationId, sent.acceptedAt], ['invitation', email, 'pending', organization.id, null]);
    assert.ok(sent.acceptInvitationUrl.endsWith(`invitation_token=${sent.token}`), sent.acceptInvitationUrl);
    assert.deepEqual(await users.getInvitation(sent.id), sent);
    assert.deepEqual(await users.findInvitationByToken(sent.token), sent);
    assert.deepEqual((await users.listInvitations({ email, organizationId: organization.id })).data, [sent]);
    assert.equal((await users.resendInvitation(sent.id)).token, sent.token);

    await assertThrows(users.acceptInvitation(sent.id), 'GenericServerException', { status: 400, code: 'invalid_invite' });
    const user = await users.createUser({ email, emailVerified: true });
    const accepted = await users.acceptInvitation(sent.id);
    assert.deepEqual([accepted.state, accepted.acceptedUserId], ['accepted', user.id]);
    const [membership] = (await users.listOrganizationMemberships({ userId: user.id })).data;
    assert.deepEqual([membership.organizationId, membership.role.slug], [organization.id, 'admin']);
    await assertThrows(users.acceptInvitation(sent.id), 'GenericServerException', { status: 400, code: 'invite_not_pending' });
  });

  test('A revoked invitation is over, and each fault is its own kind of error', async () => {
    const email = address();
    const sent = await users.sendInvitation({ email, organizationId: organization.id });
    await assertThrows(users.sendInvitation({ email, organizationId: organization.id }), 'GenericServerException', { status: 400, code: 'email_already_invited_to_organization' });
    assert.equal((await users.revokeInvitation(sent.id)).state, 'revoked');
    await assertThrows(users.revokeInvitation(sent.id), 'GenericServerException', { status: 400, code: 'invite_not_pending' });
    await assertThrows(users.findInvitationByToken('nothing'), 'NotFoundException', { status: 404 });
    await assertThrows(users.getInvitation('invitation_01AAAAAAAAAAAAAAAAAAAAAAAA'), 'NotFoundException', { status: 404 });
  });
});
