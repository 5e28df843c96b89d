"""CPython's other queues, integers only: `cpython_queues.py CASE`. One JSON line per figure."""
import multiprocessing as mp, sys, time
from cpython import consume, now, out


def work(queue, n, done):
    queue.get()
    queue.task_done()
    start = now()
    for _ in range(n):
        queue.get()
        queue.task_done()
    done.put(now() - start)


def produce(queue, n, barrier):
    barrier.wait()
    for _ in range(n):
        queue.put(7)


def drain(queue, n, done, barrier):
    barrier.wait()
    start = now()
    for _ in range(n):
        queue.get()
    done.put(now() - start)


def main(case):
    ctx = mp.get_context('fork')
    if case == 'simple':
        for metric, queue, consumer in (('simple_queue', ctx.SimpleQueue(), consume), ('joinable_queue', ctx.JoinableQueue(), work)):
            n, done = 100000, ctx.SimpleQueue()
            child = ctx.Process(target=consumer, args=(queue, n, done))
            child.start()
            queue.put(7)
            time.sleep(.2)
            for _ in range(n):
                queue.put(7)
            out(f'{metric}_int_per_s', n / done.get())
            child.join()
    elif case == '2x2':
        n, queue, done, barrier = 50000, ctx.Queue(), ctx.SimpleQueue(), ctx.Barrier(4)
        children = [ctx.Process(target=produce, args=(queue, n, barrier)) for _ in range(2)]
        children += [ctx.Process(target=drain, args=(queue, n, done, barrier)) for _ in range(2)]
        for child in children:
            child.start()
        out('queue_int_2x2_per_s', 2 * n / max(done.get(), done.get()))
        for child in children:
            child.join()


if __name__ == '__main__':
    main(sys.argv[1])
