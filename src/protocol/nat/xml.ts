/**
 * The part of XML 1.0 that routers write: elements, text, CDATA, and the entities that need no declaration. Attributes
 * and namespaces are left out: an element goes by its local name. A document type is refused, and with it every entity
 * that could grow. Routers write XML by printf, so a document that ends too early is read as far as it goes.
 * What comes is hostile: depth and number of elements are limited, its length by whoever fetched it. Called by igd.ts.
 */
import { LIMITS } from '../../base/limits.js';

export interface XmlElement {
  /** Without prefix. */
  readonly name: string;
  /** Its own, entities resolved, without white space at its ends. */
  text: string;
  readonly children: XmlElement[];
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const NAME = /^[^\s/>=]+/;

/** @returns the root; null for what is no such document, or is larger than allowed. */
export function parseXml(document: string): XmlElement | null {
  const reader = new XmlReader(document);
  return reader.read() ? reader.root : null;
}

/** @returns the first child of that name, or null. */
export function childOf(element: XmlElement, name: string): XmlElement | null {
  return element.children.find((child) => child.name === name) ?? null;
}

/** The element itself and all below it, in the order of the document. */
export function* descendantsOf(element: XmlElement): Generator<XmlElement> {
  yield element;
  for (const child of element.children) yield* descendantsOf(child);
}

/** For text that stands between two tags. */
export function escapeXml(text: string): string {
  return text.replace(/[<>&]/g, (character) => (character === '<' ? '&lt;' : character === '>' ? '&gt;' : '&amp;'));
}

class XmlReader {
  root: XmlElement | null = null;
  readonly #document: string;
  readonly #open: XmlElement[] = [];
  #elements = 0;
  #at = 0;

  constructor(document: string) {
    this.#document = document;
  }

  /** @returns whether it is a document that may be used. */
  read(): boolean {
    while (this.#at < this.#document.length) {
      const start = this.#document.indexOf('<', this.#at);
      const end = start < 0 ? this.#document.length : start;
      this.#addText(decodeEntities(this.#document.slice(this.#at, end)));
      this.#at = end;
      if (start >= 0 && !this.#readMarkup()) return false;
    }
    while (this.#open.length > 0) this.#close();
    return this.root !== null;
  }

  #readMarkup(): boolean {
    if (this.#skips('<?', '?>') || this.#skips('<!--', '-->')) return true;
    const cdataStart = '<![CDATA['.length;
    const from = this.#at;
    if (this.#skips('<![CDATA[', ']]>')) {
      this.#addText(this.#document.slice(from + cdataStart, this.#at).replace(/\]\]>$/, ''));
      return true;
    }
    if (this.#document.startsWith('<!', from)) return false;
    const end = this.#endOfTag(from);
    this.#at = end + 1;
    const tag = this.#document.slice(from + 1, end);
    if (tag.startsWith('/')) return this.#closeNamed(localName(tag.slice(1).trim()));
    return this.#openNamed(tag);
  }

  /** Goes past a construct that begins here, to the end of the document where it is not closed. */
  #skips(opening: string, closing: string): boolean {
    if (!this.#document.startsWith(opening, this.#at)) return false;
    const end = this.#document.indexOf(closing, this.#at + opening.length);
    this.#at = end < 0 ? this.#document.length : end + closing.length;
    return true;
  }

  /** A '>' within quotes belongs to an attribute's value. */
  #endOfTag(from: number): number {
    let quote = '';
    for (let i = from; i < this.#document.length; i++) {
      const character = this.#document[i]!;
      if (quote !== '') quote = character === quote ? '' : quote;
      else if (character === '>') return i;
      else if (character === '"' || character === "'") quote = character;
    }
    return this.#document.length;
  }

  #openNamed(tag: string): boolean {
    const name = NAME.exec(tag)?.[0];
    this.#elements++;
    if (name === undefined || this.#elements > LIMITS.xmlElementsMax) return false;
    const element: XmlElement = { name: localName(name), text: '', children: [] };
    const parent = this.#open.at(-1);
    if (parent !== undefined) parent.children.push(element);
    else if (this.root === null) this.root = element;
    else return false;
    if (tag.endsWith('/')) return true;
    this.#open.push(element);
    return this.#open.length <= LIMITS.xmlDepthMax;
  }

  #closeNamed(name: string): boolean {
    if (this.#open.at(-1)?.name !== name) return false;
    this.#close();
    return true;
  }

  #close(): void {
    const element = this.#open.pop()!;
    element.text = element.text.trim();
  }

  #addText(text: string): void {
    const element = this.#open.at(-1);
    if (element !== undefined) element.text += text;
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/** What is no entity that we know stays as it is: a bare '&' in a model's name is common. */
function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{1,8}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
