using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Roles.Hosting;
using Ote.Shim.Conformance;
using Ote.Shim.Remote;

namespace Ote.Roles.Shim;

/// <summary>One run of the conformance kit, as a person and as a program see it.</summary>
/// <param name="host">Clock, chance and logs.</param>
/// <param name="output">The result.</param>
/// <param name="progress">Each check as it ends, when the result is one object.</param>
internal sealed class ConformanceRun(RoleHost host, TextWriter output, TextWriter progress)
{
    /// <summary>Runs it. Exit codes: 0 the shim keeps the contract, 1 it does not.</summary>
    /// <exception cref="RoleException">Nothing could be checked: what listens there cannot be reached.</exception>
    public async Task<int> RunAsync(RemoteShimOptions remote, ConformanceTarget target, string[] checks, bool noSkips, bool json)
    {
        await EnsureReachableAsync(remote).ConfigureAwait(false);
        var width = ShimConformance.CheckNames.Max(name => name.Length);
        var lines = json ? progress : output;
        var options = new ConformanceOptions
        {
            Checks = checks,
            Progress = new Lines(result => lines.WriteLine($"{Word(result.Outcome),-7}  {result.Name.PadRight(width)}  {OneLine(result.Detail)}")),
        };
        var report = await ShimConformance.RunAsync(remote, target, options, host.Time, host.Random, host.Loggers, host.Stop).ConfigureAwait(false);
        var skipped = report.Results.Count(r => r.Outcome == ConformanceOutcome.Skipped);
        var passed = report.Passed && !(noSkips && skipped > 0);
        if (json)
        {
            await output.WriteLineAsync(new JsonObject
            {
                ["shim"] = remote.Address.ToString(),
                ["conforms"] = passed,
                ["checks"] = new JsonArray([.. report.Results.Select(r => (JsonNode)new JsonObject { ["name"] = r.Name, ["outcome"] = Word(r.Outcome), ["detail"] = r.Detail })]),
            }.ToJsonString()).ConfigureAwait(false);
        }
        else
        {
            var failed = report.Results.Count(r => r.Outcome == ConformanceOutcome.Failed);
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"{remote.Address} {(passed ? "keeps" : "does not keep")} the contract: {report.Results.Count - failed - skipped} passed, {failed} failed, {skipped} skipped")).ConfigureAwait(false);
        }

        return passed ? 0 : 1;
    }

    private async Task EnsureReachableAsync(RemoteShimOptions remote)
    {
        await using var shim = new RemoteShim(remote, host.Time, host.Random, host.Loggers.CreateLogger<RemoteShim>());
        try
        {
            _ = await shim.DescribeAsync(host.Stop).ConfigureAwait(false);
        }
        catch (ShimUnavailableException)
        {
            throw new RoleException($"--shim {remote.Address}: no shim answers there; start it, or correct the address");
        }
        catch (ShimContractException)
        {
            // What answers there is for the checks to judge.
        }
    }

    private static string Word(ConformanceOutcome outcome) => outcome.ToString().ToLowerInvariant();

    private static string OneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <summary>At once and in order, unlike the framework's own, which hands reports to the thread pool.</summary>
    private sealed class Lines(Action<ConformanceResult> write) : IProgress<ConformanceResult>
    {
        public void Report(ConformanceResult value) => write(value);
    }
}
