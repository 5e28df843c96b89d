"""CPython's Pipe on the workloads of cases/pipe.mjs: `cpython_pipe.py [case]`. One JSON line per figure."""
import json, multiprocessing as mp, sys, time

now = time.perf_counter
WORK = 25e-6
WARM = 1000
payloads = {
    'int': (7, 100_000),
    'object': ({'id': 1, 'name': 'task-1', 'ok': True}, 100_000),
    'b1m': (b'\7' * (1 << 20), 500),
}


def out(metric, value):
    print(json.dumps(dict(metric=metric, value=value)), flush=True)


def work():
    end = now() + WORK
    while now() < end:
        pass


def send(end, name):
    value, n = payloads[name]
    put = end.send_bytes if name == 'b1m' else end.send
    for _ in range(n + 1):
        put(value)
    end.recv()


def answer(end, n, works):
    for _ in range(n):
        value = end.recv()
        if works:
            work()
        end.send(value)


def ask(end, n, works):
    for i in range(n):
        if works:
            work()
        end.send(i)
        end.recv()


def with_child(target, args, body):
    here, there = mp.Pipe()
    child = mp.Process(target=target, args=(there, *args))
    child.start()
    there.close()
    body(here)
    child.join()


def one_way(name):
    n = payloads[name][1]

    def body(end):
        get = end.recv_bytes if name == 'b1m' else end.recv
        get()
        start = now()
        for _ in range(n):
            get()
        out(f'pipe_{name}_per_s', n / (now() - start))
        end.send(0)

    with_child(send, (name,), body)


def there_and_back(metric, n, works):
    def body(end):
        ask(end, WARM, False)
        least = float('inf')
        for _ in range(3):
            start = now()
            ask(end, n, works)
            least = min(least, (now() - start) / n - (2 * WORK if works else 0))
        out(metric, least * 1e9)

    with_child(answer, (WARM + 3 * n, works), body)


if __name__ == '__main__':
    mp.set_start_method('fork')
    only = sys.argv[1] if len(sys.argv) > 1 else None
    for name in payloads:
        if only in (None, name):
            one_way(name)
    if only in (None, 'trip'):
        there_and_back('pipe_round_trip_ns', 10_000, False)
        there_and_back('pipe_round_trip_asleep_ns', 4000, True)
    if only in (None, 'make'):
        start = now()
        for _ in range(5000):
            for end in mp.Pipe():
                end.close()
        out('pipe_make_ns', (now() - start) / 5000 * 1e9)
