/** Descriptors that are readable once something has ended. */
import { platform } from '../../platform/select.js';

/** One that is readable from the start: what it stands for has ended. */
export function openReadable(): number {
  const { sentinel, end } = openPair();
  end();
  return sentinel;
}

/** One that is readable after `end()`. @throws Error on the JavaScript backend, which has no descriptors */
export function openPair(): { sentinel: number; end: () => void } {
  const { datagrams } = platform;
  if (datagrams === null) throw new Error('The JavaScript backend has no descriptors');
  const [sentinel, other] = datagrams.pair();
  return { sentinel, end: () => datagrams.close(other) };
}
