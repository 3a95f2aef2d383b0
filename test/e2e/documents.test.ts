/** The documents for people: what they point to is there. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../harness/repository.js';

const documents = ['.', 'docs', 'examples'].flatMap((directory) =>
  readdirSync(join(REPOSITORY, directory))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(directory, name)),
);

for (const document of documents) {
  test(`what ${document} points to is there`, () => {
    const text = readFileSync(join(REPOSITORY, document), 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link]) => join(dirname(document), link!));
    const paths = [...text.matchAll(/`((?:src|test|docs|examples|scripts|bench)\/[\w./-]+\.\w+)`/g)].map(
      ([, path]) => path!,
    );
    for (const path of [...links, ...paths]) assert.ok(existsSync(join(REPOSITORY, path)), `${document}: ${path}`);
  });
}

test('there are documents to look at', () => {
  for (const name of ['README.md', 'ARCHITECTURE.md', 'SECURITY.md']) assert.ok(documents.includes(name), name);
});
