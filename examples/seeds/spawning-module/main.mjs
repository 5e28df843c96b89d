// The same as ../spawning.mjs with the target in a module of its own. (003-2)
// A child loads that module only, so there is nothing to guard here. Python's children load the main program too, and need the guard.
import { Process } from 'forkful';
import { myFunc } from './my-func.mjs';

for (let i = 0; i < 6; i++) {
  const p = new Process({ target: myFunc, args: [i] });
  await p.start();
  await p.join();
}
