using Ote.Shim.Contract;

namespace Ote.Shim.Conformance;

/// <summary>What many requests do to each other.</summary>
internal static class OrderChecks
{
    private const int Objects = 12;
    private const int Writes = 20;

    public static async Task<string> ParallelAsync(Scratch scratch, CancellationToken ct)
    {
        (string Name, string Value)[] objects = [.. Enumerable.Range(0, Objects).Select(_ => (scratch.NewName(), scratch.NewValue()))];
        await Task.WhenAll(objects.Select(o => scratch.SucceedAsync(scratch.Create(o.Name, o.Value), ct)));
        ExecuteResponse[] read = await Task.WhenAll(objects.Select(o => scratch.SucceedAsync(scratch.Get(o.Name), ct)));
        foreach (((string name, string value), ExecuteResponse answer) in objects.Zip(read))
            CheckFailed.Unless(Scratch.Holds(answer, value), $"{name} was read at once with others, and the answer is not its own");
        return $"{Objects} objects made and read at once, each with its own answer";
    }

    public static async Task<string> SlowBlocksNoOtherAsync(Scratch scratch, CancellationToken ct)
    {
        string slow = CheckFailed.SkipUnless(scratch.Target.SlowUrl, "slow URL");
        if ((await scratch.Shim.DescribeAsync(ct)).MaxParallel < 2)
            throw new CheckFailed("the shim says that it runs one request at a time", ConformanceOutcome.Skipped);
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
        Task<ExecuteResponse> running = scratch.Shim.ExecuteAsync(scratch.Request("GET", slow), enough.Token);
        await Task.Delay(Scratch.UnderWay, scratch.Time, ct);
        try
        {
            await scratch.Shim.ExecuteAsync(scratch.Get(scratch.NewName()), ct).WaitAsync(scratch.Patience, scratch.Time, ct);
            CheckFailed.Unless(!running.IsCompleted, "the slow URL was answered too soon for this check");
            return "another object was answered while a slow request ran";
        }
        catch (TimeoutException)
        {
            throw new CheckFailed("another object waited for the slow request: requests run one after the other, or response headers are not sent when a request has taken its place");
        }
        finally
        {
            await enough.CancelAsync();
            await running.WaitAsync(scratch.Patience, scratch.Time, CancellationToken.None).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    public static async Task<string> OrderAsync(Scratch scratch, CancellationToken ct)
    {
        string name = scratch.NewName();
        await scratch.SucceedAsync(scratch.Create(name, scratch.NewValue()), ct);
        string last = "";
        List<Task> writes = [];
        for (int i = 0; i < Writes; i++)
        {
            last = scratch.NewValue();
            writes.Add(scratch.SucceedAsync(scratch.Put(name, last + "."), ct));
        }
        ExecuteResponse read = await scratch.SucceedAsync(scratch.Get(name), ct);
        await Task.WhenAll(writes);
        CheckFailed.Unless(Scratch.Holds(read, last + "."), $"after {Writes} writes sent one behind the other, the read behind them does not bring the last");
        return $"{Writes} writes and a read on one object ran in the order of sending";
    }
}
