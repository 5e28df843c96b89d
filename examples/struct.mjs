// Structures in shared memory: particles that several processes move, and a counter of theirs behind the array's lock.
import { Array as SharedArray, isMainProcess, Process, struct, Value } from 'forkful';

const Vector = struct({ x: 'd', y: 'd' });
const Particle = struct({ at: Vector, speed: Vector, name: 'c[8]', moves: 'i' });

export function move(particles, total, from, to, times) {
  for (let step = 0; step < times; step++) {
    for (let index = from; index < to; index++) {
      const { at, speed } = particles[index];
      at.x += speed.x;
      at.y += speed.y;
      particles[index].moves++;
    }
  }
  total.withLockSync(() => {
    total.value.x += (to - from) * times;
  });
}

if (isMainProcess) {
  console.log(`a particle takes ${Particle.size} bytes, its name is at byte ${Particle.offsets.name}`);
  const particles = new SharedArray(
    Particle,
    ['a', 'b', 'c', 'd'].map((name, index) => ({ name, speed: { x: 1, y: index } })),
  );
  const total = new Value(Vector);
  const halves = [
    [0, 2],
    [2, 4],
  ];
  const processes = await Promise.all(
    halves.map(([from, to]) => new Process({ target: move, args: [particles, total, from, to, 100] }).start()),
  );
  await Promise.all(processes.map((p) => p.join()));
  for (const { name, at, moves } of particles) console.log(name, at.x, at.y, moves);
  console.log(total.value.x);
}
