// Holds what the server answered during other tests against the public API's description (facts.json).
//
//     HOLDFAST_ANSWERS=FOLDER node --test tests/contract/validate-answers.mjs
//
// FOLDER holds *.ndjson files whose lines are { method, path, status, content_type, body }: `path` without query, `body` the text or null.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeAnswer } from './validator.mjs';

test('Every answer of the server has the shape that the public API describes', (t) => {
  const folder = process.env.HOLDFAST_ANSWERS;
  assert.ok(folder, 'HOLDFAST_ANSWERS names no folder');
  assert.ok(existsSync(folder), `no such folder: ${folder}`);

  const answers = readAnswers(folder);
  assert.ok(answers.length > 0, `no answers in ${folder}`);

  const violations = new Map();
  const unknown = new Map();
  const operations = new Set();
  for (const answer of answers) {
    const { known, operation, faults } = judgeAnswer(answer);
    if (known) {
      operations.add(operation);
    } else {
      const shown = operation.replaceAll(/\/[a-z_]+_[0-9A-Z]{26}(?=\/|$)/g, '/{id}').slice(0, 80);
      unknown.set(shown, (unknown.get(shown) ?? 0) + 1);
    }
    for (const { at, text } of faults) {
      const line = `${operation} ${answer.status} ${at.replaceAll(/\/\d+(?=\/|$)/g, '/*') || '(whole)'}: ${text}`;
      violations.set(line, (violations.get(line) ?? 0) + 1);
    }
  }

  t.diagnostic(`${answers.length} answers of ${operations.size} described operations`);
  for (const [operation, count] of [...unknown].sort()) {
    t.diagnostic(`not described, so not judged: ${operation} (${count})`);
  }
  const found = [...violations].sort().map(([line, count]) => count > 1 ? `${line} [${count} times]` : line);
  assert.equal(found.length, 0, `${found.length} violations:\n${found.join('\n')}`);
});

function readAnswers(folder) {
  return readdirSync(folder).filter((name) => name.endsWith('.ndjson')).sort().flatMap((name) =>
    readFileSync(join(folder, name), 'utf8').split('\n').filter((line) => line.trim() !== '').map((line, i) => {
      try {
        return JSON.parse(line);
      } catch {
        throw new Error(`${name}, line ${i + 1} is not JSON`);
      }
    }));
}
