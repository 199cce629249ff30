// The providers' own SDKs judge how Holdfast evaluates: what they say of a generated table stands in files that Holdfast.Protocols.Tests reads, and must still be what they say.
// HOLDFAST_UPDATE=1 writes the files anew.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as ld from '@launchdarkly/node-server-sdk';
import { launchDarkly, unleash } from './lib/flag-providers.mjs';
import { launchDarklyTable, unleashTable } from './lib/flag-tables.mjs';

process.env.HOSTNAME = 'judge-host';   // for the strategy that goes by it; read when the SDK is loaded
const { InMemStorageProvider, Unleash } = await import('unleash-client');

function agree(name, vectors) {
  const file = fileURLToPath(new URL(`../Holdfast.Protocols.Tests/Flags/vectors/${name}.json`, import.meta.url));
  const lines = (object) => `{\n${Object.entries(object).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',\n')}}`;
  const text = `{"document":${JSON.stringify(vectors.document)},\n"people":[\n${vectors.people.map((one) => JSON.stringify(one)).join(',\n')}],\n"expected":${lines(vectors.expected)}}\n`;
  if (process.env.HOLDFAST_UPDATE) {
    writeFileSync(file, text);
  }
  assert.equal(readFileSync(file, 'utf8'), text, `${name}.json is not what the SDK says`);
}

/** How much a table shows: a flag that is the same for everybody, or an answer that never comes, would prove little. */
function assertTelling(expected, answers) {
  const flat = Object.values(expected).map((row) => new Set(row.map((one) => JSON.stringify(one))));
  assert.ok(flat.filter((row) => row.size > 1).length >= flat.length / 3, 'too few flags tell people apart');
  for (const answer of answers) {
    assert.ok(flat.some((row) => row.has(answer)), `nobody gets ${answer}`);
  }
}

test('LaunchDarkly\'s own SDK says of every flag and person what the vectors say', async () => {
  const table = launchDarklyTable(20251020);
  const provider = await launchDarkly(table.document);
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const client = ld.init('sdk-key', { baseUri: provider.origin, streamUri: provider.origin, eventsUri: provider.origin, sendEvents: false, diagnosticOptOut: true, logger });
  try {
    await client.waitForInitialization({ timeout: 20 });
    const expected = {};
    for (const key of Object.keys(table.document.flags)) {
      expected[key] = [];
      for (const { user, organization } of table.people) {
        const single = (kind, { key: id, attributes }) => ({ kind, ...attributes, key: id });
        const context = user && organization
          ? { kind: 'multi', user: single(undefined, user), organization: single(undefined, organization) }
          : user ? single('user', user) : single('organization', organization);
        for (const part of [context.user, context.organization]) {
          delete part?.kind;
        }
        expected[key].push(await client.variation(key, context, null));
      }
    }
    assertTelling(expected, ['true', 'false', 'null', '"red"', '2.5', '{"a":1}']);
    assert.ok(expected.circle.every((one) => one === null));
    agree('launchdarkly', { ...table, expected });
  } finally {
    client.close();
    await provider.stop();
  }
});

test('Unleash\'s own SDK says of every feature and person what the vectors say', async () => {
  const table = unleashTable(20251020);
  const provider = await unleash(table.document);
  const client = new Unleash({
    url: `${provider.origin}/api`, appName: 'judge', instanceId: 'judge', refreshInterval: 60_000, disableMetrics: true, storageProvider: new InMemStorageProvider(),
  });
  client.on('error', () => {});
  client.on('warn', () => {});
  try {
    await new Promise((resolve) => client.once('synchronized', resolve));
    const expected = {};
    for (const { name } of table.document.features) {
      expected[name] = table.people.map(({ user, organization }) => {
        const { sessionId, remoteAddress, ...properties } = user.attributes;
        const context = { userId: user.key, sessionId, remoteAddress, properties: { ...properties, organizationId: organization.key } };
        const variant = client.getVariant(name, context);
        return client.isEnabled(name, context) ? (variant.enabled ? `on ${variant.name}` : 'on') : 'off';
      });
    }
    assertTelling(expected, ['"on"', '"off"', '"on red-0"']);
    agree('unleash', { ...table, expected });
  } finally {
    client.destroy();
    await provider.stop();
  }
});
