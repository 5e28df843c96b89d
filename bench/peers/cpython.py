"""CPython's multiprocessing on the shared workloads: `cpython.py CASE`. One JSON line per figure."""
import json, multiprocessing as mp, os, sys, time

now = time.perf_counter


def out(metric, value):
    print(json.dumps(dict(metric=metric, value=value)), flush=True)


def lock_worker(lock, value, n):
    for _ in range(n):
        with lock:
            value.value += 1


def consume(queue, n, done):
    queue.get()
    start = now()
    for _ in range(n):
        queue.get()
    done.put(now() - start)


WORK = 25e-6


def work_for_a_while():
    end = now() + WORK
    while now() < end:
        pass


def semaphore_turns(shared, side, n, work):
    mine, others = (shared[0], shared[1]) if side == 0 else (shared[1], shared[0])
    for _ in range(n):
        mine.acquire()
        work()
        others.release()


def condition_turns(shared, side, n, work):
    condition, turn = shared
    for _ in range(n):
        with condition:
            while turn.value != side:
                condition.wait()
        work()
        with condition:
            turn.value = 1 - side
            condition.notify()


def barrier_turns(shared, side, n, work):
    for _ in range(n):
        shared[0].wait()


def hand_over(ctx, metric, turns, shared, n, works=False):
    work = work_for_a_while if works else nothing
    rounds, warm = 3, 500

    def other():
        turns(shared, 1, warm + rounds * n, work)

    child = ctx.Process(target=other)
    child.start()
    turns(shared, 0, warm, work)
    times = []
    for _ in range(rounds):
        start = now()
        turns(shared, 0, n, work)
        times.append(now() - start)
    child.join()
    each = 1 if turns is barrier_turns else 2
    out(metric, (min(times) / (each * n) - (WORK if works else 0)) * 1e9)


def pair_ns(lock, n=1000000):
    start = now()
    for _ in range(n):
        lock.acquire()
        lock.release()
    return (now() - start) / n * 1e9


def nothing():
    pass


def start_times(method):
    ctx = mp.get_context(method)
    times = []
    for i in range(65):
        start = now()
        child = ctx.Process(target=nothing)
        child.start()
        child.join()
        if i >= 5:
            times.append(now() - start)
    out(f'start_{method}_ns', sorted(times)[len(times) // 2] * 1e9)


def main(case):
    ctx = mp.get_context('fork')
    if case == 'lock':
        out('lock_pair_ns', pair_ns(ctx.Lock()))
        value, n = ctx.Value('i', 0), 200000
        start = now()
        for _ in range(n):
            with value.get_lock():
                value.value += 1
        out('locked_increment_ns', (now() - start) / n * 1e9)
    elif case == 'sync':
        for name, lock in dict(rlock=ctx.RLock(), semaphore=ctx.Semaphore(1), bounded_semaphore=ctx.BoundedSemaphore(1)).items():
            out(f'{name}_pair_ns', pair_ns(lock))
    elif case == 'handover':
        def semaphores(): return ctx.Semaphore(1), ctx.Semaphore(0)
        def condition(): return ctx.Condition(), ctx.Value('i', 0, lock=False)
        hand_over(ctx, 'semaphore_handover_ns', semaphore_turns, semaphores(), 10000)
        hand_over(ctx, 'semaphore_handover_asleep_ns', semaphore_turns, semaphores(), 5000, True)
        hand_over(ctx, 'condition_handover_ns', condition_turns, condition(), 5000)
        hand_over(ctx, 'condition_handover_asleep_ns', condition_turns, condition(), 5000, True)
        hand_over(ctx, 'barrier_crossing_ns', barrier_turns, (ctx.Barrier(2),), 3000)
    elif case == 'start':
        for method in ('fork', 'forkserver'):
            start_times(method)
    elif case == 'contended':
        lock, value, n = ctx.Lock(), ctx.Value('i', 0, lock=False), 100000
        workers = [ctx.Process(target=lock_worker, args=(lock, value, n)) for _ in range(2)]
        start = now()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert value.value == 2 * n
        out('contended_increments_per_s', 2 * n / (now() - start))
    elif case == 'queue':
        payloads = dict(int=(7, 100000), object=(dict(id=1, name='task-1', ok=True), 100000), b64k=(os.urandom(65536), 5000), b1m=(os.urandom(1 << 20), 400))
        for name, (value, n) in payloads.items():
            queue, done = ctx.Queue(), ctx.SimpleQueue()
            consumer = ctx.Process(target=consume, args=(queue, n, done))
            consumer.start()
            queue.put(value)
            time.sleep(.2)
            for _ in range(n):
                queue.put(value)
            out(f'queue_{name}_per_s', n / done.get())
            consumer.join()


if __name__ == '__main__':
    main(sys.argv[1])
