// Holds an answer of the server against the facts of the public API. Used by validate-answers.mjs; proved by validator.test.mjs.
import { readFileSync } from 'node:fs';

export const publicFacts = JSON.parse(readFileSync(new URL('facts.json', import.meta.url), 'utf8'));

/**
 * What Holdfast adds to described paths, operation by operation: `also` names properties it may add to the object (or to the objects of a list), and
 * `answers` gives the shapes of an operation that the description does not have, and `refusals` names, by status, what a refusal says that the description leaves
 * out and the official SDKs read. Anything else that is new in an answer is a violation.
 */
const connection = ['saml', 'oidc', 'role_map'];
export const documentedExtensions = {
  'GET /connections': { also: connection },
  'GET /connections/{id}': { also: connection },
  'POST /connections': { also: connection, answers: { 201: { $ref: 'Connection' } } },
  'PUT /connections/{id}': { also: connection, answers: { 200: { $ref: 'Connection' } } },
  'POST /user_management/authenticate': { refusals: { 403: ['pending_authentication_token', 'email', 'email_verification_id', 'organizations', 'user', 'authentication_factors', 'authentication_challenge'] },
    // A browser that refreshes by its cookie gets the next refresh token there, and not in the answer.
    without: ['/refresh_token'] },
  'OPTIONS /user_management/authenticate': { answers: { 204: null } },
  'DELETE /user_management/users/{userlandUserId}/auth_factors': { answers: { 204: null } },
  // Of our own, and those that tests make.
  'GET /events': { events: /^(user\.(email_claim_lost|password_reset_required)|test\..*)$/ },
  'POST /feature-flags': { answers: { 201: { $ref: 'Flag' } } },
  'PUT /feature-flags/{slug}': { answers: { 200: { $ref: 'Flag' } } },
  'DELETE /feature-flags/{slug}': { answers: { 204: null } },
  'PUT /feature-flags/{slug}/targets/{resourceId}': { answers: { 204: null } },
  'POST /directories': { also: ['scim_endpoint', 'bearer_token'], answers: { 201: { $ref: 'Directory' } } },
};

/** Called by the official Node SDK on a described path, yet not described: nothing to hold them against. */
const undescribed = new Set(['POST /data-integrations/{slug}/api-key', 'POST /data-integrations/{slug}/client-credentials']);

/** A browser comes here, so a refusal may be a page. */
const browserOperations = new Set([
  'GET /sso/authorize', 'GET /sso/logout', 'GET /user_management/authorize', 'GET /user_management/sessions/logout',
]);

/** Statuses that every operation may answer, described or not. 500 is never right, and so not among them. */
const generalStatuses = new Set([400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 503]);

/** Codes that may stand in a described error status beside those it lists: what any operation says about a request it cannot read. */
const generalCodes = new Set(['bad_request', 'invalid_json', 'invalid_request', 'invalid_request_parameters', 'rate_limit_exceeded']);

/**
 * Judges one answer: { known, operation, faults }. `known` is false for a path that the description does not have; a fault is { at, text } with a
 * JSON pointer into the body.
 */
