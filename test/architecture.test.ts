/**
 * The direction of imports, as drawn in docs/architecture.md: a file imports from its own folder and from the layers above it in this
 * list; folders on one layer do not know each other.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** Top folders of src/ (files directly in src/ by name), layer by layer. */
const LAYERS: readonly (readonly string[])[] = [
  ['errors.ts', 'util'],
  ['platform'],
  ['arena'],
  ['memory'],
  ['serialize'],
  ['sync'],
  ['shared', 'queue'],
  ['connection'],
  ['process'],
  ['context.ts', 'shared-classes.ts'],
  ['index.ts', 'child.ts', 'fork-server.ts', 'cli.ts'],
];

/** Values are turned into bytes without knowing where the bytes lie: what serialize/ imports from in full, and what only the types of. */
const SERIALIZE = { full: ['errors.ts', 'util', 'serialize'], types: ['memory'] };

/** A file has one subject; one that is longer than this has several. */
const MAX_LINES = 450;

interface Edge {
  readonly from: string;
  readonly to: string;
  /** `import type`: nothing of it is left when the program runs. */
  readonly typesOnly: boolean;
  readonly line: number;
}

const src = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const edges = files.flatMap(importsOf);

test('every folder of src belongs to a layer', () => {
  expect(files.filter((file) => layerOf(file) < 0)).toEqual([]);
});

test('imports go to the own folder or to the layers above', () => {
  expect(edges.filter((edge) => !isAllowed(edge)).map(describeEdge)).toEqual([]);
});

test('nothing but node itself is imported from outside', () => {
  const outside = edges.filter(({ to }) => !to.startsWith('node:') && !to.endsWith('.ts'));
  expect(outside.map(describeEdge)).toEqual([]);
});

test('no file imports itself by way of others', () => {
  expect(cycles().map((cycle) => cycle.join(' -> '))).toEqual([]);
});

test(`no file is longer than ${MAX_LINES} lines`, () => {
  const tooLong = files
    .map((file) => ({ file, lines: contentOf(file).trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > MAX_LINES);
  expect(tooLong.map(({ file, lines }) => `src/${file}: ${lines} lines`)).toEqual([]);
});

test('the reading of imports sees every form', () => {
  const text = `
// import { no } from './comment.js';
import { a } from './a.js';
import type { B } from './b.js';
import {
  type C,
  d,
} from './c.js';
export * from './e.js';
export type { F } from './f.js';
import './g.js';
const h = await import('./h.js');
const text = "import { x } from './in-a-string.js'";
/* import { no } from './comment.js'; */ type I = import('./i.js').I;`;
  expect(readImports(text).map(({ specifier, typesOnly, line }) => `${specifier}${typesOnly ? ' types' : ''} ${line}`)).toEqual([
    './a.js 3',
    './b.js types 4',
    './c.js 5',
    './e.js 9',
    './f.js types 10',
    './g.js 11',
    './h.js 12',
    './i.js types 14',
  ]);
});

function isAllowed(edge: Edge): boolean {
  if (!files.includes(edge.to)) return true;
  const from = topOf(edge.from);
  const to = topOf(edge.to);
  if (from === to) return true;
  if (from === 'serialize') return SERIALIZE.full.includes(to) || (edge.typesOnly && SERIALIZE.types.includes(to));
  // util/ throws the error classes; they need nothing.
  if (from === 'util' && to === 'errors.ts') return true;
  return layerOf(edge.to) < layerOf(edge.from);
}

function describeEdge({ from, to, typesOnly, line }: Edge): string {
  return `src/${from}:${line} imports ${typesOnly ? 'types of ' : ''}${to} (layer ${layerOf(from)} -> ${layerOf(to)})`;
}

function layerOf(file: string): number {
  return LAYERS.findIndex((layer) => layer.includes(topOf(file)));
}

function topOf(file: string): string {
  return file.split('/')[0] as string;
}

/** Groups of files that reach each other, each as one way around. */
function cycles(): string[][] {
  const targets = (file: string) =>
    edges.filter((edge) => edge.from === file && !edge.typesOnly && files.includes(edge.to)).map((edge) => edge.to);
  const finished = new Set<string>();
  const found: string[][] = [];
  const visit = (file: string, path: string[]) => {
    if (path.includes(file)) {
      found.push([...path.slice(path.indexOf(file)), file]);
      return;
    }
    if (finished.has(file)) return;
    for (const target of targets(file)) visit(target, [...path, file]);
    finished.add(file);
  };
  for (const file of files) visit(file, []);
  return found;
}

function importsOf(from: string): Edge[] {
  return readImports(contentOf(from)).map(({ specifier, typesOnly, line }) => ({ from, to: resolve(from, specifier), typesOnly, line }));
}

/** The imported file relative to src, or the specifier as it is when it names a package. */
function resolve(from: string, specifier: string): string {
  return specifier.startsWith('.') ? normalize(join(dirname(from), specifier)).replace(/\.js$/, '.ts') : specifier;
}

/** All import and re-export statements and `import()` expressions. With verbatimModuleSyntax only the keyword `type` in front makes one types only. */
function readImports(text: string): { specifier: string; typesOnly: boolean; line: number }[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, ' '));
  const statement = /^[ \t]*(?:import|export)\b(?<type>\s+type\b(?!\s*(?:,|from\b)))?[^;'"=()]*?\bfrom\s*['"](?<from>[^'"]+)['"]/gm;
  const bare = /^[ \t]*import\s*['"](?<from>[^'"]+)['"]/gm;
  const expression = /(?<type>\btype\s+\w+\s*=\s*|[:<|&]\s*)?(?<!['"].*)\bimport\(\s*['"](?<from>[^'"]+)['"]/g;
  return [statement, bare, expression]
    .flatMap((pattern) => [...code.matchAll(pattern)])
    .map((match) => ({ index: match.index, specifier: match.groups?.['from'] as string, typesOnly: match.groups?.['type'] !== undefined }))
    .sort((a, b) => a.index - b.index)
    .map(({ index, ...rest }) => ({ ...rest, line: lineAt(code, index) }));
}

function lineAt(text: string, index: number): number {
  const start = index + (/^\s*/.exec(text.slice(index))?.[0].length ?? 0);
  return text.slice(0, start).split('\n').length;
}

function contentOf(file: string): string {
  return readFileSync(join(src, file), 'utf8');
}
