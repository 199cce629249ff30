// The real Unleash in a process of its own. Run by itself it is that process; imported, it starts one.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const admin = '*:*.0123456789abcdef';
export const clientToken = '*:development.fedcba9876543210';

if (process.send && process.env.UNLEASH_OWN) {
  const { start } = await import('unleash-server');
  const { databaseUrl, port } = JSON.parse(process.env.UNLEASH_OWN);
  const token = (secret, type, environment) => ({ environment, projects: ['*'], secret, type, tokenName: type, username: type });
  await start({
    databaseUrl, db: { ssl: false }, server: { host: '127.0.0.1', port, enableRequestLogger: false }, telemetry: false, versionCheck: { enable: false }, logLevel: 'fatal',
    authentication: { type: 'open-source', createAdminUser: false, initApiTokens: [token(admin, 'admin', '*'), token(clientToken, 'client', 'development')] },
  });
  process.send('up');
}

/** { origin, change, stop }; the same database and port again are the same server, restarted. */
export async function unleashServer(databaseUrl, port) {
  const child = fork(fileURLToPath(import.meta.url), [], {
    env: { ...process.env, UNLEASH_OWN: JSON.stringify({ databaseUrl, port }), CHECK_VERSION: 'false', SEND_TELEMETRY: 'false' }, stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  await new Promise((resolve, reject) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-10_000);
    });
    child.once('message', resolve).once('exit', (code) => reject(new Error(`Unleash ended with ${code}: ${said}`)));
  });
  const origin = `http://127.0.0.1:${port}`;

  /** An administrator's call. */
  async function change(method, path, body) {
    const response = await fetch(`${origin}/api/admin/projects/default/features${path}`, {
      method, headers: { authorization: admin, 'content-type': 'application/json' }, body: body && JSON.stringify(body),
    });
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    }
  }

  return {
    origin,
    /** A flag that is on for everybody. */
    async create(name) {
      await change('POST', '', { name, type: 'release' });
      await change('POST', `/${name}/environments/development/strategies`, { name: 'default', constraints: [], parameters: {} });
      await change('POST', `/${name}/environments/development/on`);
    },
    turn: (name, isOn) => change('POST', `/${name}/environments/development/${isOn ? 'on' : 'off'}`),
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    },
  };
}
