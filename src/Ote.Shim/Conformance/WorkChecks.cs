using Ote.Shim.Contract;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Shim.Conformance;

/// <summary>What one request does.</summary>
internal static class WorkChecks
{
    private const int Small = 512;
    private const int Big = 16 * 1024;

    public static async Task<string> RoundTripAsync(Scratch scratch, CancellationToken ct)
    {
        string name = scratch.NewName(), first = scratch.NewValue(), second = scratch.NewValue();
        await scratch.SucceedAsync(scratch.Create(name, first), ct);
        CheckFailed.Unless(Scratch.Holds(await scratch.SucceedAsync(scratch.Get(name), ct), first), "what was created is not what is read");
        await scratch.SucceedAsync(scratch.Put(name, second), ct);
        CheckFailed.Unless(Scratch.Holds(await scratch.SucceedAsync(scratch.Get(name), ct), second), "what was put is not what is read");
        await scratch.SucceedAsync(scratch.Delete(name), ct);
        ExecuteResponse gone = await scratch.Shim.ExecuteAsync(scratch.Get(name), ct);
        CheckFailed.Unless(gone.Error == Error.None && gone.Code == 404, $"a deleted object must give 404 of the cluster and gave {Scratch.Show(gone)}");
        return "created, read, replaced, deleted";
    }

    public static async Task<string> ClusterErrorAsync(Scratch scratch, CancellationToken ct)
    {
        ExecuteResponse answer = await scratch.Shim.ExecuteAsync(scratch.Get(scratch.NewName()), ct);
        CheckFailed.Unless(answer.Error == Error.None && answer.Code is >= 400 and < 500, $"reading what does not exist must give the cluster's own error and gave {Scratch.Show(answer)}");
        return Scratch.Show(answer);
    }

    public static async Task<string> ResponseCapAsync(Scratch scratch, CancellationToken ct)
    {
        string name = scratch.NewName(), value = scratch.NewValue() + new string('x', Big);
        await scratch.SucceedAsync(scratch.Create(name, value), ct);
        ExecuteRequest capped = scratch.Get(name);
        capped.MaxResponseBytes = Small;
        ExecuteResponse answer = await scratch.FailAsync($"an answer of more than {Small} bytes", capped, Error.TooLarge, ct);
        CheckFailed.Unless(answer.Body.Length <= Small, $"it was refused as too large and still brought {answer.Body.Length} bytes");
        ExecuteRequest roomy = scratch.Get(name);
        roomy.MaxResponseBytes = 4 * Big;
        CheckFailed.Unless(Scratch.Holds(await scratch.SucceedAsync(roomy, ct), value), "with room enough the answer must be whole");
        return $"{Big} bytes pass where they may and are refused where not";
    }

    public static async Task<string> TimeoutAsync(Scratch scratch, CancellationToken ct)
    {
        ExecuteRequest request = scratch.Request("GET", CheckFailed.SkipUnless(scratch.Target.SlowUrl, "slow URL"));
        request.TimeoutMilliseconds = 200;
        long start = scratch.Time.GetTimestamp();
        await scratch.FailAsync("a request that takes too long", request, Error.TimedOut, ct);
        TimeSpan took = scratch.Time.GetElapsedTime(start);
        CheckFailed.Unless(took < scratch.Patience, $"a timeout of 200 ms ended after {took.TotalMilliseconds:0} ms");
        return $"a timeout of 200 ms ended after {took.TotalMilliseconds:0} ms";
    }

    public static async Task<string> CancellationAsync(Scratch scratch, CancellationToken ct)
    {
        ExecuteRequest request = scratch.Request("GET", CheckFailed.SkipUnless(scratch.Target.SlowUrl, "slow URL"));
        using CancellationTokenSource cancel = CancellationTokenSource.CreateLinkedTokenSource(ct);
        Task<ExecuteResponse> running = scratch.Shim.ExecuteAsync(request, cancel.Token);
        await Task.Delay(Scratch.UnderWay, scratch.Time, ct);
        long start = scratch.Time.GetTimestamp();
        await cancel.CancelAsync();
        try
        {
            ExecuteResponse answer = await running.WaitAsync(scratch.Patience, scratch.Time, ct);
            CheckFailed.Unless(answer.Error == Error.Cancelled, $"a cancelled request must end as Cancelled and gave {Scratch.Show(answer)}");
        }
        catch (TimeoutException)
        {
            throw new CheckFailed($"a cancelled request still ran after {scratch.Patience.TotalSeconds} s");
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            // As it should be.
        }
        return $"ended {scratch.Time.GetElapsedTime(start).TotalMilliseconds:0} ms after it was cancelled";
    }
}
