using Ote.Shim.Contract;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Shim.Conformance;

/// <summary>What a shim does with a request of which an earlier run may have happened.</summary>
internal static class ReplayChecks
{
    public static async Task<string> ReadAsync(Scratch scratch, CancellationToken ct)
    {
        string name = scratch.NewName(), value = scratch.NewValue();
        await scratch.SucceedAsync(scratch.Create(name, value), ct);
        CheckFailed.Unless(Scratch.Holds(await scratch.SucceedAsync(Again(scratch.Get(name)), ct), value), "a repeated read does not bring the object");
        return "run again";
    }

    public static async Task<string> UpdateAsync(Scratch scratch, CancellationToken ct)
    {
        string name = scratch.NewName(), value = scratch.NewValue();
        await scratch.SucceedAsync(scratch.Create(name, scratch.NewValue()), ct);
        ExecuteRequest put = scratch.Put(name, value);
        await scratch.SucceedAsync(put, ct);
        await scratch.SucceedAsync(Again(put), ct);
        CheckFailed.Unless(Scratch.Holds(await scratch.SucceedAsync(scratch.Get(name), ct), value), "after a repeated replacement the object is another");
        return "run again, to the same end";
    }

    public static async Task<string> CreateAsync(Scratch scratch, CancellationToken ct)
    {
        CheckFailed.SkipUnless(scratch.Target.CreateUrl, "URL that creates");
        string name = scratch.NewName(), value = scratch.NewValue();
        ExecuteRequest create = scratch.Create(name, value);
        await scratch.SucceedAsync(create, ct);
        ExecuteResponse again = await scratch.Shim.ExecuteAsync(Again(create), ct);
        CheckFailed.Unless(Scratch.IsSuccess(again) || again.Error == Error.OutcomeUnknown, $"a repeated create whose first run succeeded must succeed or be OutcomeUnknown and gave {Scratch.Show(again)}");
        CheckFailed.Unless(Scratch.Holds(await scratch.SucceedAsync(scratch.Get(name), ct), value), "after a repeated create the object is another");
        return Scratch.Show(again);
    }

    public static async Task<string> DeleteAsync(Scratch scratch, CancellationToken ct)
    {
        string name = scratch.NewName();
        await scratch.SucceedAsync(scratch.Create(name, scratch.NewValue()), ct);
        ExecuteRequest delete = scratch.Delete(name);
        await scratch.SucceedAsync(delete, ct);
        ExecuteResponse again = await scratch.Shim.ExecuteAsync(Again(delete), ct);
        CheckFailed.Unless(Scratch.IsSuccess(again) || again.Error == Error.OutcomeUnknown, $"a repeated delete whose first run succeeded must succeed or be OutcomeUnknown and gave {Scratch.Show(again)}");
        return Scratch.Show(again);
    }

    public static async Task<string> ActionAsync(Scratch scratch, CancellationToken ct)
    {
        CheckFailed.SkipUnless(scratch.Target.ActionUrl, "URL of an action that must not run twice");
        string name = scratch.NewName();
        await scratch.SucceedAsync(scratch.Create(name, scratch.NewValue()), ct);
        ExecuteResponse before = await scratch.SucceedAsync(scratch.Get(name), ct);
        await scratch.FailAsync("a repeated action", Again(scratch.Action(name)), Error.OutcomeUnknown, ct);
        ExecuteResponse after = await scratch.SucceedAsync(scratch.Get(name), ct);
        CheckFailed.Unless(before.Body == after.Body, "the repeated action was refused and still changed the object");
        return "refused, and nothing changed";
    }

    private static ExecuteRequest Again(ExecuteRequest request) => new(request) { Replay = true };
}
