using System.Collections.Concurrent;
using Microsoft.ML.PTuning.Compute;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Compute;

[TestClass]
public sealed class WorkerThreadsTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(2);

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(100)]
    public void Run_does_every_job_once(int jobs)
    {
        var runs = new int[jobs];

        WorkerThreads.Shared.Run(jobs, job => Interlocked.Increment(ref runs[job]));

        CollectionAssert.AreEqual(Enumerable.Repeat(1, jobs).ToArray(), runs);
    }

    [TestMethod]
    public void Run_returns_when_all_jobs_have_ended()
    {
        var ended = 0;

        WorkerThreads.Shared.Run(2 * WorkerThreads.Shared.Count, _ =>
        {
            Thread.Sleep(5);
            Interlocked.Increment(ref ended);
        });

        Assert.AreEqual(2 * WorkerThreads.Shared.Count, ended);
    }

    [TestMethod]
    public void Post_does_not_wait_for_its_job()
    {
        using ManualResetEventSlim go = new(), ended = new();

        WorkerThreads.Shared.Post(() =>
        {
            go.Wait();
            ended.Set();
        });
        go.Set(); // A Post that waited would never come here.

        Assert.IsTrue(ended.Wait(Long));
    }

    [TestMethod]
    public void Urgent_jobs_go_before_those_that_wait() => Assert.AreEqual("1 1 0 0 0 0 0", Order((Jobs: 5, IsUrgent: false), (Jobs: 2, IsUrgent: true)));

    [TestMethod]
    public void Callers_take_turns() => Assert.AreEqual("0 1 0 1 0 0 0", Order((Jobs: 5, IsUrgent: false), (Jobs: 2, IsUrgent: false)));

    [TestMethod]
    public void Urgent_job_runs_between_the_pieces_of_another()
    {
        var workers = new WorkerThreads(count: 1);
        var order = new ConcurrentQueue<string>();

        workers.Run(1, _ =>
        {
            order.Enqueue("first piece");
            workers.Post(() => order.Enqueue("urgent"));
            WorkerThreads.RunUrgent();
            order.Enqueue("second piece");
        });

        Assert.AreEqual("first piece, urgent, second piece", string.Join(", ", order));
    }

    [TestMethod]
    public void Urgent_job_is_not_interrupted_by_another()
    {
        var workers = new WorkerThreads(count: 1);
        var order = new ConcurrentQueue<string>();
        using var ended = new CountdownEvent(2);

        workers.Post(() =>
        {
            workers.Post(() =>
            {
                order.Enqueue("other");
                ended.Signal();
            });
            WorkerThreads.RunUrgent();
            order.Enqueue("first");
            ended.Signal();
        });

        Assert.IsTrue(ended.Wait(Long));
        Assert.AreEqual("first, other", string.Join(", ", order));
    }

    [TestMethod]
    public void Job_that_was_interrupted_may_be_interrupted_again()
    {
        var workers = new WorkerThreads(count: 1);
        var urgent = 0;

        workers.Run(1, _ =>
        {
            for (var i = 0; i < 3; i++)
            {
                workers.Post(() => urgent++);
                WorkerThreads.RunUrgent();
                Assert.AreEqual(i + 1, urgent);
            }
        });
    }

    [TestMethod]
    public void Thread_that_is_no_worker_runs_no_urgent_job()
    {
        var workers = new WorkerThreads(count: 1);
        using ManualResetEventSlim isBusy = new(), go = new(), ended = new();
        workers.Post(() =>
        {
            isBusy.Set();
            go.Wait();
        });
        isBusy.Wait();
        workers.Post(ended.Set);

        WorkerThreads.RunUrgent();

        Assert.IsFalse(ended.IsSet);
        go.Set();
        Assert.IsTrue(ended.Wait(Long));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void Callers_of_one_limit_run_so_many_jobs_at_a_time(int limit)
    {
        var workers = new WorkerThreads(count: 4);
        var shared = new JobLimit(limit);
        var running = new RunningCount { Expected = limit };

        Parallel.Invoke(
            () => workers.Run(20, _ => running.Run(), limit: shared),
            () => workers.Run(20, _ => running.Run(), isUrgent: true, shared));

        Assert.AreEqual(limit, running.Most);
        Assert.IsTrue(SpinWait.SpinUntil(() => shared.Running == 0, Long)); // A job counts for a moment after its caller has heard of it.
    }

    [TestMethod]
    public void Jobs_without_a_limit_pass_those_that_wait_for_theirs()
    {
        var workers = new WorkerThreads(count: 2);
        var limit = new JobLimit(1);
        using ManualResetEventSlim isBusy = new(), go = new();
        using var ended = new CountdownEvent(2);
        workers.Post(() =>
        {
            isBusy.Set();
            go.Wait();
            ended.Signal();
        }, limit);
        isBusy.Wait();
        workers.Post(() => ended.Signal(), limit);

        workers.Run(3, _ => { });

        Assert.AreEqual(2, ended.CurrentCount);
        go.Set();
        Assert.IsTrue(ended.Wait(Long));
    }

    [TestMethod]
    public void Urgent_job_interrupts_a_job_of_its_own_limit()
    {
        var workers = new WorkerThreads(count: 2);
        var limit = new JobLimit(1);
        var urgent = 0;

        workers.Run(1, _ =>
        {
            workers.Post(() => urgent++, limit);
            WorkerThreads.RunUrgent();
            Assert.AreEqual(1, urgent);
        }, limit: limit);

        Assert.IsTrue(SpinWait.SpinUntil(() => limit.Running == 0, Long));
    }

    [TestMethod]
    public void Run_throws_what_a_job_threw_and_where()
    {
        var thrown = new InvalidDataException("job 3");

        var caught = Assert.ThrowsExactly<InvalidDataException>(() => WorkerThreads.Shared.Run(5, job => Fail(job == 3 ? thrown : null)));

        Assert.AreSame(thrown, caught);
        StringAssert.Contains(caught.StackTrace, nameof(Fail));
    }

    [TestMethod]
    public void Run_throws_the_first_failure_of_several()
    {
        var caught = Assert.ThrowsExactly<InvalidDataException>(() => WorkerThreads.Shared.Run(2, job =>
        {
            Thread.Sleep(300 * job);
            Fail(new InvalidDataException($"job {job}"));
        }));

        Assert.AreEqual("job 0", caught.Message);
    }

    [TestMethod]
    public void Run_works_again_after_a_failure()
    {
        Assert.ThrowsExactly<InvalidDataException>(() => WorkerThreads.Shared.Run(50, _ => throw new InvalidDataException()));
        var ended = 0;

        WorkerThreads.Shared.Run(50, _ => Interlocked.Increment(ref ended));

        Assert.AreEqual(50, ended);
    }

    [TestMethod]
    public void Several_threads_may_run_jobs_at_once()
    {
        var sums = new long[8];

        Parallel.For(0, sums.Length, caller =>
        {
            var results = new long[100];
            WorkerThreads.Shared.Run(results.Length, job => results[job] = caller * job);
            sums[caller] = results.Sum();
        });

        CollectionAssert.AreEqual(Enumerable.Range(0, sums.Length).Select(caller => caller * 4950L).ToArray(), sums);
    }

    [TestMethod]
    public void Failures_reach_their_own_caller_only()
    {
        var failures = new bool[8];

        Parallel.For(0, failures.Length, caller =>
        {
            try
            {
                WorkerThreads.Shared.Run(20, _ => Fail(caller % 2 == 0 ? new InvalidDataException() : null));
            }
            catch (InvalidDataException)
            {
                failures[caller] = true;
            }
        });

        CollectionAssert.AreEqual(Enumerable.Range(0, failures.Length).Select(caller => caller % 2 == 0).ToArray(), failures);
    }

    [TestMethod]
    public void Workers_compute_with_one_thread_each()
    {
        var threads = new int[20];

        WorkerThreads.Shared.Run(threads.Length, job => threads[job] = get_num_threads());

        CollectionAssert.AreEqual(Enumerable.Repeat(1, threads.Length).ToArray(), threads);
    }

    [TestMethod]
    public void New_threads_of_the_application_compute_with_as_many_as_before()
    {
        var before = ThreadsOfANewThread();
        OnANewThread(() => set_num_threads(3));
        try
        {
            new WorkerThreads(count: 2).Run(4, _ => { });

            Assert.AreEqual(3, ThreadsOfANewThread());
        }
        finally
        {
            OnANewThread(() => set_num_threads(before));
        }
    }

    [TestMethod]
    public void Workers_know_nothing_of_the_context_of_whoever_started_them()
    {
        var local = new AsyncLocal<string> { Value = "of the first caller" };
        var seen = "";

        new WorkerThreads(count: 1).Run(1, _ => seen = local.Value);

        Assert.IsNull(seen);
    }

    [TestMethod]
    public void Single_thread_keeps_the_context_of_whoever_waits_for_it()
    {
        var local = new AsyncLocal<string> { Value = "of the caller" };

        Assert.AreEqual("of the caller", SingleCoreThread.Run("test", () => local.Value));
    }

    /// <summary>Whose jobs one worker does in which order, where the callers came in theirs while it was busy.</summary>
    private static string Order(params (int Jobs, bool IsUrgent)[] callers)
    {
        var workers = new WorkerThreads(count: 1);
        using ManualResetEventSlim isBusy = new(), go = new();
        workers.Post(() =>
        {
            isBusy.Set();
            go.Wait();
        });
        isBusy.Wait();

        var order = new ConcurrentQueue<int>();
        var threads = new List<Thread>();
        for (var i = 0; i < callers.Length; i++)
        {
            var (caller, jobs, isUrgent) = (i, callers[i].Jobs, callers[i].IsUrgent);
            var thread = new Thread(() => workers.Run(jobs, _ => order.Enqueue(caller), isUrgent));
            thread.Start();
            SpinWait.SpinUntil(() => thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin)); // Its first jobs are in the queue.
            threads.Add(thread);
        }
        go.Set();
        threads.ForEach(thread => thread.Join());
        return string.Join(' ', order);
    }

    private static int ThreadsOfANewThread()
    {
        var threads = 0;
        OnANewThread(() => threads = get_num_threads());
        return threads;
    }

    private static void OnANewThread(ThreadStart start)
    {
        var thread = new Thread(start);
        thread.Start();
        thread.Join();
    }

    private static void Fail(Exception? exception)
    {
        if (exception is not null)
            throw exception;
    }
}
