// Has its parent's level, and prints where its parent does.
export function test() {
  console.log('test');
}
