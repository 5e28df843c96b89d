// Two jobs talk over a pipe whose ends are their arguments. (001-16)
// In Python they are jobs of a Pool; here, as long as there is none, two processes.
import { isMainProcess, Pipe, Process } from 'forkful';

export async function procTest1(conn) {
  await conn.send('[Ming] Zhang, I meet a girl today, come along, I wait for your answer~');
  console.log(await conn.recv());
}

export async function procTest2(conn) {
  console.log(await conn.recv());
  await conn.send('[Zhang] No: what if she falls for my good looks instead~');
}

if (isMainProcess) {
  const [conn1, conn2] = Pipe();
  const jobs = [new Process({ target: procTest1, args: [conn1] }), new Process({ target: procTest2, args: [conn2] })];
  for (const job of jobs) await job.start();
  for (const job of jobs) await job.join();
}
