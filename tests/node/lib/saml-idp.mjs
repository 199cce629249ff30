// A SAML identity provider that is not ours: samlify reads the request and signs the response; the key and the certificate are made at start.
import * as samlify from 'samlify';
import { makeCertificate } from './certificate.mjs';
import { escapeHtml, listen } from './listen.mjs';

samlify.setSchemaValidator({ validate: async () => 'not checked: the server under test is the one that has to be strict' });

export const nameIdFormats = {
  persistent: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  email: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
};

const minutes = 60_000;
const time = (offset) => new Date(Date.now() + offset).toISOString();
const attributeXml = (name, value) => `<saml:Attribute Name="${name}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic">`
  + `${[value].flat().map((one) => `<saml:AttributeValue xsi:type="xs:string">${escapeHtml(one)}</saml:AttributeValue>`).join('')}</saml:Attribute>`;

/**
 * Everything about the answer is a property that a test may change between two sign-ins: `sign` ('assertion', 'response', 'both'), `nameIdFormat`
 * ('persistent', 'email'), `person` ({ nameId, email, firstName, lastName, groups }), `alter` (XML before it is signed), `spoil` (XML after).
 */
export async function startSamlIdp() {
  const { privateKey, certificate } = makeCertificate('A SAML identity provider of the tests');
  const idp = {
    sign: 'assertion', nameIdFormat: 'persistent', person: undefined, alter: (xml) => xml, spoil: (xml) => xml,
    certificate, requests: [], responses: [], sp: undefined,
  };

  const { origin, stop } = await listen(async (request, response, url) => {
    if (url.pathname === '/metadata') {
      response.writeHead(200, { 'content-type': 'application/samlmetadata+xml' }).end(idp.metadataXml);
      return;
    }
    if (url.pathname !== '/sso' || request.method !== 'GET') {
      response.writeHead(404).end('no such page');
      return;
    }
    const octetString = ['SAMLRequest', 'RelayState', 'SigAlg'].filter((name) => url.searchParams.has(name))
      .map((name) => new RegExp(`[?&](${name}=[^&]*)`).exec(url.search)[1]).join('&');
    const asked = await provider.parseLoginRequest(serviceProvider(), 'redirect', { query: Object.fromEntries(url.searchParams), octetString });
    idp.requests.push(asked.samlContent);
    const { issuer, request: { id, destination, assertionConsumerServiceUrl } } = asked.extract;
    if (issuer !== idp.sp.entityId || destination !== idp.ssoUrl || ![undefined, idp.sp.acsUrl].includes(assertionConsumerServiceUrl)) {
      throw new Error(`the request is not meant for this: ${asked.samlContent}`);
    }
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    response.end(autoPost(await idp.respond(id), url.searchParams.get('RelayState')));
  });

  Object.assign(idp, { stop, entityId: `${origin}/metadata`, metadataUrl: `${origin}/metadata`, ssoUrl: `${origin}/sso` });

  const provider = samlify.IdentityProvider({
    entityID: idp.entityId, privateKey, signingCert: certificate, wantAuthnRequestsSigned: false, nameIDFormat: Object.values(nameIdFormats),
    requestSignatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    singleSignOnService: [{ Binding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', Location: idp.ssoUrl }],
  });
  const serviceProvider = () => samlify.ServiceProvider({
    entityID: idp.sp.entityId, wantAssertionsSigned: idp.sign !== 'response', wantMessageSigned: idp.sign !== 'assertion',
    assertionConsumerService: [{ Binding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST', Location: idp.sp.acsUrl }],
  });
  idp.metadataXml = provider.getMetadata();

  /** Tells the provider whom it answers: what the connection says about itself. */
  idp.trust = ({ acs_url: acsUrl, sp_entity_id: entityId }) => {
    idp.sp = { acsUrl, entityId };
  };

  /** A signed response in Base64, to the request named or (undefined) to nobody's. */
  idp.respond = async (inResponseTo) => {
    const customTagReplacement = () => ({ id: 'unused', context: idp.alter(responseXml(idp, inResponseTo)) });
    const { context } = await provider.createLoginResponse(serviceProvider(), null, 'post', {}, { customTagReplacement });
    const spoilt = Buffer.from(idp.spoil(Buffer.from(context, 'base64').toString('utf8'))).toString('base64');
    idp.responses.push(spoilt);
    return spoilt;
  };

  /** The page that a browser would get, for responses that no request asked for. */
  idp.page = (samlResponse, relayState) => autoPost(samlResponse, relayState);

  function autoPost(samlResponse, relayState) {
    const field = (name, value) => `<input type="hidden" name="${name}" value="${escapeHtml(value)}"/>`;
    return `<!DOCTYPE html><title>Signing in</title><form method="post" action="${escapeHtml(idp.sp.acsUrl)}">${field('SAMLResponse', samlResponse)}`
      + `${relayState === null || relayState === undefined ? '' : field('RelayState', relayState)}<button>Continue</button></form>`;
  }
  return idp;
}

function responseXml({ entityId, sp, person, nameIdFormat }, inResponseTo) {
  const id = () => `_${crypto.randomUUID()}`;
  const answers = inResponseTo === undefined ? '' : ` InResponseTo="${escapeHtml(inResponseTo)}"`;
  const now = time(0);
  const acs = escapeHtml(sp.acsUrl);
  const nameId = nameIdFormat === 'email' ? person.email : person.nameId;
  const attributes = ['email', 'firstName', 'lastName', 'groups'].filter((name) => person[name] !== undefined)
    .map((name) => attributeXml(name, person[name]));
  return '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'
    + ` ID="${id()}" Version="2.0" IssueInstant="${now}" Destination="${acs}"${answers}><saml:Issuer>${escapeHtml(entityId)}</saml:Issuer>`
    + '<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>'
    + `<saml:Assertion xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="${id()}" Version="2.0"`
    + ` IssueInstant="${now}"><saml:Issuer>${escapeHtml(entityId)}</saml:Issuer><saml:Subject>`
    + `<saml:NameID Format="${nameIdFormats[nameIdFormat]}">${escapeHtml(nameId)}</saml:NameID>`
    + '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
    + `<saml:SubjectConfirmationData NotOnOrAfter="${time(5 * minutes)}" Recipient="${acs}"${answers}/></saml:SubjectConfirmation></saml:Subject>`
    + `<saml:Conditions NotBefore="${time(-minutes)}" NotOnOrAfter="${time(5 * minutes)}"><saml:AudienceRestriction>`
    + `<saml:Audience>${escapeHtml(sp.entityId)}</saml:Audience></saml:AudienceRestriction></saml:Conditions>`
    + `<saml:AuthnStatement AuthnInstant="${now}" SessionIndex="${id()}"><saml:AuthnContext><saml:AuthnContextClassRef>`
    + 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>'
    + `<saml:AttributeStatement>${attributes.join('')}</saml:AttributeStatement></saml:Assertion></samlp:Response>`;
}
