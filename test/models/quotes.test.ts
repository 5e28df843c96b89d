/**
 * The models quote the lines of code that their steps stand for: `// arena/heir.ts: <the line>`. When such a line changes, the model is to be looked at
 * again; this is what says so.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const QUOTE = /\/\/ ([a-z-]+(?:\/[a-z-]+)*\.ts): (.+)$/;
const models = fileURLToPath(new URL('.', import.meta.url));
const src = fileURLToPath(new URL('../../src/', import.meta.url));

describe.each(readdirSync(models).filter((file) => file.endsWith('.pml')))('%s', (model) => {
  const lines = readFileSync(`${models}${model}`, 'utf8').split('\n');
  const quotes = lines.flatMap((text, index) => {
    const match = QUOTE.exec(text);
    return match === null ? [] : [{ file: match[1] as string, line: plain(match[2] as string), where: `${model}:${index + 1}` }];
  });

  test('quotes code', () => {
    expect(quotes).not.toEqual([]);
  });

  test('what it quotes stands in the code', () => {
    const missing = quotes.filter(({ file, line }) => !linesOf(file).has(line));
    expect(missing.map(({ file, line, where }) => `${where}: ${file} has no line \`${line}\``)).toEqual([]);
  });
});

const known = new Map<string, Set<string>>();

function linesOf(file: string): Set<string> {
  let found = known.get(file);
  if (found === undefined) {
    found = new Set(readFileSync(`${src}${file}`, 'utf8').split('\n').map(plain));
    known.set(file, found);
  }
  return found;
}

function plain(line: string): string {
  return line.trim().replaceAll(/\s+/g, ' ');
}
