// The server under test: one that runs already (HOLDFAST_BASE_URL, with HOLDFAST_DATA for its dev.json), or one started for the occasion.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const patience = 240_000;   // the first start may have to build

/** { baseUrl, data, dev, stop }: `dev` is dev.json, and `stop` ends what was started here and leaves alone what was not. */
export async function startServer(...options) {
  const attached = process.env.HOLDFAST_BASE_URL;
  if (attached) {
    await untilReady(attached, () => undefined);
    const data = process.env.HOLDFAST_DATA ?? join(repository, 'data');
    return { baseUrl: attached.replace(/\/$/, ''), data, dev: readDev(data), stop: async () => {} };
  }

  const port = await freePort();
  const data = mkdtempSync(join(tmpdir(), 'holdfast-node-tests-'));
  const program = join(repository, 'holdfast');
  const child = spawn(program, ['dev', '--port', String(port), '--data', data, ...options], {
    cwd: repository, stdio: ['ignore', 'pipe', 'pipe'],
    env: { HOLDFAST_DNS: '127.0.0.1:9', ...process.env },   // nobody listens there: no real resolver is asked
  });
  const said = [];
  const listen = (chunk) => {
    said.push(...String(chunk).split('\n').filter(Boolean));
    said.splice(0, said.length - 40);   // the end is what explains a failure
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  let ended;
  const end = new Promise((resolve) => {
    const note = (how) => resolve(ended = how);
    child.once('error', (error) => note(error.message));
    child.once('exit', (code, signal) => note(`it ended with ${signal ?? code}`));
  });

  const stop = async () => {
    if (ended === undefined) {
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await end;
      clearTimeout(hard);
    }
    rmSync(data, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => stop().finally(() => process.exit(1)));   // whoever ends the tests ends their server
  }
  const baseUrl = `http://127.0.0.1:${port}`;
  try {
    await untilReady(baseUrl, () => ended);
    return { baseUrl, data, dev: readDev(data), stop };
  } catch (error) {
    await stop();
    throw new Error(`${program} did not start: ${error.message}\n${said.join('\n')}`);
  }
}

export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve, reject) => probe.once('listening', resolve).once('error', reject));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

function readDev(data) {
  return JSON.parse(readFileSync(join(data, 'dev.json'), 'utf8'));
}

async function untilReady(baseUrl, ended) {
  const deadline = Date.now() + patience;
  for (let last = 'no answer'; ; await pause(200)) {
    if (ended() !== undefined) {
      throw new Error(ended());
    }
    try {
      const response = await fetch(`${baseUrl}/health/ready`, { signal: AbortSignal.timeout(5_000) });
      await response.arrayBuffer();
      if (response.status === 200) {
        return;
      }
      last = `status ${response.status}`;
    } catch (error) {
      last = error.cause?.message ?? error.message;
    }
    if (Date.now() >= deadline) {
      throw new Error(`/health/ready: ${last}`);
    }
  }
}
