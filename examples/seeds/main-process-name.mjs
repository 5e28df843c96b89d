// The main program is a process too, and has a name. (003-4)
import { currentProcess } from 'forkful';

console.log(currentProcess().name);
