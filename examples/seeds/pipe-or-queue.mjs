// What queues and pipes say when there is nothing, no room, or nobody. (004-6, without a program)
import { isMainProcess, Pipe, Queue } from 'forkful';

if (isMainProcess) {
  // a queue of one place: put and get wait, wait for a while, or not at all
  const queue = new Queue(1);
  await queue.put('item');
  console.log('put with a timeout:', await queue.put('another', { timeout: 10 }).catch(nameOf));
  console.log(
    'put without waiting:',
    nameOfThrown(() => queue.putNowait('another')),
  );
  console.log('get:', await queue.get());
  console.log('get with a timeout:', await queue.get({ timeout: 10 }).catch(nameOf));
  console.log(
    'get without waiting:',
    nameOfThrown(() => queue.getNowait()),
  );

  // a pipe goes both ways, or one way only
  const [conn1, conn2] = Pipe();
  await conn1.send('there');
  await conn2.send('and back');
  console.log('both ways:', await conn2.recv(), await conn1.recv());
  const [receiver, sender] = Pipe({ duplex: false });
  console.log(
    'send by the end that receives:',
    nameOfThrown(() => receiver.sendSync(1)),
  );

  // recv waits; a pipe whose other end is closed has an end
  console.log('recv with a timeout:', await receiver.recv({ timeout: 10 }).catch(nameOf));
  await sender.send('last');
  sender.close();
  console.log('recv:', await receiver.recv());
  console.log('recv at the end:', await receiver.recv().catch(nameOf));
}

function nameOf(error) {
  return error.name;
}

function nameOfThrown(call) {
  try {
    return call();
  } catch (error) {
    return nameOf(error);
  }
}
