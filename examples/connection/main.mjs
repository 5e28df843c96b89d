// A Node server and its clients, one in Node and one in Python: who knows the key may talk, in bytes with anybody, in objects with JavaScript.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connection } from 'forkful';

const authkey = 'a secret of this example';
const listener = new connection.Listener({ address: ['localhost', 0], backlog: 5, authkey });
try {
  // JavaScript to JavaScript: objects
  const [ours, theirs] = await Promise.all([listener.accept(), connection.Client(listener.address, { authkey })]);
  await theirs.send({ question: 'how many?', of: new Set(['a', 'b']) });
  const { question, of } = await ours.recv();
  await ours.send(of.size);
  console.log(`Node: ${question} ${await theirs.recv()}`);
  for (const end of [ours, theirs]) end.close();

  // somebody who does not know the key costs one accept, no more
  const outcomes = await Promise.allSettled([listener.accept(), connection.Client(listener.address, { authkey: 'a guess' })]);
  console.log(outcomes.map(({ reason }) => reason.name).join(', '));

  // JavaScript to Python: bytes, in whatever format both know
  const [host, port] = listener.address;
  const partner = fileURLToPath(new URL('./partner.py', import.meta.url));
  const python = spawn('python3', [partner, host, String(port), authkey], { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = once(python, 'exit');
  const conn = await listener.accept({ signal: signalOf(ended) });
  await conn.sendBytes(Buffer.from(JSON.stringify({ numbers: [1, 2, 3] })));
  const { sum } = JSON.parse(Buffer.from(await conn.recvBytes()).toString());
  console.log(`Python: the sum is ${sum}`);
  conn.close();
  console.log(`Python ended with exit code ${(await ended)[0]}`);
} finally {
  listener.close();
}

/** Aborts when the program has ended, or could not be started: then nobody will connect. */
function signalOf(ended) {
  const gone = new AbortController();
  ended.then(
    () => gone.abort(new Error('the Python program has ended')),
    (error) => gone.abort(error),
  );
  return gone.signal;
}