export function judgeAnswer(answer, facts = publicFacts, extensions = documentedExtensions) {
  const method = answer.method.toUpperCase();
  const template = templateOf(answer.path, facts);
  const operation = `${method} ${template ?? answer.path}`;
  const verdict = (...faults) => ({ known: template !== undefined, operation, faults });
  if (answer.status === 500) {
    return verdict({ at: '', text: 'answers 500' });
  }
  if (template === undefined || undescribed.has(operation)) {
    return { known: false, operation, faults: [] };
  }

  const isHtml = /^text\/html\b/i.test(answer.content_type ?? '');
  if (browserOperations.has(operation) && isHtml && answer.status >= 400) {
    return verdict();
  }
  const described = facts.paths[template][method.toLowerCase()] ?? extensions[operation]?.answers ?? {};
  const isListed = answer.status in described;
  if (!isListed && !generalStatuses.has(answer.status)) {
    return verdict({ at: '', text: 'a status that is not described' });
  }
  const schema = described[answer.status] ?? null;
  if (schema === null && answer.status < 400) {
    return answer.status === 204 && answer.body ? verdict({ at: '', text: 'a body where none may be' }) : verdict();
  }

  let body;
  try {
    body = JSON.parse(answer.body ?? '');
  } catch {
    return verdict({ at: '', text: 'the body is not JSON' });
  }
  const faults = /^application\/json\b/i.test(answer.content_type ?? '') ? [] : [{ at: '', text: 'the content type is not application/json' }];
  if (answer.status < 400) {
    const { also = [], without = [], events } = extensions[operation] ?? {};
    const judged = events && Array.isArray(body.data) ? { ...body, data: body.data.filter(({ event }) => !events.test(event)) } : body;
    faults.push(...judge(schema, judged, '', facts, (at) => /^(\/data\/\d+)?$/.test(at) ? also : [])
      .filter(({ at, text }) => !(without.includes(at) && text === 'is missing')));
  } else if (schema === null) {
    faults.push(...generalFaults(body));
  } else {
    // An error may say more than is described (a code, the fields), but never `error` beside `message`: it changes which exception an SDK raises.
    const read = extensions[operation]?.refusals?.[answer.status] ?? [];
    const shape = judge(schema, body, '', facts, (at) => typeof body.message === 'string' && body.error === undefined ? ['code', 'errors', ...(at === '' ? read : [])] : []);
    const isGeneral = generalFaults(body).length === 0 && [body.code, body.error].every((code) => code === undefined || generalCodes.has(code));
    faults.push(...(isGeneral ? [] : shape));
  }
  return verdict(...faults);
}

function generalFaults(body) {
  if (kindOf(body) !== 'object') {
    return [{ at: '', text: 'an error must be a JSON object' }];
  }
  const isPlain = typeof body.message === 'string' && body.error === undefined;
  const isOauth = typeof body.error === 'string' && typeof body.error_description === 'string' && body.message === undefined;
  return isPlain || isOauth ? [] : [{ at: '', text: 'an error needs "message", or "error" with "error_description", and not both' }];
}

/** The described path that fits, the one with more literal segments first: /users/external_id/{id} before /users/{id}/{what}. */
function templateOf(path, facts) {
  const segments = path.split('/');
  const isVariable = (segment) => segment.startsWith('{');
  const fits = Object.keys(facts.paths).filter((template) => {
    const parts = template.split('/');
    return parts.length === segments.length && parts.every((part, i) => isVariable(part) ? segments[i] !== '' : part === segments[i]);
  });
  const variables = (template) => template.split('/').filter(isVariable).length;
  return fits.sort((a, b) => variables(a) - variables(b))[0];
}

/** The faults of a value against a schema, with what it says beyond the schema among them, unless `also` names it for that place. */
export function judge(schema, value, at, facts, also = () => []) {
  const { faults, described } = compare(schema, value, at, facts, also);
  if (faults.length === 0 && kindOf(value) === 'object' && described !== everything) {
    for (const name of Object.keys(value)) {
      if (!described.has(name) && !also(at).includes(name)) {
        faults.push({ at: pointer(at, name), text: 'is not described' });
      }
    }
  }
  return faults;
}

const everything = Symbol('every property is described');

