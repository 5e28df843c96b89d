/** Which modules fork servers load before they fork. */
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { typeError } from '../../util/validate.js';

let modules: readonly string[] = [];

/**
 * Modules that the fork server loads once, so that its children have them already: URLs, absolute paths, or names of packages. For servers that start
 * afterwards. One that cannot be loaded is left to the children that need it; one that leaves Workers or threads behind makes `forkserver` start
 * fresh Node processes, since those would be missing in a forked one. @throws TypeError naming the element
 */
export function setForkserverPreload(names: Iterable<string | URL>): void {
  if (typeof names !== 'object' || names === null || !(Symbol.iterator in names))
    throw typeError('names', 'an array, or another iterable, of URLs, absolute paths or package names', names);
  modules = [...names].map((name, index) => moduleName(`names[${index}]`, name));
}

export function preloadedModules(): readonly string[] {
  return modules;
}

function moduleName(argument: string, name: unknown): string {
  if (name instanceof URL) return name.href;
  if (typeof name === 'string' && isAbsolute(name)) return pathToFileURL(name).href;
  if (typeof name === 'string' && name !== '' && !/^\.{0,2}[\\/]|^\.{1,2}$/.test(name)) return name;
  throw typeError(
    argument,
    'a URL, an absolute path or a package name (for a file beside this one: new URL("./file.js", import.meta.url))',
    name,
  );
}
