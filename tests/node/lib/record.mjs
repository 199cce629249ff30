// Keeps what the API answers, for tests/contract/validate-answers.mjs: one line for each call, in the folder that HOLDFAST_ANSWERS names.
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Wraps the global fetch, which the SDK uses as well. What the scripted browser sees is not recorded: it is pages, not the API. */
export function recordAnswers(baseUrl) {
  const folder = process.env.HOLDFAST_ANSWERS;
  if (!folder) {
    return;
  }
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `node-${process.pid}.ndjson`);
  const { origin } = new URL(baseUrl);
  const plainFetch = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const response = await plainFetch(input, init);
    const url = new URL(input.url ?? input);
    if (url.origin === origin && init?.method !== 'OPTIONS') {   // a preflight is the browsers' own, and no operation
      const text = await response.clone().text();
      const answer = {
        method: (init?.method ?? input.method ?? 'GET').toUpperCase(),
        path: url.pathname,
        status: response.status,
        content_type: response.headers.get('content-type'),
        body: text === '' ? null : text,
      };
      appendFileSync(file, `${JSON.stringify(answer)}\n`);
    }
    return response;
  };
}
