// Talking to an interactive program, for a limited time. One that takes longer is *not* ended by that: end it yourself. (001-12)
// The text talks to ipython3, which not everybody has; who runs this has node. And it catches the wrong class: what Python throws is
// `subprocess.TimeoutExpired`.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** `Popen.communicate(input, timeout)`: writes all of `input`, then reads to the end. */
async function talk(input, timeout) {
  const child = spawn(process.execPath, ['-i']);
  const outputs = Promise.all([text(child.stdout), text(child.stderr)]);
  child.stdin.end(input);
  if ((await Promise.race([outputs, sleep(timeout, 'too late', { ref: false })])) === 'too late') {
    console.log('The time is over. Still running:', child.exitCode === null);
    child.kill();
  }
  const [out, err] = await outputs; // what it has said until then, too
  console.log(`Out:${out}\nErr:${err}`);
}

await talk('console.log("hello")\n', 90_000);
await talk('console.log("hello"); for (;;);\n', 1000);
