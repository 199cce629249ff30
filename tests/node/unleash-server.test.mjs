// Holdfast beside the real Unleash on a real PostgreSQL: a change shows, an unchanged document costs a 304, and whatever becomes of the server, people sign in by what it last said.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { open } from './lib/holdfast.mjs';
import { listen } from './lib/listen.mjs';
import { postgres } from './lib/postgres.mjs';
import { freePort } from './lib/server.mjs';
import { clientToken, unleashServer } from './lib/unleash-server.mjs';

delete process.env.HOLDFAST_BASE_URL;   // servers of these tests' own: they have a provider
const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

async function signIn(holdfast) {
  const { userManagement: users } = holdfast.workos;
  const email = `${randomUUID()}@people.test`;
  const { code } = await users.createMagicAuth({ email });
  return claims((await users.authenticateWithMagicAuth({ clientId: holdfast.clientId, email, code })).accessToken).feature_flags ?? [];
}

/** Asks until the answer fits: the source asks each quarter of a minute, and after failures once a minute. */
async function until(ask, fits) {
  const deadline = Date.now() + 200_000;
  for (;;) {
    const answer = await ask();
    if (fits(answer)) {
      return answer;
    }
    assert.ok(Date.now() < deadline, `still ${JSON.stringify(answer)}`);
    await pause(500);
  }
}

const health = async (holdfast) => {
  const { flags, dependencies } = await holdfast.must(200, 'GET', '/health');
  return { ...flags, ...dependencies.find(({ name }) => name === 'flags:unleash') };
};

test('What the real Unleash says stands in tokens, a change shows, and a 304 is enough while nothing changes', { timeout: 900_000 }, async (t) => {
  const database = await postgres('unleash');
  const port = await freePort();
  let provider = await unleashServer(database.url, port);
  const statuses = [];
  // Between the two, so that it is seen what is asked and answered.
  const watched = await listen(async (request, response, url) => {
    const answer = await fetch(`${provider.origin}${url.pathname}${url.search}`, { headers: Object.fromEntries(['authorization', 'if-none-match'].filter((name) => request.headers[name]).map((name) => [name, request.headers[name]])) })
      .catch(() => request.socket.destroy());
    if (answer?.status) {
      statuses.push(answer.status);
      const body = Buffer.from(await answer.arrayBuffer());
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json', etag: answer.headers.get('etag') ?? '' }).end(body);
    }
  });
  for (const name of ['holdfast.provider-flags-in-tokens', 'regional-write-freeze', 'second']) {
    await provider.create(name);
  }
  process.env.HOLDFAST_FLAGS_KEY = clientToken;
  const holdfast = await open('--flags', `unleash:${watched.origin}`);
  try {
    await t.test('its flags are heard', async () => {
      assert.equal((await until(() => health(holdfast), ({ count }) => count !== null)).count, 3);
      assert.deepEqual(await signIn(holdfast), ['regional-write-freeze', 'second']);
    });
    await t.test('unchanged, it answers 304', () => until(() => statuses, (all) => all.includes(304)));
    await t.test('a flag that is turned off shows', async () => {
      await provider.turn('regional-write-freeze', false);
      await until(() => signIn(holdfast), (on) => on.length === 1 && on[0] === 'second');
    });
    await t.test('with the server gone, flags are what it last said, and the dependency is named', async () => {
      await provider.stop();
      await until(() => health(holdfast), ({ state }) => state !== 'ok');
      assert.deepEqual(await signIn(holdfast), ['second']);
    });
    await t.test('restarted, it is heard again', async () => {
      provider = await unleashServer(database.url, port);
      await provider.turn('regional-write-freeze', true);
      await until(() => signIn(holdfast), (on) => on.includes('regional-write-freeze'));
      assert.equal((await until(() => health(holdfast), ({ state }) => state === 'ok')).count, 3);
    });
    await t.test('a token that it does not know is told as denied, and nobody waits for it', async () => {
      process.env.HOLDFAST_FLAGS_KEY = '*:development.unknown';
      const stranger = await open('--flags', `unleash:${watched.origin}`);
      try {
        assert.equal((await until(() => health(stranger), ({ state }) => state !== 'ok')).how, 'denied');
        assert.deepEqual([(await health(stranger)).count, await signIn(stranger)], [null, []]);
      } finally {
        await stranger.stop();
      }
    });
  } finally {
    await holdfast.stop();
    await watched.stop();
    await provider.stop();
    await database.stop();
  }
});
