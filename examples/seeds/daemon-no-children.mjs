// A daemonic process may not have children: they would be left behind when it is ended. (000-5)
// An assertion in Python; here a StateError with a code.
import { isMainProcess, Process } from 'forkful';

export function grandchild() {
  console.log('never printed');
}

export async function child() {
  try {
    await new Process({ target: grandchild }).start();
  } catch (error) {
    console.log(`${error.name} ${error.code}: ${error.message}`);
  }
}

if (isMainProcess) {
  const p = new Process({ target: child, name: 'Lyon', daemon: true });
  await p.start();
  await p.join();
  console.log(`exit code ${p.exitCode}`);
}
