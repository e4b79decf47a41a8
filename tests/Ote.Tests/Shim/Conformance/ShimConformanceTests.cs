using Microsoft.Extensions.Logging.Abstractions;
using Ote.Shim;
using Ote.Shim.Conformance;
using Ote.Shim.Contract;
using Ote.Shim.Remote;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;
using ThingShim = global::Shim.Sample.ThingShim;

namespace Ote.Tests.Shim.Conformance;

public sealed class ShimConformanceTests
{
    private static readonly ConformanceTarget s_things = new()
    {
        ObjectUrl = "/things/{name}", Body = "{value}", ContentType = "text/plain", SlowUrl = "/things/none?wait=30", ForbiddenUrl = null,
        ActionUrl = "/things/{name}/append", ActionBody = "more",
    };

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sample_shim_passes_every_check_in_process()
    {
        await using ThingShim shim = new(TimeProvider.System);

        ConformanceReport report = await ShimConformance.RunAsync(shim, s_things, new(), TimeProvider.System, Stop);

        Assert.True(report.Passed, report.ToString());
        // The toy has no allow-list, and creates by PUT.
        Assert.Equal(["allow-list", "replay-of-a-create"], report.Results.Where(result => result.Outcome == ConformanceOutcome.Skipped).Select(result => result.Name));
    }

    [Fact]
    public async Task Sample_shim_passes_every_check_through_its_socket()
    {
        await using ThingShim shim = new(TimeProvider.System);
        await using ShimLink link = await ShimLink.StartAsync(shim);

        ConformanceReport report = await ShimConformance.RunAsync(new RemoteShimOptions { Address = link.Address }, s_things, new(), TimeProvider.System, () => 0.5, NullLoggerFactory.Instance, Stop);

        Assert.True(report.Passed, report.ToString());
        Assert.Equal(ShimConformance.CheckNames, report.Results.Select(result => result.Name));
    }

    public static TheoryData<string, string> Breakages => new()
    {
        { "describe", "says a destination it does not know" },
        { "describe", "has no name" },
        { "readiness", "is never ready" },
        { "unknown-destination", "runs any destination" },
        { "unsupported-method", "calls an unknown method a bad request" },
        { "bad-url", "strips what is bad about a URL" },
        { "round-trip", "forgets what it deleted was there" },
        { "cluster-errors-as-they-are", "makes its own error of a 404" },
        { "response-cap", "ignores the cap" },
        { "response-cap", "cuts the answer off" },
        { "timeout", "ignores the timeout" },
        { "cancellation", "ignores cancellation" },
        { "parallel-requests", "mixes answers up" },
        { "slow-request-blocks-no-other", "runs one after the other" },
        { "order-per-object", "lets later writes overtake" },
        { "replay-of-an-update", "fails a repeated update" },
        { "replay-of-a-delete", "reports a repeated delete as not found" },
        { "replay-never-runs-twice", "repeats actions" },
        { "error-codes-distinct", "gives no text" },
        { "round-trip", "throws" },
    };

    [Theory]
    [MemberData(nameof(Breakages))]
    public async Task Shim_with_a_fault_fails_the_check_that_is_about_it(string check, string fault)
    {
        await using BrokenShim shim = Break(fault);

        ConformanceOptions options = new()
        {
            Checks = check == "error-codes-distinct" ? [check, "unknown-destination", "unsupported-method", "bad-url", "response-cap"] : [check],
            Patience = TimeSpan.FromMilliseconds(300),
        };

        ConformanceReport report = await ShimConformance.RunAsync(shim, s_things, options, TimeProvider.System, Stop);

        ConformanceResult result = report.Results.Single(result => result.Name == check);
        Assert.True(result.Outcome == ConformanceOutcome.Failed, $"{fault}:\n{report}");
        Assert.False(report.Passed);
        Assert.NotEmpty(result.Detail);
    }

