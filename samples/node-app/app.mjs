// An application that lets people sign in through Holdfast. Start `holdfast dev` first, then: node app.mjs FOLDER-OF-ITS-DATA (./data if left out).
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { WorkOS } from '@workos-inc/node';

const dev = JSON.parse(readFileSync(join(process.argv[2] ?? 'data', 'dev.json'), 'utf8'));
const { protocol, hostname, port } = new URL(dev.base_url);
const workos = new WorkOS(dev.api_key, { apiHostname: hostname, port: Number(port), https: protocol === 'https:', clientId: dev.client_id });
const stateCookie = 'sign-in-state';

const pages = {
  '/': (request, response) => {
    send(response, 200, `<h1>Welcome</h1>
      <p><a href="/sign-in?with=saml">Sign in with SAML</a></p>
      <p><a href="/sign-in?with=oidc">Sign in with OpenID Connect</a></p>`);
  },

  // Sends the browser to the person's identity provider. The state ties the way back to this browser; the cookie is its other half.
  '/sign-in': (request, response, query) => {
    const connection = dev.connections[query.get('with')];
    if (connection === undefined) {
      return send(response, 404, '<h1>No such way to sign in</h1>');
    }
    const state = randomBytes(32).toString('base64url');
    const location = workos.sso.getAuthorizationUrl({ clientId: dev.client_id, redirectUri: dev.redirect_uri, connection, state });
    response.writeHead(302, { location, 'set-cookie': `${stateCookie}=${state}; Path=/callback; HttpOnly; SameSite=Lax; Max-Age=600` }).end();
  },

  // Where Holdfast sends the browser afterwards, with a code that the profile is read with, once.
  '/callback': async (request, response, query) => {
    const expected = cookie(request, stateCookie);
    response.setHeader('set-cookie', `${stateCookie}=; Path=/callback; Max-Age=0`);
    if (expected === undefined || query.get('state') !== expected) {
      return send(response, 400, '<h1>This sign-in did not begin in this browser</h1><p><a href="/">Try again</a></p>');
    }
    if (query.has('error')) {
      const reason = `${escape(query.get('error'))}: ${escape(query.get('error_description'))}`;
      return send(response, 400, `<h1>Not signed in</h1><p>${reason}</p><p><a href="/">Try again</a></p>`);
    }
    const { profile } = await workos.sso.getProfileAndToken({ clientId: dev.client_id, code: query.get('code') });
    // A real application begins its own session here, for profile.id in profile.organizationId.
    const rows = Object.entries(profile).map(([name, value]) =>
      `<tr><th>${escape(name)}</th><td>${escape(typeof value === 'string' ? value : JSON.stringify(value))}</td></tr>`);
    send(response, 200, `<h1>Hello, ${escape(profile.firstName ?? profile.email)}</h1><table>${rows.join('')}</table><p><a href="/">Back</a></p>`);
  },
};

createServer(async (request, response) => {
  const url = new URL(request.url, dev.redirect_uri);
  try {
    await (pages[url.pathname] ?? (() => send(response, 404, '<h1>No such page</h1>')))(request, response, url.searchParams);
  } catch (error) {
    console.error(error);
    send(response, 502, '<h1>The sign-in could not be finished</h1><p><a href="/">Try again</a></p>');
  }
}).listen(4199, '127.0.0.1', () => console.log('Open http://127.0.0.1:4199/'));

function send(response, status, body) {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8', 'content-security-policy': "default-src 'none'",
    'cache-control': 'no-store', 'referrer-policy': 'no-referrer',
  });
  response.end(`<!DOCTYPE html><html lang="en"><title>Node sample</title>${body}</html>`);
}

function cookie(request, name) {
  return (request.headers.cookie ?? '').split('; ').find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Names and addresses come from outside: they are shown, never interpreted. */
function escape(text) {
  return String(text ?? '').replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
