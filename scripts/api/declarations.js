/**
 * Reads the published types: for each entry point of package.json its exports, with their declarations in dist/*.d.ts,
 * their comments, and what is wrong with them. Declarations are complete as text (`isolatedDeclarations`), so they are
 * shown as they stand there; the compiler says which name means what.
 */
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { SyntaxKind } from 'typescript/unstable/ast';
import { API, SymbolFlags } from 'typescript/unstable/sync';

/**
 * @typedef {{ text: string, tags: { name: string, text: string }[] }} Comment
 * @typedef {{ name: string, signature: string, comment: Comment | null }} Member
 * @typedef {'class' | 'function' | 'interface' | 'type' | 'constant'} Kind
 * @typedef {object} Export
 * @property {string} name
 * @property {Kind} kind
 * @property {string} signature
 * @property {Comment | null} comment
 * @property {Member[]} members of a class, of an interface
 * @property {string} home the entry point that describes it: the first one that exports it
 * @typedef {{ specifier: string, comment: Comment | null, exports: Export[] }} EntryPoint
 */

/**
 * @param root a built checkout
 * @param {Record<string, Record<string, string>>} tables comments of interface members that a table has already
 * @returns {{ entryPoints: EntryPoint[], problems: string[] }} what is published, and what is wrong with it
 */
export function readDeclarations(root, tables) {
  const api = new API({ cwd: root });
  try {
    const snapshot = api.updateSnapshot({ openProject: join(root, 'tsconfig.api.json') });
    return new Reader(root, tables, snapshot.getProjects()[0]).read();
  } finally {
    api.close();
  }
}

class Reader {
  #root;
  #tables;
  #program;
  #checker;
  #problems = new Set();
  /** Name of an exported declaration to the name that it is exported by, where that is another. */
  #renames = new Map();
  /** Symbol id of everything that is exported, to the first entry point that does. */
  #homes = new Map();

  constructor(root, tables, project) {
    this.#root = root;
    this.#tables = tables;
    this.#program = project.program;
    this.#checker = project.checker;
  }

