// Flags and people, generated: what the providers' own SDKs say of them is what Holdfast must say (tests/Holdfast.Protocols.Tests/Flags).
// The same seed gives the same table. Only what both evaluate stands in it; what Holdfast leaves to its defaults is said in decision 0024.

/** A small generator of numbers (mulberry32): 0 up to 1. */
function dice(seed) {
  let state = seed >>> 0;
  const roll = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (most) => Math.floor(roll() * most);
  const one = (list) => list[below(list.length)];
  const some = (list, most) => Array.from({ length: 1 + below(most) }, () => one(list));
  const chance = (share) => roll() < share;
  return { below, one, some, chance };
}

const users = Array.from({ length: 40 }, (_, i) => `user_${i}`);
const organizations = ['org_acme', 'org_globex', 'org_initech', 'org_umbrella'];
const values = {
  plan: ['free', 'pro', 'enterprise', ''],
  country: ['DE', 'US', 'JP', 'Österreich'],
  email: ['ada@acme.test', 'bob@globex.test', 'Carol@ACME.test', 'dan@initech.test'],
  seats: [0, 1, 5, 50, 1000, -3, 2.5],
  version: ['1.0.0', '1.2', '2', '2.0.0-rc.1', '2.0.0-rc.11', '2.0.0+build', 'nonsense', '1.10.0'],
  since: ['2024-01-01T00:00:00Z', '2025-06-30T12:00:00.500Z', 1700000000000, 'yesterday'],
  beta: [true, false],
  groups: [['dev', 'ops'], ['sales'], [], [1, 'dev', true]],
  address: [{ city: 'Berlin', zip: 10115 }, { city: 'Osaka', 'a/b': { 'c~d': 'deep' } }],
};

/** People and their organizations, some of whom lack what others have. */
function subjects(roll, count) {
  return Array.from({ length: count }, (_, i) => {
    const attributes = {};
    for (const [name, possible] of Object.entries(values)) {
      if (roll.chance(0.7)) {
        attributes[name] = roll.one(possible);
      }
    }
    const organization = roll.chance(0.7) ? { key: roll.one(organizations), attributes: roll.chance(0.5) ? { plan: roll.one(values.plan), seats: roll.one(values.seats) } : {} } : undefined;
    return { user: i % 17 === 16 && organization ? undefined : { key: roll.one(users), attributes }, organization };
  });
}

