using Ote.Shim;
using Ote.Shim.Contract;
using Ote.Shim.Remote;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Tests.Shim.Remote;

public sealed class RemoteShimTests
{
    private static ExecuteRequest Get(string url, uint milliseconds = 0) => new() { Destination = "api", Method = "GET", Url = url, TimeoutMilliseconds = milliseconds };

    [Fact]
    public async Task Execute_over_the_socket_brings_request_and_answer_whole()
    {
        ExecuteRequest? seen = null;
        await using ShimLink link = await ShimLink.StartAsync(new ScriptedShim
        {
            OnExecute = (request, _) =>
            {
                seen = request;
                return Task.FromResult(ShimAnswer.FromCluster(409, "{}"u8.ToArray(), "application/json"));
            },
        });
        ExecuteRequest sent = new()
        {
            Destination = "api", Method = "PUT", Url = "/a?b=c", ContentType = "x/y", IdempotencyKey = "k", Replay = true, TimeoutMilliseconds = 900,
            MaxResponseBytes = 5, User = new User { Name = "ann", Groups = { "g1", "g2" } }, Body = Google.Protobuf.ByteString.CopyFromUtf8("hi"),
        };

        ExecuteResponse answer = await link.Remote.ExecuteAsync(sent, ShimLink.Stop);

        Assert.Equal(sent, seen);
        Assert.Equal((409, "{}", Error.None), (answer.Code, answer.Body.ToStringUtf8(), answer.Error));
    }

    [Fact]
    public async Task Shim_down_is_told_as_unavailable_and_surely_not_run()
    {
        await using ShimLink link = new();

        ShimUnavailableException e = await Assert.ThrowsAsync<ShimUnavailableException>(() => link.Remote.ExecuteAsync(Get("/a"), ShimLink.Stop));
        await Assert.ThrowsAsync<ShimUnavailableException>(async () => await link.Remote.DescribeAsync(ShimLink.Stop));

        Assert.False(e.MayHaveRun);
        Assert.Equal(
            $"shim at unix:{link.SocketPath} cannot be reached: no shim listens there; start it, as with ote shim k8s --listen unix:{link.SocketPath} --kubeconfig FILE, "
            + "or correct the address; the request is to be sent again when it is back",
            e.Message);
    }

    [Fact]
    public async Task Shim_lost_while_it_ran_the_request_is_unavailable_and_may_have_run()
    {
        TaskCompletionSource arrived = new();
        await using ShimLink link = await ShimLink.StartAsync(new ScriptedShim
        {
            OnExecute = async (_, ct) =>
            {
                arrived.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
                return new ExecuteResponse();
            },
        });
        Task<ExecuteResponse> running = link.Remote.ExecuteAsync(Get("/a"), ShimLink.Stop);
        await arrived.Task.WaitAsync(ShimLink.Stop);
        await link.StopServingAsync();

        ShimUnavailableException e = await Assert.ThrowsAsync<ShimUnavailableException>(() => running);

        Assert.True(e.MayHaveRun);
    }

    [Fact]
    public async Task Shim_back_after_it_was_down_is_reached_again_without_a_new_client_P12()
    {
        await using ShimLink link = new();
        await Assert.ThrowsAsync<ShimUnavailableException>(() => link.Remote.ExecuteAsync(Get("/a"), ShimLink.Stop));

        for (int round = 0; round < 2; round++)
        {
            await link.ServeAsync(new ScriptedShim());
            Assert.Equal(200, (await link.Remote.ExecuteAsync(Get("/a"), ShimLink.Stop)).Code);
            await link.StopServingAsync();
            await Assert.ThrowsAsync<ShimUnavailableException>(() => link.Remote.ExecuteAsync(Get("/a"), ShimLink.Stop));
        }
    }

    [Fact]
    public async Task Readiness_watch_outlives_the_shim_and_tells_when_it_is_back_P12()
    {
        ScriptedShim shim = new();
        await using ShimLink link = new();
        await using IAsyncEnumerator<Readiness> items = link.Remote.WatchReadinessAsync(ShimLink.Stop).GetAsyncEnumerator(ShimLink.Stop);

        Assert.True(await items.MoveNextAsync());
        Assert.False(items.Current.Ready);
        Assert.Contains(link.SocketPath, items.Current.Text, StringComparison.Ordinal);

        await shim.Readiness.Writer.WriteAsync(new Readiness { Ready = true, ClusterVersion = "v1" }, ShimLink.Stop);
        await link.ServeAsync(shim);
        Assert.True(await items.MoveNextAsync());
        Assert.True(items.Current.Ready);

        await link.StopServingAsync();
        Assert.True(await items.MoveNextAsync());
        Assert.False(items.Current.Ready);
    }

