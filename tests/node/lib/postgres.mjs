// A PostgreSQL of these tests' own, on a port of loopback and a folder that goes with it. It refuses to run as root, so there it runs as its own user.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './server.mjs';

const isRoot = process.getuid() === 0;
const asPostgres = (program, args) => isRoot ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', program, ...args]] : [program, args];

/** { url, stop }: `url` is an empty database's. */
export async function postgres(name) {
  const [version] = readdirSync('/usr/lib/postgresql').sort((a, b) => b - a);
  const program = (one) => `/usr/lib/postgresql/${version}/bin/${one}`;
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-node-pg-'));
  const data = join(folder, 'data');
  const run = (one, ...args) => execFileSync(...asPostgres(program(one), args), { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' });
  if (isRoot) {
    execFileSync('chown', ['postgres', folder]);
  }
  run('initdb', '-D', data, '-U', 'holdfast', '--auth=trust', '--encoding=UTF8', '--no-sync');
  const port = await freePort();
  const child = spawn(...asPostgres(program('postgres'), ['-D', data, '-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off']), { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' });
  await new Promise((resolve, reject) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-10_000);
      if (said.includes('is ready to accept')) {
        resolve();
      }
    });
    child.once('exit', (code) => reject(new Error(`PostgreSQL ended with ${code}: ${said}`)));
  });
  run('psql', '-h', '127.0.0.1', '-p', String(port), '-U', 'holdfast', '-d', 'postgres', '-c', `CREATE DATABASE ${name}`);
  return {
    url: `postgres://holdfast@127.0.0.1:${port}/${name}`,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