/** LaunchDarkly: { flags, segments } and people. */
export function launchDarklyTable(seed) {
  const roll = dice(seed);
  const kinds = [undefined, undefined, 'user', 'organization'];
  const operators = {
    in: ['plan', 'country', 'seats', 'beta', 'groups', 'key', 'address'], endsWith: ['email', 'country'], startsWith: ['email', 'key'], contains: ['email', 'groups'], matches: ['email', 'country'],
    lessThan: ['seats', 'plan'], lessThanOrEqual: ['seats'], greaterThan: ['seats'], greaterThanOrEqual: ['seats'], before: ['since'], after: ['since'],
    semVerEqual: ['version'], semVerLessThan: ['version'], semVerGreaterThan: ['version'],
  };
  const literal = (attribute) => {
    if (attribute === 'key') {
      return roll.one([...users, ...organizations]);
    }
    const value = roll.one(values[attribute]);
    return Array.isArray(value) ? value[0] ?? 'dev' : typeof value === 'object' ? 'Berlin' : value;
  };
  const clause = (segments) => {
    const contextKind = roll.one(kinds);
    const kind = contextKind === undefined ? {} : { contextKind };
    if (segments.length > 0 && roll.chance(0.2)) {
      return { attribute: '', op: 'segmentMatch', values: roll.some([...segments, 'no-such-segment'], 2), negate: roll.chance(0.3) };
    }
    if (roll.chance(0.06)) {
      return { attribute: 'kind', op: 'in', values: [roll.one(['user', 'organization', 'device'])], negate: roll.chance(0.3), ...kind };
    }
    if (roll.chance(0.1)) {
      return { attribute: roll.one(['/address/city', '/address/a~1b/c~0d', '/address/none', '/address/zip', 'address']), op: 'in', values: ['Berlin', 'deep', 10115], negate: roll.chance(0.3), contextKind: 'user' };
    }
    const op = roll.one(Object.keys(operators));
    const attribute = roll.one(operators[op]);
    const given = op === 'matches' ? roll.some(['^ada', 'acme\\.test$', '[A-Z]{2}', '(', '^$'], 2)
      : op === 'startsWith' ? roll.some(['ada', 'user_1', ''], 2) : op === 'endsWith' ? roll.some(['.test', 'DE', 'reich'], 2) : op === 'contains' ? roll.some(['@', 'ACME', 'dev'], 2)
        : Array.from({ length: 1 + roll.below(3) }, () => literal(attribute));
    return { attribute, op, values: given, negate: roll.chance(0.25), ...kind };
  };
  const rollout = (variations) => {
    const contextKind = roll.one(kinds);
    const weights = Array.from({ length: variations }, () => roll.below(60_000));
    return {
      rollout: {
        kind: roll.chance(0.2) ? 'experiment' : 'rollout',
        variations: weights.map((weight, variation) => ({ variation, weight, untracked: roll.chance(0.3) })),
        ...(contextKind === undefined ? {} : { contextKind }), ...(roll.chance(0.3) ? { bucketBy: roll.one(['key', 'plan', 'seats', 'beta', 'country']) } : {}),
        ...(roll.chance(0.3) ? { seed: 1 + roll.below(100_000) } : {}),
      },
    };
  };
  const outcome = (variations) => roll.chance(0.5) ? { variation: roll.below(variations + (roll.chance(0.03) ? 2 : 0)) } : rollout(variations);

  const segments = {};
  for (let i = 0; i < 8; i++) {
    const key = `segment-${i}`;
    const known = Object.keys(segments);
    segments[key] = {
      key, version: 1, salt: `salt${i}`, deleted: false, included: roll.chance(0.5) ? roll.some(users, 6) : [], excluded: roll.chance(0.5) ? roll.some(users, 6) : [],
      ...(roll.chance(0.4) ? { includedContexts: [{ contextKind: 'organization', values: roll.some(organizations, 2) }] } : {}),
      ...(roll.chance(0.3) ? { excludedContexts: [{ contextKind: 'organization', values: roll.some(organizations, 2) }] } : {}),
      rules: Array.from({ length: roll.below(3) }, (_, r) => ({
        id: `r${r}`, clauses: Array.from({ length: 1 + roll.below(2) }, () => clause(known)),
        ...(roll.chance(0.5) ? { weight: roll.below(100_000), ...(roll.chance(0.4) ? { bucketBy: roll.one(['country', 'seats']) } : {}), ...(roll.chance(0.3) ? { rolloutContextKind: 'organization' } : {}) } : {}),
      })),
    };
  }
  const kindsOfValues = [[true, false], ['red', 'green', 'blue'], [1, 2.5, -7], [{ a: 1 }, [1, 2], null]];
  const flags = {};
  for (let i = 0; i < 90; i++) {
    const key = `flag-${i}`;
    const variations = i < 60 ? kindsOfValues[0] : roll.one(kindsOfValues);
    const count = variations.length;
    const earlier = Object.keys(flags);
    flags[key] = {
      key, version: 1, on: roll.chance(0.9), deleted: false, salt: `salt-${i}`, variations, trackEvents: false, clientSide: false,
      ...(roll.chance(0.9) ? { offVariation: roll.below(count) } : {}),
      prerequisites: earlier.length > 0 && roll.chance(0.25) ? roll.some([...earlier, ...(roll.chance(0.1) ? ['no-such-flag'] : [])], 2).map((one) => ({ key: one, variation: roll.below(2) })) : [],
      targets: roll.chance(0.4) ? Array.from({ length: count }, (_, variation) => ({ values: roll.some(users, 4), variation })) : [],
      ...(roll.chance(0.3) ? { contextTargets: [{ contextKind: 'user', values: [], variation: roll.below(count) }, { contextKind: 'organization', values: roll.some(organizations, 2), variation: roll.below(count) }] } : {}),
      rules: Array.from({ length: roll.below(4) }, (_, r) => ({ id: `rule-${r}`, clauses: Array.from({ length: 1 + roll.below(3) }, () => clause(Object.keys(segments))), ...outcome(count) })),
      fallthrough: outcome(count),
    };
  }
  flags.circle = { ...flags['flag-0'], key: 'circle', on: true, prerequisites: [{ key: 'circle-back', variation: 0 }] };
  flags['circle-back'] = { ...flags['flag-0'], key: 'circle-back', on: true, prerequisites: [{ key: 'circle', variation: 0 }] };
  return { document: { flags, segments }, people: subjects(roll, 60) };
}

