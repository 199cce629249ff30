// Derives facts.json from the public API's OpenAPI description. Run by hand when the description changes:
//
//     node tests/contract/derive-facts.mjs PATH-OF-THE-DESCRIPTION.yaml
//
// What it keeps are facts about answers: which operation answers which status with which shape. Prose (descriptions, titles, summaries, examples)
// stays behind, and so do requests: validate-answers.mjs judges what comes out of the server, and nothing else reads this file.
//
// facts.json: { paths: { path: { method: { status: schema | null } } }, schemas: { name: schema } }. A schema is JSON Schema cut down to the
// words in `kept` below; { "$ref": name } points into `schemas`; null means that the description promises no body. A shape that occurs more
// than once gets a name that begins with "~", so that the file stays small and a change to it stays readable.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { parse } = createRequire(new URL('../node/package.json', import.meta.url))('yaml');

const kept = ['type', 'const', 'enum', 'format', 'pattern', 'minLength', 'maxLength', 'minItems', 'maxItems', 'maxProperties', 'required'];
const single = ['items', 'additionalProperties', 'propertyNames', 'not'];
const several = ['oneOf', 'anyOf', 'allOf'];

function factsOf(schema) {
  if (typeof schema !== 'object' || schema === null) {
    return schema;
  }
  if (schema.$ref) {
    return { $ref: nameOf(schema.$ref) };
  }
  const facts = {};
  for (const word of kept) {
    const sentence = word === 'const' && typeof schema.const === 'string' && schema.const.includes(' ');
    if (schema[word] !== undefined && !sentence) {
      facts[word] = word === 'required' ? [...schema[word]].sort() : schema[word];
    }
  }
  if (schema.nullable === true && typeof facts.type === 'string') {
    facts.type = [facts.type, 'null'];
  }
  for (const word of single) {
    if (schema[word] !== undefined) {
      facts[word] = factsOf(schema[word]);
    }
  }
  for (const word of several) {
    if (schema[word] !== undefined) {
      facts[word] = schema[word].map(factsOf);
    }
  }
  for (const word of ['properties', 'patternProperties']) {
    if (schema[word] !== undefined) {
      facts[word] = Object.fromEntries(Object.entries(schema[word]).map(([name, inner]) => [name, factsOf(inner)]));
    }
  }
  return facts;
}

function nameOf(reference) {
  const prefix = '#/components/schemas/';
  if (!reference.startsWith(prefix)) {
    throw new Error(`a reference outside the named schemas: ${reference}`);
  }
  return reference.slice(prefix.length);
}

function derive(description) {
  const paths = {};
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (operation?.responses === undefined) {
        continue;   // "parameters", "summary" and the like
      }
      for (const [status, response] of Object.entries(operation.responses)) {
        const schema = response.content?.['application/json']?.schema;
        ((paths[path] ??= {})[method] ??= {})[status] = Object.keys(schema ?? {}).length === 0 ? null : factsOf(schema);
      }
    }
  }

  // Only the named schemas that some answer leads to.
  const schemas = {};
  const visit = (schema) => {
    if (typeof schema !== 'object' || schema === null) {
      return;
    }
    if (typeof schema.$ref === 'string' && !(schema.$ref in schemas)) {
      const target = description.components.schemas[schema.$ref];
      if (target === undefined) {
        throw new Error(`no schema named ${schema.$ref}`);
      }
      schemas[schema.$ref] = factsOf(target);
      visit(schemas[schema.$ref]);
    }
    Object.values(schema).forEach(visit);
  };
  visit(paths);
  return { paths, schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => a < b ? -1 : 1)) };
}

/** Gives a name to each shape that occurs more than once and is worth it: the largest first, so that its parts are counted once. */
function shareRepeatedShapes(facts) {
  const worth = 48;
  let next = 1;
  for (;;) {
    const seen = new Map();
    walkSchemas(facts, (schema) => {
      const text = JSON.stringify(schema);
      if (text.length >= worth) {
        seen.set(text, (seen.get(text) ?? 0) + 1);
      }
    });
    const [text] = [...seen].filter(([, count]) => count > 1).map(([text]) => text).sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
    if (text === undefined) {
      return facts;
    }
    const name = `~${next++}`;
    facts = replaceSchemas(facts, text, name);
    facts.schemas[name] = JSON.parse(text);
  }
}

/** Calls `see` for every schema in the facts: the answers', the named ones, and those inside. */
function walkSchemas(facts, see) {
  const walk = (schema) => {
    if (typeof schema !== 'object' || schema === null || schema.$ref) {
      return;
    }
    see(schema);
    innerSchemas(schema).forEach(walk);
  };
  Object.values(facts.paths).flatMap(Object.values).flatMap(Object.values).forEach(walk);
  Object.values(facts.schemas).forEach(walk);
}

function innerSchemas(schema) {
  return [
    ...single.flatMap((word) => schema[word] ?? []),
    ...several.flatMap((word) => schema[word] ?? []),
    ...Object.values(schema.properties ?? {}),
    ...Object.values(schema.patternProperties ?? {}),
  ];
}

function replaceSchemas(facts, text, name) {
  const replace = (value) => {
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    if (!Array.isArray(value) && JSON.stringify(value) === text) {
      return { $ref: name };
    }
    return Array.isArray(value) ? value.map(replace) : Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replace(inner)]));
  };
  return { paths: replace(facts.paths), schemas: replace(facts.schemas) };
}

/** One line for each operation and for each named schema: small, and a difference shows where it is. */
function write({ paths, schemas }) {
  const lines = (object) => Object.entries(object).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',\n');
  const operations = Object.entries(paths).map(([path, methods]) => `${JSON.stringify(path)}:{\n${lines(methods)}}`).join(',\n');
  return `{"paths":{\n${operations}},\n"schemas":{\n${lines(schemas)}}}\n`;
}

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error('Name the file: node tests/contract/derive-facts.mjs PATH-OF-THE-DESCRIPTION.yaml');
  process.exit(2);
}
const facts = shareRepeatedShapes(derive(parse(readFileSync(file, 'utf8'), { maxAliasCount: -1 })));
const text = write(facts);
JSON.parse(text);   // what is committed can be read
writeFileSync(new URL('facts.json', import.meta.url), text);
const operations = Object.values(facts.paths).flatMap(Object.keys).length;
console.log(`${operations} operations, ${Object.keys(facts.schemas).length} schemas, ${text.length} bytes`);