/** As `judge`, but leaves open what is not described, so that the parts of an allOf, a oneOf can be put together first. */
function compare(schema, value, at, facts, also) {
  if (schema === true || schema === undefined) {
    return { faults: [], described: everything };
  }
  if (schema.$ref !== undefined) {
    return compare(facts.schemas[schema.$ref], value, at, facts, also);
  }
  const kind = kindOf(value);
  const types = schema.type === undefined ? [] : [schema.type].flat();
  const isType = (type) => type === kind || type === 'integer' && Number.isInteger(value);
  if (types.length > 0 && !types.some(isType)) {
    return { faults: [{ at, text: `is ${kind}, not ${types.join(' or ')}` }], described: everything };
  }

  const faults = [];
  const fault = (text, place = at) => faults.push({ at: place, text });
  let described = new Set();
  const describe = (more) => {
    described = described === everything || more === everything ? everything : new Set([...described, ...more]);
  };

  if (schema.const !== undefined && value !== schema.const) {
    fault(`is not "${schema.const}"`);
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    fault(`${JSON.stringify(value)} is none of the values`);
  }
  if (kind === 'string') {
    stringFaults(schema, value).forEach((text) => fault(text));
  }
  if (kind === 'array') {
    if (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Infinity)) {
      fault(`has ${value.length} items`);
    }
    value.forEach((item, i) => faults.push(...judge(schema.items, item, pointer(at, i), facts, also)));
  }
  if (kind === 'object') {
    (schema.required ?? []).filter((name) => !Object.hasOwn(value, name)).forEach((name) => fault('is missing', pointer(at, name)));
    if (Object.keys(value).length > (schema.maxProperties ?? Infinity)) {
      fault('has too many properties');
    }
    describe(Object.keys(schema.properties ?? {}));
    const patterns = Object.entries(schema.patternProperties ?? {}).map(([pattern, inner]) => [new RegExp(pattern, 'u'), inner]);
    for (const [name, inner] of Object.entries(value)) {
      const place = pointer(at, name);
      const matching = patterns.filter(([pattern]) => pattern.test(name)).map(([, shape]) => shape);
      const own = Object.hasOwn(schema.properties ?? {}, name) ? [schema.properties[name], ...matching] : matching;
      const shapes = own.length > 0 ? own : schema.additionalProperties ? [schema.additionalProperties] : [];
      shapes.forEach((shape) => faults.push(...judge(shape, inner, place, facts, also)));
      if (matching.length > 0) {
        describe([name]);
      }
      if (schema.propertyNames !== undefined) {
        faults.push(...judge(schema.propertyNames, name, place, facts));
      }
    }
    const saysNothing = !['properties', 'patternProperties', 'additionalProperties', 'oneOf', 'anyOf', 'allOf'].some((word) => word in schema);
    if (schema.additionalProperties || saysNothing) {
      describe(everything);
    }
  }

  for (const part of schema.allOf ?? []) {
    const result = compare(part, value, at, facts, also);
    faults.push(...result.faults);
    describe(result.described);
  }
  // The descriptions of oneOf overlap, so "exactly one" would refuse right answers: at least one has to fit.
  for (const choices of [schema.oneOf, schema.anyOf].filter(Boolean)) {
    const results = choices.map((choice) => compare(choice, value, at, facts, also));
    const fitting = results.filter((result) => result.faults.length === 0);
    if (fitting.length > 0) {
      fitting.forEach((result) => describe(result.described));
    } else {
      const wrongKind = (result) => result.faults.filter(({ text }) => text.startsWith('is not "')).length;
      results.sort((a, b) => wrongKind(a) - wrongKind(b) || a.faults.length - b.faults.length);
      faults.push(...results[0].faults.map((inner) => ({ ...inner, text: `${inner.text} (nearest of ${choices.length} shapes)` })));
    }
  }
  if (schema.not !== undefined && compare(schema.not, value, at, facts, also).faults.length === 0) {
    fault('has a shape that is ruled out');
  }
  return { faults, described };
}

function stringFaults(schema, value) {
  const faults = [];
  const length = [...value].length;
  if (length < (schema.minLength ?? 0) || length > (schema.maxLength ?? Infinity)) {
    faults.push(`has ${length} characters`);
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) {
    faults.push(`does not match ${schema.pattern}`);
  }
  if (schema.format === 'date-time' && !(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) && !Number.isNaN(Date.parse(value)))) {
    faults.push(`${JSON.stringify(value)} is no time in UTC with milliseconds`);
  }
  if (schema.format === 'uri' && !URL.canParse(value)) {
    faults.push(`${JSON.stringify(value)} is no URI`);
  }
  if (schema.format === 'email' && !/^[^@\s]+@[^@\s]+$/.test(value)) {
    faults.push(`${JSON.stringify(value)} is no email address`);
  }
  return faults;
}

function kindOf(value) {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

function pointer(at, name) {
  return `${at}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
