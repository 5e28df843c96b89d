/**
 * Which script a function comes from: asked of V8's inspector, in this very thread and without a debugger. About 20 ms the first time, 50 with a
 * compiler loaded, 3 ms afterwards. Nothing else in JavaScript can tell: a function knows its name and its text, but not its file.
 */
import { Session } from 'node:inspector';
import { ask } from './inspector.js';

/** A script that this thread has loaded. */
export interface Script {
  /** `file:///...` for most; empty for code from strings. */
  readonly url: string;
  /** Loaded as an ES module, so that `import(url)` yields this very one. */
  readonly isModule: boolean;
}

export interface Origin {
  /** Undefined for native functions and for code that no script is known for. */
  readonly script: Script | undefined;
  /** Made by `bind`: `script` is that of the function it calls. */
  readonly isBound: boolean;
  /** All scripts of this thread, Node's own left out, in the order of loading. */
  readonly scripts: readonly Script[];
}

interface RemoteProperty {
  readonly name: string;
  readonly value?: { readonly objectId?: string; readonly value?: { readonly scriptId: string } };
}

/** Where the inspector finds the function: a place that user code cannot meet by chance. */
const probe = Symbol('forkful.probe');
const PROBE_NAME = '__forkful_probe__';

/** The script in which a function, or the target of a bound one, was defined. @throws Error where Node was built or started without an inspector */
export function originOf(fn: object): Origin {
  const session = new Session();
  session.connect();
  try {
    const scripts = new Map<string, Script>();
    session.on('Debugger.scriptParsed', ({ params }) => {
      // one that names itself (`sourceURL`) is known to Node by another name
      scripts.set(params.scriptId, { url: params.url, isModule: params.isModule === true && params.hasSourceURL !== true });
    });
    const { scriptId, isBound } = locationOf(session, fn);
    ask(session, 'Debugger.enable', {});
    return {
      script: scriptId === undefined ? undefined : scripts.get(scriptId),
      isBound,
      scripts: [...scripts.values()].filter(({ url }) => !/^(node|evalmachine|wasm):/.test(url)),
    };
  } finally {
    session.disconnect();
  }
}

function locationOf(session: Session, fn: object): { scriptId: string | undefined; isBound: boolean } {
  const global = globalThis as { [PROBE_NAME]?: object };
  Object.defineProperty(global, PROBE_NAME, { value: { [probe]: fn, fn }, configurable: true });
  try {
    const { result } = ask<{ result: { objectId?: string } }>(session, 'Runtime.evaluate', { expression: `${PROBE_NAME}.fn` });
    let isBound = false;
    for (let objectId = result.objectId; objectId !== undefined; ) {
      const { internalProperties = [] } = ask<{ internalProperties?: RemoteProperty[] }>(session, 'Runtime.getProperties', {
        objectId,
        ownProperties: true,
      });
      const location = internalProperties.find(({ name }) => name === '[[FunctionLocation]]');
      if (location !== undefined) return { scriptId: location.value?.value?.scriptId, isBound };
      objectId = internalProperties.find(({ name }) => name === '[[TargetFunction]]')?.value?.objectId;
      isBound ||= objectId !== undefined;
    }
    return { scriptId: undefined, isBound };
  } finally {
    delete global[PROBE_NAME];
  }
}
