/** What the text of a module tells: which modules it imports, and whether it may export a name. */

/** What makes an export of the expression or declaration that follows. */
const LONGEST_EXPORT = 200;
const EXPORTING = /(?<![\w$.])export\s+(?:default\s+|(?:const|let|var)\s+([\w$]+)\s*=\s*)?$/;

/**
 * Whether a module's text has an `export` that may be of this name: `export function NAME`, `export { NAME as x }`, `export default NAME`,
 * `export const { ... }`. And of this function, if it says so: another one may have the same name.
 */
export function seemsExported(text: string | undefined, name: string, source = ''): boolean {
  if (text === undefined || name === '') return false; // without a name it was most likely written where it is passed
  const quoted = name.replace(/[$]/g, '\\$&');
  if (source !== '' && text.includes(source)) {
    const declaration = String.raw`(?:async\s+)?(?:function\s*\*?|class)\s*${quoted}(?![\w$])`;
    const namesItself = new RegExp(`^${declaration}`).test(source);
    for (let at = text.indexOf(source); at >= 0; at = text.indexOf(source, at + 1)) {
      const before = EXPORTING.exec(text.slice(Math.max(0, at - LONGEST_EXPORT), at));
      // a function without a name of its own has that of what it is assigned to first
      if (before !== null && (namesItself || (before[1] ?? 'default') === name)) return true;
    }
    if (new RegExp(String.raw`(?<![\w$.])export\s+(?:default\s+)?${declaration}`).test(text)) return false;
  }
  const forms = [
    String.raw`export\s+(?:default\s+)?(?:async\s+)?(?:function\s*\*?|class|const|let|var)\s*${quoted}(?![\w$])`,
    String.raw`export\s*\{[^}]*(?<![\w$])${quoted}(?![\w$])`,
    String.raw`export\s+default\s+${quoted}(?![\w$])`,
    String.raw`export\s+(?:const|let|var)\s*[[{]`,
    String.raw`export\s+(?:const|let|var)\s[^;{(]*,\s*${quoted}\s*=`,
    String.raw`exports\.${quoted}\s*=`,
    String.raw`module\.exports\s*=`,
  ];
  if (name === 'default') forms.push(String.raw`export\s+default(?![\w$])`);
  return forms.some((form) => new RegExp(String.raw`(?<![\w$.])${form}`).test(text));
}

const SPACE = /\s+|\/\/.*|\/\*[\s\S]*?\*\/|;|^#!.*/y;
const STATEMENT =
  /(?:import|export)(?=[\s{*])\s*(?<names>[\w$\s{},*]*?)\s*\bfrom\s*(?<quote>['"])(?<from>[^'"\n\\]+)\k<quote>(?<attributes>\s*with\b\s*\{[^}]*\})?|import\s*(?:'[^'\n]*'|"[^"\n]*")|(['"])use strict\5/y;
/** Imports of types, and of what is not run before it is used. */
const NOT_RUN = /^(?:type|typeof|defer|source)\s+[\w$*{]/;

/**
 * The URLs of the files that an ES module imports, so that they are loaded if it is. Only what stands before any other code is read: there nothing
 * can be mistaken, not a string for code nor code for a comment. Of TypeScript only the import of this very name: others may be of types, and left out.
 */
export function staticImports(text: string, url: string, name: string): string[] {
  const { pathname, search } = new URL(url);
  if (search !== '') return []; // a copy of a module, made to import something else than it says: a mock
  const isTyped = /\.[cm]?tsx?$/.test(pathname);
  const found = new Set<string>();
  for (let at = 0; at < text.length; ) {
    SPACE.lastIndex = STATEMENT.lastIndex = at;
    if (SPACE.test(text)) {
      at = SPACE.lastIndex;
      continue;
    }
    const statement = STATEMENT.exec(text);
    if (statement === null) break;
    at = STATEMENT.lastIndex;
    const { names = '', from = '', attributes } = statement.groups ?? {};
    if (!/^(?:\.{0,2}\/|file:)/.test(from) || attributes !== undefined || NOT_RUN.test(names) || (isTyped && !importsName(names, name)))
      continue;
    found.add(new URL(from, url).href);
  }
  return [...found];
}

function importsName(names: string, name: string): boolean {
  return names
    .split(/[{},]/)
    .map((part) => part.trim())
    .some((part) => !/^type\s+\w/.test(part) && part.split(/\s+/).includes(name));
}
