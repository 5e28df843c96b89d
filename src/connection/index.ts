/** What `import { connection } from 'forkful'` gives. As Python's `multiprocessing.connection`. */
export { type Address, addressType, arbitraryAddress, defaultFamily, type Family, families } from './address.js';
export { type AuthKey, answerChallenge, answerChallengeSync, type DigestName, deliverChallenge, deliverChallengeSync } from './auth.js';
export { Client, type ClientOptions, ClientSync } from './client.js';
export { Connection } from './connection.js';
export { recvHandle, recvHandleSync, sendHandle, sendHandleSync } from './handles.js';
export { Listener, type ListenerOptions } from './listener.js';
export { Pipe, type PipeOptions } from './pipe.js';
export { type WaitableObject, wait, waitSync } from './wait.js';
