// Organizations as the official SDK sees them.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { makeCertificate } from './lib/certificate.mjs';
import { assertThrows, open } from './lib/holdfast.mjs';

describe('Organizations', () => {
  let holdfast, organizations;
  const unique = () => randomUUID().slice(0, 8);
  const domain = () => `${unique()}.example`;

  before(async () => {
    holdfast = await open();
    ({ organizations } = holdfast.workos);
  });
  after(() => holdfast?.stop());

  test('An organization is created with domains, metadata and an external id, and read back the same', async () => {
    const [verified, pending, externalId] = [domain(), domain(), `crm/${unique()} 7`];
    const created = await organizations.createOrganization({
      name: 'Acmé & Söhne', externalId, metadata: { tier: 'gold', since: '1999 & before' },
      domainData: [{ domain: verified, state: 'verified' }, { domain: pending, state: 'pending' }],
    });
    assert.match(created.id, /^org_[0-9A-Z]{26}$/);
    assert.deepEqual([created.object, created.name, created.externalId], ['organization', 'Acmé & Söhne', externalId]);
    assert.deepEqual(created.metadata, { tier: 'gold', since: '1999 & before' });
    assert.deepEqual(created.domains.map((one) => [one.domain, one.state]).sort(), [[verified, 'verified'], [pending, 'pending']].sort());
    for (const one of created.domains) {
      assert.match(one.id, /^org_domain_/);
      assert.equal(one.organizationId, created.id);
    }
    assert.deepEqual(await organizations.getOrganization(created.id), created);
    assert.deepEqual(await organizations.getOrganizationByExternalId(externalId), created);
  });

  test('An organization needs no more than a name', async () => {
    const created = await organizations.createOrganization({ name: 'Plain' });
    assert.deepEqual([created.domains, created.metadata, created.externalId], [[], {}, null]);
    assert.match(created.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(created.updatedAt, created.createdAt);
  });

  test('An update changes what it names and nothing else', async () => {
    const created = await organizations.createOrganization({ name: 'Before', externalId: unique(), metadata: { a: '1', b: '2' } });
    const renamed = await organizations.updateOrganization({ organization: created.id, name: 'After' });
    assert.deepEqual({ ...renamed, updatedAt: created.updatedAt }, { ...created, name: 'After' });
    assert.ok(renamed.updatedAt >= created.updatedAt);
    const external = unique();
    const moved = await organizations.updateOrganization({ organization: created.id, externalId: external, stripeCustomerId: `cus_${external}` });
    assert.deepEqual([moved.name, moved.externalId, moved.stripeCustomerId], ['After', external, `cus_${external}`]);
    await assertThrows(organizations.getOrganizationByExternalId(created.externalId), 'NotFoundException', { status: 404 });
    const freed = await organizations.updateOrganization({ organization: created.id, externalId: null });
    assert.equal(freed.externalId, null);
    const domains = await organizations.updateOrganization({ organization: created.id, domainData: [{ domain: domain(), state: 'verified' }] });
    assert.equal(domains.domains.length, 1);
    assert.deepEqual(await organizations.getOrganization(created.id), domains);
  });

  test('A list has pages in both orders, and a cursor goes both ways', async () => {
    const made = [];
    for (let i = 0; i < 5; i++) {
      made.push((await organizations.createOrganization({ name: `Page ${i}` })).id);
    }
    const first = await organizations.listOrganizations({ limit: 2 });
    assert.deepEqual(first.data.map(({ id }) => id), [made[4], made[3]]);
    assert.equal(first.listMetadata.before, null);
    const second = await organizations.listOrganizations({ limit: 2, after: first.listMetadata.after });
    assert.deepEqual(second.data.map(({ id }) => id), [made[2], made[1]]);
    const back = await organizations.listOrganizations({ limit: 2, before: second.listMetadata.before });
    assert.deepEqual(back.data.map(({ id }) => id), [made[4], made[3]]);
    const ascending = await organizations.listOrganizations({ order: 'asc', limit: 100 });
    const times = ascending.data.map(({ createdAt }) => createdAt);
    assert.deepEqual(times, [...times].sort());
    const one = await organizations.listOrganizations({ order: 'asc', limit: 3, after: made[1] });
    assert.deepEqual(one.data.map(({ id }) => id), made.slice(2));
    assert.equal(one.listMetadata.after, null, 'the last page has no way on');
  });

  test('The SDK reads every page by itself', async () => {
    const search = `auto${unique()}`;
    const made = new Set();
    for (let i = 0; i < 105; i++) {
      made.add((await organizations.createOrganization({ name: `${search} ${i}` })).id);
    }
    const all = await (await organizations.listOrganizations()).autoPagination();
    const ids = all.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, 'none comes twice');
    assert.ok([...made].every((id) => ids.includes(id)));
    const found = await (await organizations.listOrganizations({ search })).autoPagination();
    assert.deepEqual(new Set(found.map(({ id }) => id)), made);
  });

  test('A list can be narrowed to domains and to words in the name', async () => {
    const [a, b] = [domain(), domain()];
    const word = `Zeppelin${unique()}`;
    const first = await organizations.createOrganization({ name: `${word} One`, domainData: [{ domain: a, state: 'verified' }] });
    const second = await organizations.createOrganization({ name: 'Two', domainData: [{ domain: b, state: 'verified' }] });
    const idsOf = async (options) => (await organizations.listOrganizations(options)).data.map(({ id }) => id);
    assert.deepEqual(await idsOf({ domains: [a] }), [first.id]);
    assert.deepEqual(await idsOf({ domains: [a, b] }), [second.id, first.id]);
    assert.deepEqual(await idsOf({ domains: [domain()] }), []);
    assert.deepEqual(await idsOf({ search: word.toLowerCase() }), [first.id]);
    for (const query of [`domains[]=${a}&domains[]=${b}`, `domains=${a}&domains=${b}`, `domains=${a},${b}`]) {
      const { data } = await holdfast.must(200, 'GET', `/organizations?${query}`);
      assert.deepEqual(data.map(({ id }) => id), [second.id, first.id], query);
    }
  });

  test('A deleted organization is gone, and so are its connections', async () => {
    const created = await organizations.createOrganization({ name: 'Doomed', externalId: unique() });
    const connection = await holdfast.createConnection({
      organization_id: created.id, connection_type: 'GenericSAML', name: 'Doomed',
      saml: { idp_entity_id: 'urn:doomed', idp_sso_url: 'https://idp.example.test/sso', idp_certificates: [makeCertificate('doomed').certificate] },
    });
    await organizations.deleteOrganization(created.id);
    await assertThrows(organizations.getOrganization(created.id), 'NotFoundException', { status: 404 });
    await assertThrows(organizations.getOrganizationByExternalId(created.externalId), 'NotFoundException', { status: 404 });
    await assertThrows(holdfast.workos.sso.getConnection(connection.id), 'NotFoundException', { status: 404 });
    await organizations.createOrganization({ name: 'Heir', externalId: created.externalId });
  });

  test('The audit-log configuration of an organization can be read', async () => {
    const { id } = await organizations.createOrganization({ name: 'Audited' });
    const body = await holdfast.must(200, 'GET', `/organizations/${id}/audit_log_configuration`);
    assert.equal(body.organization_id, id);
    assert.ok(Number.isInteger(body.retention_period_in_days), JSON.stringify(body));
    assert.equal((await holdfast.call('GET', '/organizations/org_01AAAAAAAAAAAAAAAAAAAAAAAA/audit_log_configuration')).status, 404);
  });

  test('Each fault reaches the SDK as its own kind of error', async () => {
    const missing = 'org_01AAAAAAAAAAAAAAAAAAAAAAAA';
    const taken = unique();
    const { id } = await organizations.createOrganization({ name: 'First', externalId: taken });
    const other = await organizations.createOrganization({ name: 'Other' });
    await assertThrows(holdfast.sdk('sk_test_wrong').organizations.getOrganization(id), 'UnauthorizedException', { status: 401 });
    await assertThrows(organizations.getOrganization(missing), 'NotFoundException', { status: 404 });
    await assertThrows(organizations.getOrganizationByExternalId(unique()), 'NotFoundException', { status: 404 });
    await assertThrows(organizations.updateOrganization({ organization: missing, name: 'x' }), 'NotFoundException', { status: 404 });
    const used = { status: 400, code: 'external_id_already_used' };
    await assertThrows(organizations.createOrganization({ name: 'Second', externalId: taken }), 'GenericServerException', used);
    await assertThrows(organizations.updateOrganization({ organization: other.id, externalId: taken }), 'GenericServerException', used);
    for (const name of [undefined, '', 7, null]) {
      await assertThrows(organizations.createOrganization({ name }), 'UnprocessableEntityException', { status: 422 });
    }
    await assertThrows(organizations.listOrganizations({ limit: 101 }), 'UnprocessableEntityException', { status: 422 });
    assert.equal((await organizations.updateOrganization({ organization: id, externalId: taken })).externalId, taken, 'its own id is not taken');
  });

  test('Every error carries the id of its request', async () => {
    const missing = organizations.getOrganization('org_01AAAAAAAAAAAAAAAAAAAAAAAA');
    await assert.rejects(missing, ({ requestID }) => typeof requestID === 'string' && requestID.length > 0);
  });

  test('A domain that another organization has proved is a conflict', async () => {
    const contested = domain();
    await organizations.createOrganization({ name: 'Owner', domainData: [{ domain: contested, state: 'verified' }] });
    const second = organizations.createOrganization({ name: 'Taker', domainData: [{ domain: contested, state: 'verified' }] });
    await assertThrows(second, 'ConflictException', { status: 409 });
  });

  test('Metadata and external ids keep to their limits', async () => {
    const refused = async (payload, ...statuses) => {
      const { status, body } = await holdfast.call('POST', '/organizations', { name: 'Limits', ...payload });
      assert.ok(statuses.includes(status), `${JSON.stringify(payload).slice(0, 80)}: ${status} ${JSON.stringify(body)}`);
      return body;
    };
    const value = 'v'.repeat(600);
    assert.equal((await organizations.createOrganization({ name: 'Limits', metadata: { value } })).metadata.value, value);
    await refused({ metadata: { value: `${value}v` } }, 400, 422);
    await refused({ metadata: { value: 1 } }, 400, 422);
    await refused({ metadata: ['a'] }, 400, 422);
    await refused({ external_id: 'x'.repeat(129) }, 400, 422);
    await refused({ external_id: 'é' }, 400, 422);
    assert.equal((await organizations.createOrganization({ name: 'Limits', externalId: `${unique()}${'x'.repeat(120)}` })).externalId.length, 128);
  });

  test('A request that is sent again with its key happens once', async () => {
    const key = randomUUID();
    const payload = { name: `Once ${unique()}` };
    const first = await organizations.createOrganization(payload, { idempotencyKey: key });
    assert.deepEqual(await organizations.createOrganization(payload, { idempotencyKey: key }), first);
    assert.equal((await organizations.listOrganizations({ search: payload.name })).data.length, 1);
    const other = await organizations.createOrganization({ name: `Twice ${unique()}` }, { idempotencyKey: key });
    assert.notEqual(other.id, first.id);
    assert.notEqual((await organizations.createOrganization(payload, { idempotencyKey: randomUUID() })).id, first.id);
  });

  test('Ten requests at once with one key make one organization', async () => {
    const key = randomUUID();
    const payload = { name: `Crowd ${unique()}` };
    const all = await Promise.all(Array.from({ length: 10 }, () => organizations.createOrganization(payload, { idempotencyKey: key })));
    assert.equal(new Set(all.map(({ id }) => id)).size, 1);
  });
});
