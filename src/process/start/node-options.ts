/** Which of this process's Node options a child is to have. */

/** They say what this one process runs, or open a port that only one can have. */
const OWN =
  /^(-[eipc]|-pe|--eval|--print|--interactive|--check|--input-type|--inspect[\w-]*|--debug-port|--test[\w-]*|--watch[\w-]*|--run|--build-snapshot[\w-]*)$/;
/** Those of them that are followed by a value of their own. */
const WITH_VALUE =
  /^(-[ep]|-pe|--eval|--print|--input-type|--inspect-port|--inspect-publish-uid|--debug-port|--test-[\w-]+|--watch-path|--run|--build-snapshot-config)$/;

export function inheritableOptions(options: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < options.length; index++) {
    const option = options[index] as string;
    const [name = ''] = option.split('=', 1);
    if (!OWN.test(name)) kept.push(option);
    else if (option === name && WITH_VALUE.test(name) && options[index + 1]?.startsWith('-') === false) index++;
  }
  return kept;
}

/** Options by which a process watches itself with threads that its copies would lack. */
const WATCHING = /^--(cpu-prof|heap-prof|prof|perf)[\w-]*$|^--inspect(-brk|-wait)?$/;

/** Those that a process to be forked can have. A value of its own may follow none of those left out but where it is joined by `=`. */
export function forkableOptions(options: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < options.length; index++) {
    const option = options[index] as string;
    const [name = ''] = option.split('=', 1);
    if (!WATCHING.test(name)) kept.push(option);
    else if (option === name && /-(dir|name|interval)$/.test(name)) index++;
  }
  return kept;
}

/** The same of NODE_OPTIONS, as far as it can be told without quotes. */
export function forkableNodeOptions(text: string): string {
  return forkableOptions(text.split(' ').filter((word) => word !== '')).join(' ');
}
