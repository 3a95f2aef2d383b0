/** Writes the API reference: one page an entry point, from what declarations.js read. */

/** @typedef {import('./declarations.js').EntryPoint} EntryPoint */
/** @typedef {import('./declarations.js').Export} Export */

/** Headings of a page, in this order. */
const SECTIONS = [
  ['class', 'Classes'],
  ['function', 'Functions'],
  ['interface', 'Interfaces'],
  ['type', 'Types'],
  ['constant', 'Constants'],
];
const GENERATED = '<!-- Generated from the types by `npm run docs`. To change it, change the comments in src/. -->';

/** @returns {string} file name of the page */
export function pageName(specifier) {
  return `${specifier.replace('/', '-')}.md`;
}

/** @param {EntryPoint[]} entryPoints @returns {string} docs/api/README.md */
export function indexPage(entryPoints) {
  const rows = entryPoints.map(
    ({ specifier, exports }) => `| [\`${specifier}\`](${pageName(specifier)}) | ${namesOf(specifier, exports)} |`,
  );
  const text = `
# API reference

Everything that the package exports. It is ES modules; \`require()\` works too, from Node 20.19 on. Failures are
\`DtorrentError\`s with a stable \`code\`.

| entry point | exports |
|---|---|
${rows.join('\n')}
`;
  return GENERATED + text;
}

/**
 * @param {EntryPoint} entryPoint
 * @param {Record<string, string>} appendices Markdown that follows an export, by its name
 */
export function entryPage({ specifier, comment, exports }, appendices) {
  const own = exports.filter(({ home }) => home === specifier);
  const others = exports.filter(({ home }) => home !== specifier);
  const parts = [GENERATED, `# ${specifier}`, commentText(comment)];
  for (const [kind, heading] of SECTIONS) {
    const shown = own.filter((item) => item.kind === kind).sort(byName);
    if (shown.length === 0) continue;
    parts.push(`## ${heading}`, ...shown.map((item) => exportText(item, appendices[item.name] ?? '')));
  }
  if (others.length > 0) parts.push('## Also exported', othersText(others));
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function namesOf(specifier, exports) {
  return exports
    .filter(({ home }) => home === specifier)
    .sort(byName)
    .map(({ name }) => `[${name}](${pageName(specifier)}#${name.toLowerCase()})`)
    .join(', ');
}

/** @param {Export} item */
function exportText(item, appendix) {
  const code = item.kind === 'class' ? '' : codeText(item.signature);
  const head = item.kind === 'class' ? codeText(item.signature) : '';
  const members = item.kind === 'class' ? item.members.map(memberText) : [];
  const parts = [`### ${item.name}`, head, commentText(item.comment), code, appendix, ...members];
  return parts.filter((part) => part !== '').join('\n\n');
}

function memberText({ name, signature, comment }) {
  return `#### ${name}\n\n${codeText(signature)}\n\n${commentText(comment)}`.trim();
}

function codeText(code) {
  return `\`\`\`ts\n${code}\n\`\`\``;
}

/** @param {import('./declarations.js').Comment | null} comment */
function commentText(comment) {
  if (comment === null) return '';
  const tags = comment.tags.map(({ name, text }) => TAG_TEXTS[name](text));
  return [paragraphs(comment.text), ...tags].filter((part) => part !== '').join('\n\n');
}

const TAG_TEXTS = {
  returns: (text) => `**Returns** ${text}`,
  throws: (text) => `**Throws** ${text.replace(/^\{(\w+)\}/, '`$1`:').replace(/^(\S+) an? /, '$1 ')}`,
  param: (text) => `**\`${text.split(/\s/)[0]}\`** ${text.split(/\s/).slice(1).join(' ')}`,
};

/** Indented lines are code, as in the comments. */
function paragraphs(text) {
  return text
    .replace(/(?:^|\n\n)((?: {4}.*(?:\n|$)|\n(?= {4}))+)/g, (_, code) => {
      const lines = code.trimEnd().split('\n');
      return `\n\n${codeText(lines.map((line) => line.slice(4)).join('\n'))}\n\n`;
    })
    .trim();
}

function othersText(others) {
  const homes = [...new Set(others.map(({ home }) => home))];
  return homes
    .map((home) => {
      const names = others.filter((item) => item.home === home).sort(byName);
      const links = names.map(({ name }) => `[${name}](${pageName(home)}#${name.toLowerCase()})`);
      return `From [\`${home}\`](${pageName(home)}): ${links.join(', ')}.`;
    })
    .join('\n\n');
}

function byName(a, b) {
  return a.name < b.name ? -1 : 1;
}
