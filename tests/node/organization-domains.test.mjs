// Domains of organizations, and the events that tell of them, as the official SDK sees them.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { assertThrows, open } from './lib/holdfast.mjs';

describe('Domains of organizations and events', () => {
  let holdfast, organizationDomains, events;
  const domain = () => `${randomUUID().slice(0, 8)}.example`;

  before(async () => {
    holdfast = await open();
    ({ organizationDomains, events } = holdfast.workos);
  });
  after(() => holdfast?.stop());

  test('A domain is made, read, looked for and deleted', async () => {
    const organization = await holdfast.createOrganization('Domains');
    const name = domain();
    const made = await organizationDomains.createOrganizationDomain({ organizationId: organization.id, domain: name });
    assert.match(made.id, /^org_domain_[0-9A-Z]{26}$/);
    assert.deepEqual(
      [made.object, made.organizationId, made.domain, made.state, made.verificationStrategy],
      ['organization_domain', organization.id, name, 'pending', 'dns']);
    assert.ok(made.verificationToken && made.verificationPrefix);
    assert.deepEqual(await organizationDomains.getOrganizationDomain(made.id), made);
    assert.equal((await organizationDomains.verifyOrganizationDomain(made.id)).state, 'pending');
    assert.deepEqual((await holdfast.workos.organizations.getOrganization(organization.id)).domains.map(({ id }) => id), [made.id]);
    assert.equal(await organizationDomains.deleteOrganizationDomain(made.id), undefined);
    await assertThrows(organizationDomains.getOrganizationDomain(made.id), 'NotFoundException', { status: 404 });
  });

  test('Refusals reach the SDK as what they are', async () => {
    const organization = await holdfast.createOrganization('Refused');
    const name = domain();
    await holdfast.workos.organizations.updateOrganization({ organization: organization.id, domainData: [{ domain: name, state: 'verified' }] });
    const [verified] = (await holdfast.workos.organizations.getOrganization(organization.id)).domains;
    await assertThrows(organizationDomains.verifyOrganizationDomain(verified.id), 'GenericServerException', { status: 400, code: 'domain_already_verified' });
    const other = await holdfast.createOrganization('Other');
    await assertThrows(organizationDomains.createOrganizationDomain({ organizationId: other.id, domain: name }), 'ConflictException', { status: 409 });
    await assertThrows(organizationDomains.createOrganizationDomain({ organizationId: other.id, domain: 'not a domain' }), 'UnprocessableEntityException', { status: 422 });
  });

  test('What happened is listed by name and organization, page by page', async () => {
    const organization = await holdfast.createOrganization('Told');
    const names = [domain(), domain(), domain()];
    for (const name of names) {
      await organizationDomains.createOrganizationDomain({ organizationId: organization.id, domain: name });
    }
    const query = { events: ['organization_domain.created'], organizationId: organization.id, order: 'asc', limit: 2 };
    const first = await events.listEvents(query);
    const second = await events.listEvents({ ...query, after: first.listMetadata.after });
    assert.deepEqual([...first.data, ...second.data].map(({ data }) => data.domain), names);
    assert.ok(!second.listMetadata.after);
    const [one] = first.data;
    assert.deepEqual([one.event, one.data.organizationId, one.data.state], ['organization_domain.created', organization.id, 'pending']);
    const of = await events.listEvents({ events: ['organization.created'], organizationId: organization.id });
    assert.deepEqual(of.data.map(({ data }) => [data.id, data.domains]), [[organization.id, []]]);
  });

  test('A domain that nobody has verified leads nowhere', async () => {
    await holdfast.registerCallback();
    const query = new URLSearchParams({ client_id: holdfast.clientId, redirect_uri: holdfast.callback, response_type: 'code', state: 's', domain: domain() });
    const { headers } = await holdfast.call('GET', `/sso/authorize?${query}`, undefined, { key: null });
    const told = new URL(headers.get('location')).searchParams;
    assert.deepEqual([told.get('error'), told.get('state')], ['connection_domain_invalid', 's']);
  });
});