/** Unleash: the answer of the client API, and people. */
export function unleashTable(seed) {
  const roll = dice(seed);
  const constraint = () => {
    const base = { inverted: roll.chance(0.25), caseInsensitive: roll.chance(0.3) };
    const kind = roll.below(7);
    if (kind === 0) {
      const contextName = roll.one(['userId', 'organizationId', 'plan', 'country', 'missing', 'beta']);
      const possible = { userId: users, organizationId: organizations, plan: values.plan, country: values.country, beta: ['true', 'false'], missing: ['x'] }[contextName];
      return { ...base, contextName, operator: roll.one(['IN', 'NOT_IN']), values: [...roll.some(possible, 4), ...(roll.chance(0.2) ? [' free '] : [])] };
    }
    if (kind === 1) {
      return { ...base, contextName: roll.one(['email', 'country', 'missing']), operator: roll.one(['STR_STARTS_WITH', 'STR_ENDS_WITH', 'STR_CONTAINS']), values: roll.some(['ada', '.TEST', 'acme', 'D', '@'], 2) };
    }
    if (kind === 2) {
      return { ...base, contextName: roll.one(['seats', 'missing', 'plan']), operator: roll.one(['NUM_EQ', 'NUM_GT', 'NUM_GTE', 'NUM_LT', 'NUM_LTE']), values: [], value: roll.one(['5', '2.5', '-3', '1e3', 'x']) };
    }
    if (kind === 3) {
      return { ...base, contextName: 'currentTime', operator: roll.one(['DATE_AFTER', 'DATE_BEFORE']), values: [], value: roll.one(['2020-01-01T00:00:00Z', '2100-01-01T00:00:00.000Z']) };
    }
    if (kind === 4) {
      return { ...base, contextName: 'version', operator: roll.one(['SEMVER_EQ', 'SEMVER_GT', 'SEMVER_LT', 'SEMVER_GTE', 'SEMVER_LTE']), values: [], value: roll.one(['1.0.0', '2.0.0-rc.2', '2.0.0', '1.9.9']) };
    }
    if (kind === 5) {
      return { ...base, contextName: 'email', operator: 'REGEX', values: [], value: roll.one(['^ada', 'acme\\.test$', '[0-9]', '(']) };
    }
    return { ...base, contextName: 'remoteAddress', operator: 'IN_CIDR', values: roll.some(['10.0.0.0/8', '192.168.7.9', '2001:db8::/32', 'nonsense', '10.1.2.3/16'], 2) };
  };
  const segments = Array.from({ length: 6 }, (_, i) => ({ id: i + 1, name: `segment ${i}`, constraints: Array.from({ length: 1 + roll.below(2) }, constraint) }));
  const variants = (stickiness) => roll.some(['red', 'green', 'blue', 'none'], 4).map((name, i) => ({
    name: `${name}-${i}`, weight: roll.one([0, 100, 250, 333, 500, 1000]), weightType: 'variable', stickiness,
    ...(roll.chance(0.2) ? { overrides: [{ contextName: 'userId', values: roll.some(users, 3) }] } : {}), ...(roll.chance(0.3) ? { payload: { type: 'string', value: name } } : {}),
  }));
  const strategy = () => {
    const rest = {
      constraints: Array.from({ length: roll.chance(0.5) ? 0 : 1 + roll.below(2) }, constraint), segments: roll.chance(0.25) ? roll.some([1, 2, 3, 4, 5, 6, 99], 2) : [],
    };
    const group = `group-${roll.below(9)}`;
    const stickiness = roll.one(['default', 'userId', 'sessionId', 'organizationId', 'plan']);
    switch (roll.below(7)) {
      case 0: return { name: 'default', parameters: {}, ...rest };
      case 1: return { name: 'userWithId', parameters: { userIds: roll.some(users, 8).join(roll.one([',', ', ', ' , '])) }, ...rest };
      case 2: return { name: 'gradualRolloutUserId', parameters: { percentage: `${roll.below(101)}`, groupId: group }, ...rest };
      case 3: return { name: 'gradualRolloutSessionId', parameters: { percentage: `${roll.below(101)}`, groupId: group }, ...rest };
      case 4: return { name: 'remoteAddress', parameters: { IPs: roll.some(['10.0.0.0/8', '192.168.7.9', '172.16.0.1', ' 10.1.2.3'], 3).join(',') }, ...rest };
      case 5: return { name: 'applicationHostname', parameters: { hostNames: roll.some(['Judge-Host', 'other-host'], 2).join(', ') }, ...rest };
      default: return {
        name: 'flexibleRollout', parameters: { rollout: `${roll.below(101)}`, stickiness, groupId: group }, ...rest,
        ...(roll.chance(0.4) ? { variants: variants(stickiness) } : {}),
      };
    }
  };
  const features = [];
  for (let i = 0; i < 120; i++) {
    const earlier = features.map(({ name }) => name);
    features.push({
      name: `feature-${i}`, type: 'release', enabled: roll.chance(0.92), impressionData: false, strategies: Array.from({ length: roll.below(4) }, strategy),
      variants: roll.chance(0.3) ? variants(roll.one(['default', 'userId', 'organizationId'])) : [],
      ...(earlier.length > 0 && roll.chance(0.25) ? { dependencies: roll.some([...earlier, 'no-such-feature'], 2).map((feature) => ({ feature, enabled: roll.chance(0.7), ...(roll.chance(0.3) ? { variants: ['red-0', 'green-0'] } : {}) })) } : {}),
    });
  }
  // Everybody has what the choices stick to: who lacks it is spread by chance, which nobody can compare.
  const people = subjects(roll, 60).map(({ user, organization }) => ({
    user: {
      key: user?.key ?? roll.one(users),
      attributes: { ...pick(user?.attributes, ['plan', 'country', 'email', 'seats', 'version', 'beta']), plan: user?.attributes.plan || 'free', sessionId: `session_${roll.below(30)}`, remoteAddress: roll.one(['10.1.2.3', '192.168.7.9', '2001:db8::7', '8.8.8.8']) },
    },
    organization: { key: organization?.key ?? 'org_acme', attributes: {} },
  }));
  return { document: { version: 2, features, segments }, people };
}

function pick(from, names) {
  return Object.fromEntries(names.filter((name) => from?.[name] !== undefined).map((name) => [name, from[name]]));
}
