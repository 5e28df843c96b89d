#!/usr/bin/env node
/** `npx forkful doctor`: what works on this machine, and what does not, and why. */
import { backend } from './platform/select.js';
import { examine } from './process/doctor.js';

const [command, ...rest] = process.argv.slice(2);
if (command !== 'doctor' || rest.length > 0) {
  console.error('usage: forkful doctor');
  process.exit(2);
}

process.on('warning', () => {}); // what it would say is among the findings
const findings = await examine();
for (const { what, isFine, detail } of findings) console.log(`${isFine ? 'ok  ' : '-   '}${what}: ${detail}`);
const isWhole = findings.every(({ isFine }) => isFine);
console.log(
  isWhole ? 'Everything works.' : `What is marked with - is missing or slower; everything else works, with the ${backend} backend.`,
);
