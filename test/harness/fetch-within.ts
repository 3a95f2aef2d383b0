/** HTTP to a server in another network namespace: one process a request. */
import type { TestContext } from 'node:test';
import { run } from './process.js';

/** arguments: URL METHOD CONTENT_TYPE BODY_BASE64. Prints the answer; fails with its status when that is no success. */
const FETCH = `
const [url, method, type, body] = process.argv.slice(1);
const options = body === '' ? { method } : { method, headers: { 'content-type': type }, body: Buffer.from(body, 'base64') };
fetch(url, options).then(async (response) => {
  if (!response.ok) throw new Error(String(response.status));
  process.stdout.write(await response.text());
});
`;

/** @throws {Error} unless the answer is a success. */
export async function fetchTextWithin(
  t: TestContext,
  namespace: string | undefined,
  url: string,
  form?: FormData | URLSearchParams,
): Promise<string> {
  const method = form === undefined ? 'GET' : 'POST';
  if (namespace === undefined) {
    const response = await fetch(url, { method, body: form ?? null });
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    return response.text();
  }
  const encoded = new Response(form);
  const type = encoded.headers.get('content-type') ?? '';
  const body = Buffer.from(await encoded.arrayBuffer()).toString('base64');
  return run(t, process.execPath, ['-e', FETCH, url, method, type, body], { namespace });
}
