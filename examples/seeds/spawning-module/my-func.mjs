export function myFunc(i) {
  console.log(`calling myFunc from process n°: ${i}`);
  for (let j = 0; j < i; j++) console.log(`output from myFunc is :${j}`);
}
