// Three stages: one process makes numbers, another one squares them, the main process prints; the end of each pipe ends the next stage. (003-10)
import { EOFError, isMainProcess, Pipe, Process } from 'forkful';

export function createItems([outputPipe]) {
  for (let item = 0; item < 10; item++) outputPipe.sendSync(item);
  outputPipe.close();
}

export function multiplyItems([close, inputPipe], [outputPipe]) {
  close.close();
  try {
    for (;;) {
      const item = inputPipe.recvSync();
      outputPipe.sendSync(item * item);
    }
  } catch (error) {
    if (!(error instanceof EOFError)) throw error;
    outputPipe.close();
  }
}

if (isMainProcess) {
  // first pipe: the numbers from 0 to 9
  const pipe1 = Pipe(true);
  await new Process({ target: createItems, args: [pipe1] }).start();
  // second pipe: takes numbers from the first, sends their squares
  const pipe2 = Pipe(true);
  await new Process({ target: multiplyItems, args: [pipe1, pipe2] }).start();
  pipe1[0].close();
  pipe2[0].close();
  try {
    for (;;) console.log(await pipe2[1].recv());
  } catch (error) {
    if (!(error instanceof EOFError)) throw error;
    console.log('End');
  }
}
