/**
 * Compiling before a fork what the child will run: V8 compiles a function when it is first called, so every child would do that again for each step of its
 * start, at 20 to 100 µs apiece. A debugger that asks where breakpoints can be set makes V8 compile all of a script.
 */
import { Session } from 'node:inspector';

/** Ours, and those of Node's own that a child's start and end go through. */
const SCRIPTS = new RegExp(
  `^(${new URL('../../', import.meta.url).href}.*|node:(events|internal/(timers|process/(per_thread|promises|task_queues))|timers))$`,
);

/** Some 20 ms. What is not called for long may be forgotten again: then children compile it, and all is as it was. */
export function compileAhead(): void {
  const session = new Session();
  session.connect();
  try {
    const scripts: string[] = [];
    session.on('Debugger.scriptParsed', ({ params }) => {
      if (SCRIPTS.test(params.url)) scripts.push(params.scriptId);
    });
    session.post('Debugger.enable');
    for (const scriptId of scripts) session.post('Debugger.getPossibleBreakpoints', { start: { scriptId, lineNumber: 0 } });
  } finally {
    session.disconnect();
  }
}