    private static BrokenShim Break(string fault)
    {
        ThingShim good = new(TimeProvider.System);
        SemaphoreSlim one = new(1, 1);
        ExecuteResponse? former = null;
        return fault switch
        {
            "says a destination it does not know" => new(good) { Describe = said => said.Destinations.Add("helm") },
            "has no name" => new(good) { Describe = said => said.Kind = "" },
            "is never ready" => new(good) { Ready = new[] { new Readiness { Text = "down" } }.ToAsyncEnumerable() },
            "runs any destination" => new(good) { Execute = (request, ct, next) => next(new(request) { Destination = "api" }, ct) },
            "calls an unknown method a bad request" => After(answer => answer.Error == Error.UnsupportedMethod ? ShimAnswer.Failure(Error.BadRequest, "no") : answer),
            "strips what is bad about a URL" => new(good) { Execute = (request, ct, next) => next(new(request) { Url = request.Url.Replace("/..", "", StringComparison.Ordinal) }, ct) },
            "forgets what it deleted was there" => After(answer => answer.Code == 404 ? ShimAnswer.FromCluster(200, default, "") : answer),
            "makes its own error of a 404" => After(answer => answer.Code == 404 && answer.Error == Error.None ? ShimAnswer.Failure(Error.Internal, "not found") : answer),
            "ignores the cap" => new(good) { Execute = (request, ct, next) => next(new(request) { MaxResponseBytes = 0 }, ct) },
            "cuts the answer off" => new(good)
            {
                Execute = async (request, ct, next) =>
                {
                    ExecuteResponse answer = await next(new(request) { MaxResponseBytes = 0 }, ct);
                    return request.MaxResponseBytes == 0 ? answer : ShimAnswer.FromCluster(answer.Code, answer.Body.Memory[..(int)Math.Min(request.MaxResponseBytes, answer.Body.Length)], "");
                },
            },
            "ignores the timeout" => new(good) { Execute = (request, ct, next) => next(new(request) { TimeoutMilliseconds = request.TimeoutMilliseconds < 1000 ? 800 : request.TimeoutMilliseconds }, ct) },
            "ignores cancellation" => new(good) { Execute = (request, _, next) => next(new(request) { TimeoutMilliseconds = Math.Min(request.TimeoutMilliseconds, 800) }, CancellationToken.None) },
            "mixes answers up" => After(answer => Interlocked.Exchange(ref former, answer) is { Error: Error.None, Body.Length: > 0 } other && answer.Body.Length > 0 ? other : answer),
            "runs one after the other" => new(good)
            {
                Execute = async (request, ct, next) =>
                {
                    await one.WaitAsync(ct);
                    try
                    {
                        return await next(request, ct);
                    }
                    finally
                    {
                        one.Release();
                    }
                },
            },
            "lets later writes overtake" => new(good)
            {
                Execute = async (request, ct, next) =>
                {
                    if (request.Method == "PUT")
                        await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, ct);
                    return await next(request, ct);
                },
            },
            "fails a repeated update" => Replayed("PUT", ShimAnswer.FromCluster(409, default, "")),
            "reports a repeated delete as not found" => Replayed("DELETE", ShimAnswer.FromCluster(404, default, "")),
            "repeats actions" => new(good) { Execute = (request, ct, next) => next(new(request) { Replay = false }, ct) },
            "gives no text" => After(answer => new(answer) { Text = "" }),
            "throws" => new(good) { Execute = (request, ct, next) => request.Method == "PUT" ? throw new InvalidOperationException("boom") : next(request, ct) },
            _ => throw new ArgumentOutOfRangeException(nameof(fault), fault, "no such breakage"),
        };

        BrokenShim After(Func<ExecuteResponse, ExecuteResponse> change) => new(good) { Execute = async (request, ct, next) => change(await next(request, ct)) };

        BrokenShim Replayed(string method, ExecuteResponse answer) =>
            new(good) { Execute = (request, ct, next) => request.Replay && request.Method == method ? Task.FromResult(answer) : next(request, ct) };
    }
}
