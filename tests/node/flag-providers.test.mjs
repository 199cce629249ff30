// Holdfast with the operator's own flag provider: what its official SDK says of somebody is what stands in their access token.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import * as ld from '@launchdarkly/node-server-sdk';
import { launchDarkly } from './lib/flag-providers.mjs';
import { launchDarklyTable } from './lib/flag-tables.mjs';
import { open } from './lib/holdfast.mjs';
import { listen } from './lib/listen.mjs';

delete process.env.HOLDFAST_BASE_URL;   // a server of these tests' own: this one has a provider
process.env.HOLDFAST_FLAGS_KEY = 'sdk-key';
const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
const everywhere = (key) => ({ key, version: 1, on: true, deleted: false, salt: '', variations: [true, false], targets: [], rules: [], prerequisites: [], fallthrough: { variation: 0 } });

async function signIn(holdfast) {
  const { userManagement: users } = holdfast.workos;
  const email = `${randomUUID()}@people.test`;
  const { code } = await users.createMagicAuth({ email });
  return users.authenticateWithMagicAuth({ clientId: holdfast.clientId, email, code });
}

/** Asks until the answer is what was waited for: the provider cannot see when what it said has been taken. */
async function until(ask, fits) {
  for (let i = 0; ; i++) {
    const answer = await ask();
    if (fits(answer)) {
      return answer;
    }
    assert.ok(i < 2400, `still ${JSON.stringify(answer)}`);
    await pause(50);
  }
}

test('Access tokens name the provider\'s flags as its own SDK evaluates them, and a change of the stream holds at once', async () => {
  const { document } = launchDarklyTable(7);
  document.flags['holdfast.provider-flags-in-tokens'] = everywhere('holdfast.provider-flags-in-tokens');
  document.flags['aaa-flipped'] = everywhere('aaa-flipped');
  const provider = await launchDarkly(document);
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const judge = ld.init('sdk-key', { baseUri: provider.origin, streamUri: provider.origin, eventsUri: provider.origin, sendEvents: false, diagnosticOptOut: true, logger });
  const holdfast = await open('--flags', `launchdarkly:${provider.origin}`);
  try {
    await judge.waitForInitialization({ timeout: 20 });
    const { flags } = await until(() => holdfast.must(200, 'GET', '/health'), ({ flags: said }) => said?.count !== null);
    assert.deepEqual([flags.provider, flags.count], ['flags:launchdarkly', Object.keys(document.flags).length]);

    let session;
    for (let i = 0; i < 10; i++) {
      session = await signIn(holdfast);
      const state = await judge.allFlagsState({ kind: 'user', key: session.user.id });
      const on = Object.entries(state.allValues()).filter(([key, value]) => value === true && !key.startsWith('holdfast.')).map(([key]) => key).sort();
      assert.ok(on.length > 10);
      assert.deepEqual(claims(session.accessToken).feature_flags, on);
    }

    provider.say('patch', { path: '/flags/aaa-flipped', data: { ...everywhere('aaa-flipped'), version: 2, on: false, offVariation: 1 } });
    const refresh = async () => {
      session = await holdfast.workos.userManagement.authenticateWithRefreshToken({ clientId: holdfast.clientId, refreshToken: session.refreshToken });
      return claims(session.accessToken).feature_flags;
    };
    await until(refresh, (on) => !on.includes('aaa-flipped'));
  } finally {
    judge.close();
    await holdfast.stop();
    await provider.stop();
  }
});

test('Holdfast and LaunchDarkly\'s own SDK hear the same in every event of the stream, and after it was broken off', async () => {
  const off = (key, version) => ({ ...everywhere(key), version, on: false, offVariation: 1 });
  const names = ['aaa', 'bbb', 'ccc', 'ddd'];
  const document = { flags: Object.fromEntries([...names, 'holdfast.provider-flags-in-tokens'].map((key) => [key, everywhere(key)])), segments: {} };
  document.flags.bbb = off('bbb', 1);
  const provider = await launchDarkly(document);
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const judge = ld.init('sdk-key', { baseUri: provider.origin, streamUri: provider.origin, eventsUri: provider.origin, sendEvents: false, diagnosticOptOut: true, streamInitialReconnectDelay: 1, logger });
  const holdfast = await open('--flags', `launchdarkly:${provider.origin}`);
  try {
    await judge.waitForInitialization({ timeout: 60 });
    await until(() => holdfast.must(200, 'GET', '/health'), ({ flags }) => flags?.count !== null);
    let session = await signIn(holdfast);

    /** Both come to say this, and only this. */
    async function agree(expected) {
      const judged = async () => Object.entries((await judge.allFlagsState({ kind: 'user', key: session.user.id })).allValues()).filter(([key, value]) => value === true && !key.startsWith('holdfast.')).map(([key]) => key).sort();
      const ours = async () => {
        session = await holdfast.workos.userManagement.authenticateWithRefreshToken({ clientId: holdfast.clientId, refreshToken: session.refreshToken });
        return claims(session.accessToken).feature_flags ?? [];
      };
      for (const who of [judged, ours]) {
        await until(who, (on) => JSON.stringify(on) === JSON.stringify(expected));
      }
    }

    await agree(['aaa', 'ccc', 'ddd']);
    provider.say('patch', { path: '/flags/bbb', data: { ...everywhere('bbb'), version: 2 } });
    await agree(['aaa', 'bbb', 'ccc', 'ddd']);
    provider.say('patch', { path: '/flags/bbb', data: off('bbb', 1) });   // elder than what is known: passed over
    provider.say('delete', { path: '/flags/ccc', version: 2 });
    await agree(['aaa', 'bbb', 'ddd']);
    provider.say('patch', { path: '/flags/ccc', data: everywhere('ccc') });   // elder than its deletion
    provider.say('patch', { path: '/flags/aaa', data: off('aaa', 2) });
    await agree(['bbb', 'ddd']);
    provider.say('put', { path: '/', data: { flags: { 'holdfast.provider-flags-in-tokens': everywhere('holdfast.provider-flags-in-tokens'), bbb: everywhere('bbb') }, segments: {} } });
    await agree(['bbb']);   // all of it, whatever its versions

    document.flags = { 'holdfast.provider-flags-in-tokens': everywhere('holdfast.provider-flags-in-tokens'), eee: everywhere('eee') };
    provider.drop();
    await agree(['eee']);   // what a newcomer is told
    await until(async () => provider.listeners.size, (size) => size === 2);
    provider.say('patch', { path: '/flags/fff', data: everywhere('fff') });
    await agree(['eee', 'fff']);
  } finally {
    judge.close();
    await holdfast.stop();
    await provider.stop();
  }
});

test('With a provider that accepts and never answers, from before the start, the server is ready and people sign in', async () => {
  const asked = [];
  const provider = await listen(({ url }) => {
    asked.push(url);
    return new Promise(() => {});
  });
  const holdfast = await open('--flags', `launchdarkly:${provider.origin}`);
  try {
    for (let i = 0; i < 10; i++) {
      assert.equal(claims((await signIn(holdfast)).accessToken).feature_flags, undefined);
    }
    const { flags, dependencies } = await holdfast.must(200, 'GET', '/health');
    assert.deepEqual([flags.count, flags.age_s], [null, null]);
    assert.deepEqual(dependencies.filter(({ kind }) => kind === 'flags').map(({ name }) => name).sort(), ['flags:launchdarkly', 'flags:launchdarkly:poll']);
    assert.deepEqual(asked.slice(0, 2).sort(), ['/all', '/sdk/latest-all'], 'stream and poll begin together');
  } finally {
    await holdfast.stop();
    await provider.stop();
  }
});
