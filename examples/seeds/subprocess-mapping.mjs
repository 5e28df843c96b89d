// Python's `subprocess`, name by name, with what there is in node:child_process. (001-10)
//
// Each has a form that does not block the event loop: execFile and exec, promisified, or spawn.
import { execFileSync, execSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** `CompletedProcess.check_returncode()`. */
function checkReturncode({ status, signal }) {
  if (status !== 0) throw new Error(`the command ended with ${signal ?? `exit code ${status}`}`);
}

/** What `work` throws. */
function errorOf(work) {
  try {
    work();
  } catch (error) {
    return error;
  }
}

const encoding = 'utf8'; // Python's `text=True`; otherwise a Buffer, as bytes there

// run(args, capture_output=True): stdout=PIPE and stderr=PIPE, which is the default here.
const { stdout, stderr, status } = spawnSync('sh', ['-c', 'echo out; echo err >&2; exit 3'], { encoding });
console.log('run, capture_output:', { stdout, stderr, status });

// run(args, input='...')
console.log('input:', spawnSync('cat', { encoding, input: 'hello' }).stdout);

// run(args, timeout=0.05): TimeoutExpired. The command is killed.
console.log('timeout:', spawnSync('sleep', ['60'], { timeout: 50 }).error.code);

// run(args, check=True): CalledProcessError
console.log('check:', errorOf(() => execFileSync('false', { stdio: 'pipe' })).status);
console.log('check_returncode:', errorOf(() => checkReturncode(spawnSync('false'))).message);

// stdout=DEVNULL
console.log('DEVNULL:', spawnSync('echo', ['nobody hears'], { stdio: ['ignore', 'ignore', 'inherit'] }).stdout);

// stderr=STDOUT: the shell can do that.
console.log(
  'STDOUT:',
  spawnSync('sh', ['-c', 'exec "$@" 2>&1', 'sh', 'ls', '/no/such/folder'], { encoding }).stdout.includes('/no/such/folder'),
);

// The older functions.
console.log('call:', spawnSync('false', { stdio: 'inherit' }).status);
console.log('check_call:', errorOf(() => execFileSync('false', { stdio: 'inherit' })).status);
console.log('check_output:', execFileSync('echo', ['out'], { encoding }).trimEnd());
console.log('getoutput:', execSync('echo $((6 * 7))', { encoding }).trimEnd());
const result = spawnSync('echo out; exit 3', { shell: true, encoding });
console.log('getstatusoutput:', [result.status, result.stdout.trimEnd()]);

// Popen(args, stdin=PIPE, stdout=PIPE): see subprocess-popen.mjs, -communicate.mjs and -pipeline.mjs
const child = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] });
child.stdin.end('hello');
const [out] = await Promise.all([text(child.stdout), once(child, 'close')]);
console.log('Popen:', out, child.exitCode);
