// One loop over three workers, a queue of complaints, and the workers' ends: whatever is ready first is served first.
import { connection, isMainProcess, Pipe, Process, Queue } from 'forkful';

export function work(conn, complaints, first) {
  for (let n = first; n < first + 3; n++) {
    if (n % 4 === 3) complaints.putSync(`${n} cannot be worked on`);
    else conn.sendSync([n, n * n]);
  }
  if (first === 6) process.exit(7);
}

if (isMainProcess) {
  const complaints = new Queue();
  const open = new Map();
  for (const first of [0, 3, 6]) {
    const [here, there] = Pipe({ duplex: false });
    const worker = new Process({ target: work, args: [there, complaints, first] });
    await worker.start();
    there.close(); // the worker alone has it now
    open.set(here, worker);
  }
  const results = [];
  while (open.size > 0) {
    for (const ready of await connection.wait([...open.keys(), complaints])) {
      if (ready === complaints) results.push(complaints.getNowait());
      else
        try {
          results.push((await ready.recv()).join(' squared is '));
        } catch {
          const worker = open.get(ready);
          open.delete(ready);
          await worker.join();
          results.push(`${worker.name} has ended with ${worker.exitCode}`);
        }
    }
  }
  while (!complaints.empty()) results.push(complaints.getNowait());
  for (const line of results.toSorted()) console.log(line);
}
