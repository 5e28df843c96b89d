// Five processes, of which only the last is joined: "Process end." may come before lines of the others. The program ends after all. (004-2)
// Python's listing has that join outside of its `if __name__ == '__main__'`, where no child could do it.
import { isMainProcess, Process } from 'forkful';

export function runProc(name) {
  console.log(`Child process ${name} (${process.pid}) Running...`);
}

if (isMainProcess) {
  console.log(`Parent process ${process.pid}.`);
  let p;
  for (let i = 0; i < 5; i++) {
    p = new Process({ target: runProc, args: [String(i)] });
    console.log('Process will start.');
    await p.start();
  }
  await p.join();
  console.log('Process end.');
}
