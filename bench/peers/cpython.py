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
        lock, n = ctx.Lock(), 1000000
        start = now()
        for _ in range(n):
            lock.acquire()
            lock.release()
        out('lock_pair_ns', (now() - start) / n * 1e9)
        value, n = ctx.Value('i', 0), 200000
        start = now()
        for _ in range(n):
            with value.get_lock():
                value.value += 1
        out('locked_increment_ns', (now() - start) / n * 1e9)
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
