using Ote.Shim.Contract;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Shim.Conformance;

/// <summary>What a shim refuses, and in which words.</summary>
internal static class RefusalChecks
{
    public static async Task<string> UnknownDestinationAsync(Scratch scratch, CancellationToken ct)
    {
        ExecuteRequest request = scratch.Get(scratch.NewName());
        request.Destination = "no-such-destination";
        return Scratch.Show(await scratch.FailAsync("an unknown destination", request, Error.UnknownDestination, ct));
    }

    public static async Task<string> UnsupportedMethodAsync(Scratch scratch, CancellationToken ct)
    {
        ExecuteRequest request = scratch.Get(scratch.NewName());
        request.Method = "BREW";
        return Scratch.Show(await scratch.FailAsync("method BREW", request, Error.UnsupportedMethod, ct));
    }

    public static async Task<string> BadUrlAsync(Scratch scratch, CancellationToken ct)
    {
        string good = scratch.Get(scratch.NewName()).Url;
        foreach (string url in new[] { "", good[1..], "http://example.invalid" + good, "/.." + good, "/" + good, good + "/%2e%2e/x", good + "%2f..%2fx" })
        {
            ExecuteResponse answer = await scratch.Shim.ExecuteAsync(scratch.Request("GET", url), ct);
            CheckFailed.Unless(answer.Error is Error.BadRequest or Error.NotAllowed, $"URL '{url}' must be refused as BadRequest or NotAllowed and gave {Scratch.Show(answer)}");
            if (answer.Error == Error.BadRequest)
                scratch.Errors["a bad URL"] = answer;
        }
        return "relative, absolute, doubled and climbing URLs are refused";
    }

    public static async Task<string> AllowListAsync(Scratch scratch, CancellationToken ct)
    {
        string url = CheckFailed.SkipUnless(scratch.Target.ForbiddenUrl, "URL that must be refused");
        return Scratch.Show(await scratch.FailAsync("a forbidden URL", scratch.Request("GET", url), Error.NotAllowed, ct));
    }

    public static Task<string> DistinctErrorsAsync(Scratch scratch, CancellationToken ct)
    {
        foreach ((string situation, ExecuteResponse answer) in scratch.Errors)
        {
            CheckFailed.Unless(answer.Text.Length > 0, $"{situation} gave {answer.Error} without a text that says what to do");
            CheckFailed.Unless(answer.Code is >= 400 and < 600, $"{situation} gave {answer.Error} with code {answer.Code}, which is no HTTP error");
        }
        CheckFailed.Unless(scratch.Errors.Values.DistinctBy(answer => answer.Error).Count() == scratch.Errors.Count, "two situations gave the same error");
        CheckFailed.Unless(scratch.Errors.Count >= 4, $"only {scratch.Errors.Count} kinds of error could be brought about");
        return Task.FromResult($"{string.Join(", ", scratch.Errors.Values.Select(answer => answer.Error))}, each with a text");
    }
}