  read() {
    const manifest = JSON.parse(readFileSync(join(this.#root, 'package.json'), 'utf8'));
    const files = Object.entries(manifest.exports)
      .filter(([, target]) => target.types !== undefined)
      .map(([path, target]) => ({ specifier: path.replace('.', manifest.name), file: this.#file(target.types) }));
    for (const { specifier, file } of files) {
      for (const symbol of this.#exportsOf(file)) {
        const { id, name } = this.#target(symbol);
        if (!this.#homes.has(id)) this.#homes.set(id, specifier);
        if (name !== symbol.name) this.#renames.set(name, symbol.name);
      }
    }
    const entryPoints = files.map(({ specifier, file }) => ({
      specifier,
      comment: firstComment(file.text),
      exports: this.#exportsOf(file).map((symbol) => this.#readExport(specifier, symbol)),
    }));
    return { entryPoints, problems: [...this.#problems] };
  }

  #file(path) {
    const file = this.#program.getSourceFile(join(this.#root, path));
    if (file === undefined) throw new Error(`${path} is not there: npm run build`);
    return file;
  }

  #exportsOf(file) {
    return this.#checker.getExportsOfModule(this.#checker.getSymbolAtLocation(file));
  }

  /** What an imported or re-exported name stands for. */
  #target(symbol) {
    return (symbol.flags & SymbolFlags.Alias) !== 0 ? this.#checker.getAliasedSymbol(symbol) : symbol;
  }

  #readExport(specifier, symbol) {
    const target = this.#target(symbol);
    const home = this.#homes.get(target.id);
    const node = target.declarations[0].resolve();
    const declared = node.kind === SyntaxKind.VariableDeclaration ? node.parent.parent : node;
    const result = {
      name: symbol.name,
      kind: KINDS.get(node.kind),
      signature: this.#signature(node, declared, target),
      comment: commentOf(declared),
      members: [],
      home,
    };
    if (result.kind === undefined) throw new Error(`${symbol.name}: what is a ${SyntaxKind[node.kind]}?`);
    if (home !== specifier) return result;
    if (result.comment === null) this.#problem(node, `${symbol.name} has no comment`);
    if (result.kind === 'class') result.members = this.#classMembers(node);
    else {
      if (result.kind === 'interface') result.members = node.members.map((member) => this.#readMember(member));
      this.#checkReferences(declared);
    }
    for (const member of result.members) {
      const meaning = this.#tables[symbol.name]?.[member.name];
      if (meaning !== undefined) member.comment ??= { text: meaning, tags: [] };
      const isNamed = result.comment?.text.includes(`\`${member.name}\``) === true;
      if (member.comment === null && !isNamed) this.#problem(node, `${symbol.name}.${member.name} has no comment`);
    }
    return result;
  }

  #signature(node, declared, target) {
    if (node.kind === SyntaxKind.ClassDeclaration) return this.#classHead(node);
    // `keyof typeof TABLE` says nothing to a reader.
    if (node.kind === SyntaxKind.TypeAliasDeclaration && /\btypeof\b/.test(textOf(node.type))) {
      const type = this.#checker.getDeclaredTypeOfSymbol(target);
      return `type ${node.name.text} = ${this.#checker.typeToString(type, undefined, NO_TRUNCATION | IN_TYPE_ALIAS)};`;
    }
    return this.#renamed(textOf(declared));
  }

  /** Without what it implements, and without a base class that is not exported: its members are shown as its own. */
  #classHead(node) {
    const bases = this.#basesOf(node).filter((base) => !this.#isHidden(base));
    const parameters = (node.typeParameters ?? []).map(textOf).join(', ');
    const head = `class ${this.#renamed(node.name.text)}${parameters && `<${parameters}>`}`;
    return bases.length > 0 ? `${head} extends ${bases.map(textOf).join(', ')}` : head;
  }

  #renamed(text) {
    return text.replace(/\b[A-Z]\w+\b/g, (name) => this.#renames.get(name) ?? name);
  }

  #readMember(node) {
    const name = node.kind === SyntaxKind.Constructor ? 'constructor' : textOf(node.name);
    return { name, signature: this.#renamed(textOf(node).replace(/;$/, '')), comment: commentOf(node) };
  }

  /** Public members, and those of base classes that are not exported themselves. */
  #classMembers(node) {
    const members = [];
    for (const member of node.members) {
      if (!isPublic(member)) continue;
      this.#checkReferences(member);
      const read = this.#readMember(member);
      // Overloads, and the two halves of an accessor, share the first one's comment.
      const earlier = members.find(({ name }) => name === read.name);
      if (earlier === undefined) members.push(read);
      else if (!earlier.signature.startsWith('get ')) earlier.signature += `\n${read.signature}`;
    }
    for (const base of this.#basesOf(node)) {
      if (!this.#isHidden(base)) continue;
      for (const inherited of this.#classMembers(this.#declarationOf(base))) {
        if (!members.some(({ name }) => name === inherited.name)) members.push(inherited);
      }
    }
    return members;
  }

  /** A base class of ours that no entry point exports. */
  #isHidden(base) {
    const symbol = this.#target(this.#checker.getSymbolAtLocation(base.expression));
    return this.#isOurs(this.#declarationOf(base)) && !this.#homes.has(symbol.id);
  }

  #declarationOf(base) {
    return this.#target(this.#checker.getSymbolAtLocation(base.expression)).declarations[0].resolve();
  }

  #basesOf(node) {
    return (node.heritageClauses ?? []).flatMap((clause) =>
      clause.token === SyntaxKind.ExtendsKeyword ? clause.types : [],
    );
  }

  /** A type that is spoken of but not exported leaves a caller without a name for it. */
  #checkReferences(node) {
    const visit = (child) => {
      if (child.kind === SyntaxKind.TypeReference) {
        const symbol = this.#checker.getSymbolAtLocation(child.typeName);
        const target = symbol && this.#target(symbol);
        const declaration = target?.declarations[0]?.resolve();
        if (declaration !== undefined && this.#isOurs(declaration) && !this.#homes.has(target.id)) {
          const isParameter = declaration.kind === SyntaxKind.TypeParameter;
          if (!isParameter) this.#problem(node, `speaks of ${target.name}, which no entry point exports`);
        }
      }
      child.forEachChild(visit);
    };
    node.forEachChild(visit);
  }

