import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LIMITS } from '../../base/limits.js';
import { childOf, descendantsOf, escapeXml, parseXml, type XmlElement } from './xml.js';

function outline(element: XmlElement | null): string {
  if (element === null) return 'null';
  return `${element.name}(${[element.text, ...element.children.map(outline)].filter((part) => part !== '').join(' ')})`;
}

test('elements, text and attributes are told apart', () => {
  const document = '<?xml version="1.0"?>\n<!-- a > b --><a x="1>2" y=\'"\'>\n <b>one</b>two<c/><c />\n</a>\n';
  assert.equal(outline(parseXml(document)), 'a(two b(one) c() c())');
});

test('prefixes are left out', () => {
  assert.equal(outline(parseXml('<s:a xmlns:s="urn:x"><s:b>1</s:b><u:c/></s:a>')), 'a(b(1) c())');
});

test('the entities that need no declaration are resolved, all others stay as they are', () => {
  assert.equal(
    parseXml('<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#0;&#9999999;&c;& </a>')?.text,
    '<>&"\'AB&#0;&#9999999;&c;&',
  );
});

test('CDATA is text, and what looks like markup in it is none', () => {
  assert.equal(outline(parseXml('<a>1<![CDATA[<b>&lt;]]>2</a>')), 'a(1<b>&lt;2)');
});

test('a document type is refused, and with it what entities could grow to', () => {
  assert.equal(parseXml('<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>'), null);
  assert.equal(parseXml('<a><!ENTITY b "bb"></a>'), null);
});

test('what is not well-formed is refused; what ends too early is read as far as it goes', () => {
  for (const document of ['', 'text', '<a></b>', '<a/><b/>', '</a>', '<>', '<a><b></a></b>']) {
    assert.equal(parseXml(document), null, document);
  }
  assert.equal(outline(parseXml('<a><b>1</b><c>2')), 'a(b(1) c(2))');
  assert.equal(outline(parseXml('<a>1<!-- ')), 'a(1)');
  assert.equal(outline(parseXml('<a>1<![CDATA[2')), 'a(12)');
});

test('elements may be nested as deep as the limit, and no deeper', () => {
  const nested = (depth: number): string => '<a>'.repeat(depth) + '</a>'.repeat(depth);
  assert.notEqual(parseXml(nested(LIMITS.xmlDepthMax)), null);
  assert.equal(parseXml(nested(LIMITS.xmlDepthMax + 1)), null);
});

test('there may be as many elements as the limit, and no more', () => {
  const flat = (count: number): string => `<a>${'<b/>'.repeat(count - 1)}</a>`;
  assert.notEqual(parseXml(flat(LIMITS.xmlElementsMax)), null);
  assert.equal(parseXml(flat(LIMITS.xmlElementsMax + 1)), null);
});

test('elements are found among the children, and below', () => {
  const root = parseXml('<a><b><c>1</c></b><c>2</c><c>3</c></a>')!;
  assert.equal(childOf(root, 'c')?.text, '2');
  assert.equal(childOf(root, 'd'), null);
  assert.deepEqual(
    [...descendantsOf(root)].map(({ name }) => name),
    ['a', 'b', 'c', 'c', 'c'],
  );
});

test('escaped text is read back as it was', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.equal(parseXml(`<a>${escapeXml(text)}</a>`)?.text, text.trim());
    }),
  );
});

test('whatever arrives is a tree within the limits, or none', () => {
  const part = fc.constantFrom(
    '<a>',
    '</a>',
    '<b:c d="',
    '">',
    '/>',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '&amp;',
    '&#',
    '<?',
    '?>',
  );
  const document = fc.array(fc.oneof(part, fc.string({ maxLength: 5 })), { maxLength: 60 });
  fc.assert(
    fc.property(document, (parts) => {
      const root = parseXml(parts.join(''));
      if (root !== null) assert.ok([...descendantsOf(root)].length <= LIMITS.xmlElementsMax);
    }),
  );
});
