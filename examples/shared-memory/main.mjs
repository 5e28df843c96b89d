// A Node and a Python program share a list and a block of numbers: the same memory for both, found by its name.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ShareableList, SharedMemory } from 'forkful';

const list = new ShareableList(['Grüße', 1, 2.5, true, null]);
const memory = new SharedMemory({ create: true, size: 8 * 1000 });
try {
  const numbers = new Float64Array(memory.buf.buffer);
  numbers.set(numbers.map((_, index) => index));
  console.log('Node:', list.get(0), 'and', numbers.length, 'numbers');

  const partner = fileURLToPath(new URL('./partner.py', import.meta.url));
  const python = spawn('python3', [partner, list.shm.name, memory.name], { stdio: 'inherit' });
  const [code] = await once(python, 'exit');

  console.log(`Node: Python ended with exit code ${code}`);
  console.log('Node:', ...list);
  console.log('Node:', numbers[1], numbers[999]);
} finally {
  // the names stay until somebody removes them: at the latest when this process, and all that belong to it, have ended
  for (const shared of [list.shm, memory]) {
    shared.unlink();
    shared.close();
  }
}