  #isOurs(node) {
    return fileOf(node).fileName.startsWith(join(this.#root, 'dist'));
  }

  #problem(node, text) {
    const source = relative(join(this.#root, 'dist'), fileOf(node).fileName).replace(/\.d\.ts$/, '.ts');
    this.#problems.add(`src/${source}: ${text}`);
  }
}

const KINDS = new Map([
  [SyntaxKind.ClassDeclaration, 'class'],
  [SyntaxKind.FunctionDeclaration, 'function'],
  [SyntaxKind.InterfaceDeclaration, 'interface'],
  [SyntaxKind.TypeAliasDeclaration, 'type'],
  [SyntaxKind.VariableDeclaration, 'constant'],
]);
// Of TypeFormatFlags, which this API takes as plain numbers.
const NO_TRUNCATION = 1;
const IN_TYPE_ALIAS = 1 << 23;

function isPublic(member) {
  if (member.name?.kind === SyntaxKind.PrivateIdentifier) return false;
  const modifiers = (member.modifiers ?? []).map(({ kind }) => kind);
  return !modifiers.includes(SyntaxKind.PrivateKeyword) && !modifiers.includes(SyntaxKind.ProtectedKeyword);
}

function fileOf(node) {
  let file = node;
  while (file.kind !== SyntaxKind.SourceFile) file = file.parent;
  return file;
}

/** As it stands there, without its comment and `export declare`, in steps of two spaces. */
function textOf(node) {
  const text = fileOf(node).text.slice(startOf(node), node.end);
  return unindent(text.replace(/^export /, '').replace(/^declare /, ''));
}

/** Declarations come in steps of four spaces, and those inside a class with one step before them. */
function unindent(text) {
  const lines = text.split('\n');
  const steps = lines.slice(1).filter((line) => line.trim() !== '');
  const extra = Math.min(...steps.map((line) => line.length - line.trimStart().length));
  const last = lines.at(-1);
  const base = steps.length > 0 ? Math.min(extra, last.length - last.trimStart().length) : 0;
  return lines
    .map((line, i) => (i === 0 ? line : line.slice(base)))
    .map((line) => line.replace(/^( {4})+/, (indent) => ' '.repeat(indent.length / 2)))
    .join('\n');
}

/** Behind white space and comments. */
function startOf(node) {
  const { text } = fileOf(node);
  return node.pos + /^(?:\s|\/\*[\s\S]*?\*\/|\/\/.*)*/.exec(text.slice(node.pos, node.end))[0].length;
}

/** @returns {Comment | null} the last one before the node. */
function commentOf(node) {
  const comments = fileOf(node)
    .text.slice(node.pos, startOf(node))
    .match(/\/\*\*[\s\S]*?\*\//g);
  return comments === null ? null : parseComment(comments.at(-1));
}

/** @returns {Comment | null} */
function firstComment(text) {
  const match = /^\s*(\/\*\*[\s\S]*?\*\/)/.exec(text);
  return match === null ? null : parseComment(match[1]);
}

/** @returns {Comment} */
function parseComment(raw) {
  const text = raw
    .replace(/^\/\*\*[ \t]?|[ \t]*\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^[ \t]*\* ?/, ''))
    .join('\n');
  const [body, ...tags] = text.split(/(?:^|(?<=[\s.]))@(?=(?:returns|throws|param)\b)/);
  return {
    text: body.trim(),
    tags: tags.map((tag) => {
      const [, name, rest] = /^(\w+)\s*([\s\S]*)$/.exec(tag);
      return { name, text: rest.trim() };
    }),
  };
}
