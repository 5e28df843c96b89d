// A Node and a Python program take turns: two semaphores that both know by name say whose turn it is.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { NamedSemaphore } from 'forkful';

const ROUNDS = 3;
// the pid in the names keeps two runs of this program apart
const [oursName, theirsName] = ['node', 'python'].map((whose) => `/forkful-example-${whose}-${process.pid}`);
const ours = new NamedSemaphore(oursName, { create: true, exclusive: true, value: 1 });
const theirs = new NamedSemaphore(theirsName, { create: true, exclusive: true, value: 0 });
try {
  const partner = fileURLToPath(new URL('./partner.py', import.meta.url));
  const python = spawn('python3', [partner, theirsName, oursName, String(ROUNDS)], { stdio: 'inherit' });
  const ended = once(python, 'exit');
  // one that ended early, or could not be started, would be waited for for ever
  const gone = new AbortController();
  ended.then(
    () => gone.abort(new Error('the Python program has ended')),
    (error) => gone.abort(error),
  );

  for (let round = 1; round <= ROUNDS; round++) {
    await ours.acquire({ signal: gone.signal });
    console.log(`Node: ${round}`);
    theirs.release();
  }
  console.log(`Python ended with exit code ${(await ended)[0]}`);
} finally {
  // the names stay until somebody removes them
  for (const semaphore of [ours, theirs]) {
    semaphore.unlink();
    semaphore.close();
  }
}
