// A number and an array that two processes and their parent share. An array is a TypedArray. (001-29)
import { Array as SharedArray, isMainProcess, Process, Value } from 'forkful';

export function procTest1(value, array) {
  console.log('child 1', value.value);
  array[0] = 10;
  console.log('child 1', String(array));
}

export function procTest2(value, array) {
  console.log('child 2', value.value);
  array[1] = 10;
  console.log('child 2', String(array));
}

if (isMainProcess) {
  try {
    const value = new Value('d', 3.14); // d: a double in C
    const array = new SharedArray('i', Array(10).keys()); // i: an int in C
    console.log(value.constructor.name, array.constructor.name, array instanceof Int32Array);
    const p1 = new Process({ target: procTest1, args: [value, array] });
    const p2 = new Process({ target: procTest2, args: [value, array] });
    await p1.start();
    await p2.start();
    await p1.join();
    await p2.join();
    console.log('parent', value.value);
    console.log('parent', String(array));
    console.log('No Except');
  } catch (error) {
    console.log(error);
  }
}
