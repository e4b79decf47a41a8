using Microsoft.Extensions.Logging;
using Ote.Shim.Remote;

namespace Ote.Shim.Conformance;

/// <summary>Checks a shim against the contract, by using it. For a shim's own tests and for operators.</summary>
public static class ShimConformance
{
    private const string Version = "contract-version";

    private static readonly (string Name, Func<Scratch, CancellationToken, Task<string>> Run)[] s_checks =
    [
        ("describe", ConversationChecks.DescribeAsync),
        ("readiness", ConversationChecks.ReadinessAsync),
        ("unknown-destination", RefusalChecks.UnknownDestinationAsync),
        ("unsupported-method", RefusalChecks.UnsupportedMethodAsync),
        ("bad-url", RefusalChecks.BadUrlAsync),
        ("allow-list", RefusalChecks.AllowListAsync),
        ("round-trip", WorkChecks.RoundTripAsync),
        ("cluster-errors-as-they-are", WorkChecks.ClusterErrorAsync),
        ("response-cap", WorkChecks.ResponseCapAsync),
        ("timeout", WorkChecks.TimeoutAsync),
        ("cancellation", WorkChecks.CancellationAsync),
        ("parallel-requests", OrderChecks.ParallelAsync),
        ("slow-request-blocks-no-other", OrderChecks.SlowBlocksNoOtherAsync),
        ("order-per-object", OrderChecks.OrderAsync),
        ("replay-of-a-read", ReplayChecks.ReadAsync),
        ("replay-of-an-update", ReplayChecks.UpdateAsync),
        ("replay-of-a-create", ReplayChecks.CreateAsync),
        ("replay-of-a-delete", ReplayChecks.DeleteAsync),
        ("replay-never-runs-twice", ReplayChecks.ActionAsync),
        ("error-codes-distinct", RefusalChecks.DistinctErrorsAsync),
    ];

    /// <summary>Names of all checks, in order; the first, <c>contract-version</c>, belongs to runs by address only.</summary>
    public static IReadOnlyList<string> CheckNames { get; } = [Version, .. s_checks.Select(check => check.Name)];

    /// <summary>Checks a shim in this process.</summary>
    /// <param name="shim">The shim; not disposed.</param>
    /// <param name="target">What may be done at its cluster.</param>
    /// <param name="options">Which checks, and how patient.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Ends the run.</param>
    public static async Task<ConformanceReport> RunAsync(IClusterShim shim, ConformanceTarget target, ConformanceOptions options, TimeProvider time, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(shim);
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        if (options.Checks.FirstOrDefault(check => !CheckNames.Contains(check)) is { } unknown)
            throw new ArgumentException($"'{unknown}' is no check; there are {string.Join(", ", CheckNames)}", nameof(options));
        Scratch scratch = new(shim, target, options, time.GetUtcNow().ToUnixTimeMilliseconds().ToString("x", System.Globalization.CultureInfo.InvariantCulture), time);
        List<ConformanceResult> results = [];
        foreach ((string name, Func<Scratch, CancellationToken, Task<string>> check) in s_checks.Where(check => Wanted(options, check.Name)))
        {
            ConformanceResult result = await CheckAsync(name, limit => check(scratch, limit), options, time, ct);
            results.Add(result);
            options.Progress?.Report(result);
        }
        ConformanceResult cleaned = await CheckAsync("clean-up", async limit =>
        {
            await scratch.CleanAsync(limit);
            return "the run's objects are deleted";
        }, options, time, ct);
        if (!cleaned.Passed)
        {
            results.Add(cleaned);
            options.Progress?.Report(cleaned);
        }
        return new ConformanceReport(results);
    }

    /// <summary>Checks the shim that listens at an address, through the wire.</summary>
    public static async Task<ConformanceReport> RunAsync(
        RemoteShimOptions remote, ConformanceTarget target, ConformanceOptions options, TimeProvider time, Func<double> random, ILoggerFactory loggers, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(options);
        List<ConformanceResult> results = [];
        if (Wanted(options, Version))
        {
            results.Add(await CheckAsync(Version, limit => ConversationChecks.VersionAsync(remote, limit), options, time, ct));
            options.Progress?.Report(results[0]);
        }
        await using RemoteShim shim = new(remote, time, random, loggers.CreateLogger<RemoteShim>());
        ConformanceReport rest = await RunAsync(shim, target, options, time, ct);
        return new ConformanceReport([.. results, .. rest.Results]);
    }

    private static bool Wanted(ConformanceOptions options, string check) => options.Checks.Count == 0 || options.Checks.Contains(check);

    private static async Task<ConformanceResult> CheckAsync(string name, Func<CancellationToken, Task<string>> check, ConformanceOptions options, TimeProvider time, CancellationToken ct)
    {
        using CancellationTokenSource late = new(options.CheckLimit, time);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(ct, late.Token);
        try
        {
            // A shim that heeds no cancellation must not hold up the run.
            return new ConformanceResult(name, ConformanceOutcome.Passed, await check(both.Token).WaitAsync(both.Token));
        }
        catch (CheckFailed e)
        {
            return new ConformanceResult(name, e.Outcome, e.Message);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new ConformanceResult(name, ConformanceOutcome.Failed, late.IsCancellationRequested
                ? $"it did not end within {options.CheckLimit.TotalSeconds} s"
                : "the shim cancelled a request that nobody had cancelled");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Whatever a shim throws is a finding: the contract lets no exception out.
            return new ConformanceResult(name, ConformanceOutcome.Failed, $"{e.GetType().Name}: {e.Message}");
        }
    }
}
