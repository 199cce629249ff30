// Runs the suites one after another against one server, and ends with the three counting lines that a script can read:
//
//     node run.mjs                 the tools' own tests, the suites, then the answers against the public API's facts
//     node run.mjs self contract   only what needs no server
//     node run.mjs sso-saml jwks   only these suites
//
// HOLDFAST_BASE_URL (with HOLDFAST_DATA) names a server that runs already. HOLDFAST_ANSWERS keeps the recorded answers in a folder of yours.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer } from './lib/server.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const alone = { self: here('self.test.mjs'), 'flag-judges': here('flag-judges.test.mjs'), contract: here('../contract/validator.test.mjs') };
const suites = ['jwks', 'floor', 'organizations', 'organization-domains', 'user-management', 'sso-saml', 'sso-oidc', 'authkit', 'authkit-config', 'mfa', 'session/authkit-session', 'feature-flags', 'flag-providers', 'unleash-server', 'sample', 'browser', 'hosted', 'status', 'authkit-factors', 'authkit-mail', 'authkit-device', 'authkit-switch', 'custom-domain', 'authkit-browser'];
const asked = process.argv.slice(2);
const wanted = asked.length > 0 ? asked : [...Object.keys(alone), ...suites];
const unknown = wanted.filter((name) => !(name in alone) && !suites.includes(name));
if (unknown.length > 0) {
  console.error(`No suite is called ${unknown.join(', ')}. There are: ${[...Object.keys(alone), ...suites].join(', ')}`);
  process.exit(2);
}

const totals = { tests: 0, pass: 0, fail: 0, skipped: 0 };
const answers = process.env.HOLDFAST_ANSWERS || mkdtempSync(join(tmpdir(), 'holdfast-answers-'));
let server;
try {
  await run(wanted.filter((name) => name in alone).map((name) => alone[name]));
  const served = wanted.filter((name) => suites.includes(name));
  if (served.length > 0) {
    server = await startServer();
    const env = { HOLDFAST_BASE_URL: server.baseUrl, HOLDFAST_DATA: server.data, HOLDFAST_ANSWERS: answers };
    await run(served.map((name) => here(`${name}.test.mjs`)), env);
    await run([here('../contract/validate-answers.mjs')], env);
  }
} catch (error) {
  console.error(error.message);
  totals.tests++;
  totals.fail++;
} finally {
  await server?.stop();
  if (!process.env.HOLDFAST_ANSWERS) {
    rmSync(answers, { recursive: true, force: true });
  }
}
console.log(Object.entries(totals).map(([what, count]) => `# ${what} ${count}`).join('\n'));
process.exitCode = totals.fail === 0 && totals.pass > 0 ? 0 : 1;

/** One run of node's own runner; its last counting lines are added up, and a run that ends badly without a failed test counts as one. */
async function run(files, env = {}) {
  if (files.length === 0) {
    return;
  }
  const options = ['--test', '--test-concurrency=1', '--test-timeout=300000', '--test-reporter=spec', '--test-reporter-destination=stderr',
    '--test-reporter=tap', '--test-reporter-destination=stdout'];
  const child = spawn(process.execPath, [...options, ...files], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  let tap = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    tap += chunk;
  });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  const count = (what) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(tap.slice(tap.lastIndexOf('\n1..')))?.[1] ?? 0);
  const failed = count('fail') + count('cancelled');
  totals.tests += count('tests');
  totals.pass += count('pass');
  totals.skipped += count('skipped') + count('todo');
  totals.fail += failed > 0 || code === 0 ? failed : 1;
}
