// An OpenID Connect provider that is not ours: oidc-provider, with its own login and consent pages, which browser.mjs walks through.
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';
import { listen } from './listen.mjs';

/**
 * `claimsIn` says where the provider puts email and names ('id_token' or 'userinfo'), `clientAuthentication` how the client proves itself at the
 * token endpoint ('client_secret_basic' or 'client_secret_post'), which discovery tells. People sign in with their login; nobody checks a password.
 */
export async function startOidcIdp({ people, claimsIn = 'id_token', clientAuthentication = 'client_secret_basic' }) {
  let handle;
  const { origin, stop } = await listen((request, response, url) => {
    if (url.pathname === '/auth') {
      idp.requests.push(Object.fromEntries(url.searchParams));
    }
    return handle(request, response);
  });
  const idp = {
    issuer: origin, discoveryUrl: `${origin}/.well-known/openid-configuration`, clientId: 'holdfast', clientSecret: 'kept by two', requests: [], stop,
  };
  const key = { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'k1' };

  /** Registers the client. The redirect URI is known once the connection exists; discovery and keys stay the same. */
  idp.register = (redirectUri) => {
    const provider = new Provider(origin, {
      jwks: { keys: [key] },
      clients: [{
        client_id: idp.clientId, client_secret: idp.clientSecret, redirect_uris: [redirectUri], response_types: ['code'],
        grant_types: ['authorization_code'], token_endpoint_auth_method: clientAuthentication,
      }],
      clientAuthMethods: [clientAuthentication],
      scopes: ['openid', 'email', 'profile'],
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['given_name', 'family_name', 'name'] },
      conformIdTokenClaims: claimsIn === 'userinfo',
      responseTypes: ['code'],
      pkce: { required: () => true },
      features: { devInteractions: { enabled: true } },
      cookies: { keys: ['signs the cookies of a test'] },
      ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Grant: 600, Interaction: 600, Session: 600 },
      findAccount: (_, login) => ({
        accountId: login,
        claims: () => {
          const { email, firstName, lastName } = people[login];
          return { sub: login, email, email_verified: true, given_name: firstName, family_name: lastName, name: `${firstName} ${lastName}` };
        },
      }),
    });
    provider.on('server_error', (_, error) => console.error('the OpenID provider failed:', error));
    handle = provider.callback();
  };
  idp.register('http://127.0.0.1:9/not-registered-yet');
  return idp;
}