    [Fact]
    public async Task Requests_arrive_in_the_order_of_the_calls_and_run_in_parallel()
    {
        List<string> order = [];
        TaskCompletionSource all = new();
        await using ShimLink link = await ShimLink.StartAsync(new ScriptedShim
        {
            OnExecute = async (request, _) =>
            {
                lock (order)
                {
                    order.Add(request.Url);
                    if (order.Count == 50)
                        all.SetResult();
                }
                await all.Task; // nobody is answered before everyone is here
                return ShimAnswer.FromCluster(200, default, "");
            },
        });

        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => link.Remote.ExecuteAsync(Get($"/{i}"), ShimLink.Stop)));

        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"/{i}"), order);
    }

    [Fact]
    public async Task Shim_that_never_answers_ends_as_timed_out()
    {
        await using ShimLink hung = await ShimLink.StartAsync(Hung());

        Assert.Equal(Error.TimedOut, (await hung.Remote.ExecuteAsync(Get("/a", 300), ShimLink.Stop)).Error);
    }

    [Fact]
    public async Task Shim_that_never_answers_blocks_no_other_shim()
    {
        await using ShimLink hung = await ShimLink.StartAsync(Hung());
        await using ShimLink well = await ShimLink.StartAsync(new ScriptedShim());
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(ShimLink.Stop);
        Task<ExecuteResponse> stuck = hung.Remote.ExecuteAsync(Get("/a", 600_000), enough.Token);

        Assert.Equal(200, (await well.Remote.ExecuteAsync(Get("/a"), ShimLink.Stop)).Code);
        Assert.False(stuck.IsCompleted);

        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stuck);
    }

    [Fact]
    public async Task Cancelled_request_is_cancelled_at_the_shim_too()
    {
        TaskCompletionSource arrived = new(), cancelled = new();
        await using ShimLink link = await ShimLink.StartAsync(new ScriptedShim
        {
            OnExecute = async (_, ct) =>
            {
                await using CancellationTokenRegistration told = ct.Register(cancelled.SetResult);
                arrived.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
                return new ExecuteResponse();
            },
        });
        using CancellationTokenSource cancel = CancellationTokenSource.CreateLinkedTokenSource(ShimLink.Stop);
        Task<ExecuteResponse> running = link.Remote.ExecuteAsync(Get("/a"), cancel.Token);
        await arrived.Task.WaitAsync(ShimLink.Stop);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        await cancelled.Task.WaitAsync(ShimLink.Stop);
    }

    [Fact]
    public async Task Shim_that_throws_answers_as_internal_error_and_lives_on()
    {
        await using ShimLink link = await ShimLink.StartAsync(new ScriptedShim
        {
            OnExecute = (request, _) => request.Url == "/bad" ? throw new InvalidOperationException("boom") : Task.FromResult(ShimAnswer.FromCluster(200, default, "")),
        });

        ExecuteResponse answer = await link.Remote.ExecuteAsync(Get("/bad"), ShimLink.Stop);

        Assert.Equal((Error.Internal, 500), (answer.Error, answer.Code));
        Assert.Contains("boom", answer.Text, StringComparison.Ordinal);
        Assert.Equal(200, (await link.Remote.ExecuteAsync(Get("/good"), ShimLink.Stop)).Code);
    }

    [Fact]
    public async Task Shim_of_a_contract_this_side_does_not_speak_is_refused_with_both_versions()
    {
        await using ShimLink link = await ShimLink.StartAsync(new ScriptedShim { Description = new ShimDescription { Kind = "old", Contract = 0 } });

        ShimContractException e = await Assert.ThrowsAsync<ShimContractException>(async () => await link.Remote.DescribeAsync(ShimLink.Stop));

        Assert.Contains("update the older side", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Newer_shim_agrees_on_the_older_contract()
    {
        await using ShimLink link = await ShimLink.StartAsync(new ScriptedShim { Description = new ShimDescription { Kind = "new", Contract = 9 } });

        Assert.Equal(ShimContract.Version, (await link.Remote.DescribeAsync(ShimLink.Stop)).Contract);
    }

    private static ScriptedShim Hung() => new() { OnExecute = (_, ct) => new TaskCompletionSource<ExecuteResponse>().Task.WaitAsync(ct) };
}
