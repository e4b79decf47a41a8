using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Shim;
using Ote.Shim.Contract;
using Ote.Shim.Kubernetes.Kubernetes;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Tests.ShimKubernetes.Kubernetes;

public sealed class KubernetesShimTests
{
    private const string Pods = "/api/v1/namespaces/default/pods";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static ExecuteRequest Request(string method, string url, string body = "", string contentType = "") => new()
    {
        Destination = "api", Method = method, Url = url, Body = ByteString.CopyFromUtf8(body), ContentType = contentType,
        User = new User { Name = "ann", Groups = { "ops", "cn=dev, o=shop" } }, IdempotencyKey = "uid.1",
    };

    private static KubernetesShim Shim(Uri server, KubernetesShimOptions? options = null, TimeProvider? time = null) => new(
        new KubeEndpoint(server).CreateHttpClient(TimeProvider.System), options ?? new(), new ShimMetrics(new NoMeters()), time ?? TimeProvider.System, () => 0.5, NullLogger<KubernetesShim>.Instance);

    [Fact]
    [Trait("Defect", "S4")]
    public async Task Request_reaches_the_server_as_it_is_and_as_the_user_who_asked_S4()
    {
        await using FakeApiServer server = await FakeApiServer.StartAsync();
        await using KubernetesShim shim = Shim(server.Url);

        await shim.ExecuteAsync(Request("PUT", Pods + "/a%3Ab?force=true&labelSelector=a%3Db", "{}"), Stop);

        FakeApiServer.Seen seen = Assert.Single(server.Requests);
        Assert.Equal(("PUT", Pods + "/a%3Ab?force=true&labelSelector=a%3Db", "{}"), (seen.Method, seen.Target, seen.Body));
        Assert.Equal("ann", seen.Headers["Impersonate-User"]);
        Assert.Equal(["ops", "cn=dev, o=shop"], seen.Headers["Impersonate-Group"].ToArray());
        Assert.Equal("application/json", seen.Headers.ContentType);
    }

    [Theory]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true)]
    [InlineData("", false)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nImpersonate-Group: system:masters", false)]
    public async Task Trace_context_reaches_the_server_when_it_is_one(string traceparent, bool travels)
    {
        await using FakeApiServer server = await FakeApiServer.StartAsync();
        await using KubernetesShim shim = Shim(server.Url);
        ExecuteRequest request = Request("GET", Pods);
        request.Traceparent = traceparent;

        await shim.ExecuteAsync(request, Stop);

        FakeApiServer.Seen seen = Assert.Single(server.Requests);
        Assert.Equal(travels, seen.Headers.TraceParent == traceparent && traceparent.Length > 0);
        Assert.DoesNotContain("system:masters", seen.Headers["Impersonate-Group"].ToArray());
    }

    [Fact]
    public async Task Impersonation_switched_off_sends_the_shims_own_identity()
    {
        await using FakeApiServer server = await FakeApiServer.StartAsync();
        await using KubernetesShim shim = Shim(server.Url, new() { Impersonate = Impersonation.None });

        await shim.ExecuteAsync(Request("GET", Pods), Stop);

        Assert.DoesNotContain(Assert.Single(server.Requests).Headers, header => header.Key.StartsWith("Impersonate", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("", Error.NotAllowed)]
    [InlineData("ann\r\nImpersonate-Group: system:masters", Error.BadRequest)]
    public async Task User_that_cannot_be_acted_as_is_refused(string name, Error error)
    {
        await using FakeApiServer server = await FakeApiServer.StartAsync();
        await using KubernetesShim shim = Shim(server.Url);
        ExecuteRequest request = Request("GET", Pods);
        request.User = new User { Name = name };

        Assert.Equal(error, (await shim.ExecuteAsync(request, Stop)).Error);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task Errors_of_the_cluster_come_back_as_they_are()
    {
        await using FakeApiServer server = await FakeApiServer.StartAsync((_, context) => FakeApiServer.Status(context, 422, "Invalid", "x"));
        await using KubernetesShim shim = Shim(server.Url);

        ExecuteResponse answer = await shim.ExecuteAsync(Request("POST", Pods, """{"metadata":{"name":"x"}}"""), Stop);

        Assert.Equal((422, Error.None, "application/json"), (answer.Code, answer.Error, answer.ContentType));
        Assert.Contains("\"Invalid\"", answer.Body.ToStringUtf8(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redirect_is_handed_back_and_not_followed()
    {
        await using FakeApiServer server = await FakeApiServer.StartAsync((_, context) =>
        {
            context.Response.Headers.Location = "/api/v1/secrets";
            return FakeApiServer.Answer(context, 307, "");
        });
        await using KubernetesShim shim = Shim(server.Url);

        Assert.Equal(307, (await shim.ExecuteAsync(Request("GET", Pods), Stop)).Code);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task Refused_unreachable_timed_out_and_too_large_have_codes_of_their_own()
    {
        await using FakeApiServer server = await FakeApiServer.StartAsync(async (seen, context) =>
        {
            if (seen.Target.EndsWith("/cut", StringComparison.Ordinal))
                context.Abort();
            else if (seen.Target.EndsWith("/slow", StringComparison.Ordinal))
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
            else
                await FakeApiServer.Answer(context, 200, new string('x', 300 * 1024));
        });
        await using KubernetesShim shim = Shim(server.Url);
        await using KubernetesShim refused = Shim(ClosedPort());
        await using KubernetesShim lost = Shim(new Uri("http://no-such-host.invalid"));
        ExecuteRequest slow = Request("GET", Pods + "/slow");
        slow.TimeoutMilliseconds = 50;

        Assert.Equal((Error.Refused, 502), await Outcome(refused, Request("GET", Pods)));
        Assert.Equal((Error.Unreachable, 502), await Outcome(lost, Request("GET", Pods)));
        Assert.Equal((Error.Unreachable, 502), await Outcome(shim, Request("GET", Pods + "/cut")));
        Assert.Equal((Error.TimedOut, 504), await Outcome(shim, slow));
        Assert.Equal((Error.TooLarge, 413), await Outcome(shim, Request("GET", Pods)));
    }

    [Fact]
    public async Task Endless_answer_is_given_up_at_the_cap()
    {
        TaskCompletionSource givenUp = new();
        await using FakeApiServer server = await FakeApiServer.StartAsync(async (_, context) =>
        {
            byte[] block = new byte[64 * 1024];
            await using CancellationTokenRegistration told = context.RequestAborted.Register(givenUp.SetResult);
            while (!context.RequestAborted.IsCancellationRequested)
                await context.Response.Body.WriteAsync(block, context.RequestAborted);
        });
        await using KubernetesShim shim = Shim(server.Url);
        ExecuteRequest request = Request("GET", Pods);
        request.MaxResponseBytes = 1000;

        ExecuteResponse answer = await shim.ExecuteAsync(request, Stop);

        Assert.Equal((Error.TooLarge, 0), (answer.Error, answer.Body.Length));
        await givenUp.Task.WaitAsync(Stop);
    }

    [Theory]
    [InlineData(1000, Error.None)]
    [InlineData(999, Error.TooLarge)]
    public async Task Answer_of_exactly_the_cap_passes_and_one_byte_more_does_not(int cap, Error error)
    {
        await using FakeApiServer server = await FakeApiServer.StartAsync(async (_, context) =>
        {
            await context.Response.Body.FlushAsync(); // chunked: no length is told ahead
            await context.Response.WriteAsync(new string('x', 1000));
        });
        await using KubernetesShim shim = Shim(server.Url);
        ExecuteRequest request = Request("GET", Pods);
        request.MaxResponseBytes = (uint)cap;

        Assert.Equal(error, (await shim.ExecuteAsync(request, Stop)).Error);
    }

    [Theory]
    [InlineData("""[{"op":"replace","path":"/a","value":1}]""", "", "application/json-patch+json")]
    [InlineData("""{"a":1}""", "", "application/merge-patch+json")]
    [InlineData("""{"a":1}""", "application/strategic-merge-patch+json", "application/strategic-merge-patch+json")]
    [InlineData("a: 1", "application/apply-patch+yaml", "application/apply-patch+yaml")]
    public async Task Patch_is_of_the_kind_the_content_type_or_else_the_body_says(string body, string given, string sent)
    {
        await using FakeApiServer server = await FakeApiServer.StartAsync();
        await using KubernetesShim shim = Shim(server.Url);

        await shim.ExecuteAsync(Request("PATCH", Pods + "/a", body, given), Stop);

        Assert.Equal(sent, Assert.Single(server.Requests).Headers.ContentType);
    }

    [Fact]
    public async Task Yaml_body_without_a_content_type_is_sent_as_yaml()
    {
        await using FakeApiServer server = await FakeApiServer.StartAsync();
        await using KubernetesShim shim = Shim(server.Url);

        await shim.ExecuteAsync(Request("POST", Pods, "kind: Pod\nmetadata:\n  name: a\n"), Stop);

        FakeApiServer.Seen seen = Assert.Single(server.Requests);
        Assert.Equal("application/yaml", seen.Headers.ContentType);
        Assert.Contains("fieldManager=" + Repetition.MarkerOf("uid.1"), seen.Target, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Defect", "M14")]
    public async Task Slow_request_holds_up_its_own_object_and_no_other_M14()
    {
        TaskCompletionSource release = new(), slow = new();
        await using FakeApiServer server = await FakeApiServer.StartAsync(async (seen, context) =>
        {
            if (seen.Method == "PUT")
            {
                slow.SetResult();
                await release.Task;
            }
            await FakeApiServer.Answer(context, 200, "{}");
        });
        await using KubernetesShim shim = Shim(server.Url);
        Task<ExecuteResponse> first = shim.ExecuteAsync(Request("PUT", Pods + "/a", "{}"), Stop);
        Task<ExecuteResponse> behind = shim.ExecuteAsync(Request("DELETE", Pods + "/a"), Stop);
        await slow.Task.WaitAsync(Stop);

        Assert.Equal(200, (await shim.ExecuteAsync(Request("DELETE", Pods + "/b"), Stop)).Code);
        Assert.False(behind.IsCompleted);

        release.SetResult();
        await Task.WhenAll(first, behind);
        Assert.Equal(["PUT", "DELETE", "DELETE"], server.Requests.Select(seen => seen.Method));
        Assert.EndsWith("/a", server.Requests.Last().Target, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Creating_a_namespace_comes_before_what_is_created_in_it()
    {
        TaskCompletionSource release = new(), arrived = new();
        await using FakeApiServer server = await FakeApiServer.StartAsync(async (seen, context) =>
        {
            if (seen.Target.StartsWith("/api/v1/namespaces?", StringComparison.Ordinal))
            {
                arrived.SetResult();
                await release.Task;
            }
            await FakeApiServer.Answer(context, 201, "{}");
        });
        await using KubernetesShim shim = Shim(server.Url);
        Task<ExecuteResponse> ns = shim.ExecuteAsync(Request("POST", "/api/v1/namespaces", """{"metadata":{"name":"shop"}}"""), Stop);
        Task<ExecuteResponse> inside = shim.ExecuteAsync(Request("POST", "/apis/apps/v1/namespaces/shop/deployments", """{"metadata":{"name":"web"}}"""), Stop);
        Task<ExecuteResponse> elsewhere = shim.ExecuteAsync(Request("POST", "/apis/apps/v1/namespaces/other/deployments", """{"metadata":{"name":"web"}}"""), Stop);
        await arrived.Task.WaitAsync(Stop);

        await elsewhere;
        Assert.False(inside.IsCompleted);
        release.SetResult();
        await Task.WhenAll(ns, inside);

        Assert.Contains("/namespaces/shop/", server.Requests.Last().Target, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Full_queue_is_told_as_busy_and_nothing_is_sent()
    {
        TaskCompletionSource release = new();
        await using FakeApiServer server = await FakeApiServer.StartAsync(async (_, context) =>
        {
            await release.Task;
            await FakeApiServer.Answer(context, 200, "{}");
        });
        await using KubernetesShim shim = Shim(server.Url, new() { MaxParallel = 1, MaxQueued = 2 });
        Task<ExecuteResponse>[] held = [shim.ExecuteAsync(Request("GET", Pods + "/a"), Stop), shim.ExecuteAsync(Request("GET", Pods + "/b"), Stop)];

        ExecuteResponse third = await shim.ExecuteAsync(Request("GET", Pods + "/c"), Stop);
        release.SetResult();
        await Task.WhenAll(held);

        Assert.Equal((Error.Busy, 429), (third.Error, third.Code));
        Assert.Equal(2, server.Requests.Count);
    }

    [Fact]
    public async Task Request_that_times_out_in_the_queue_is_not_sent_and_says_so()
    {
        TaskCompletionSource arrived = new(), release = new();
        FakeTimeProvider time = new();
        await using FakeApiServer server = await FakeApiServer.StartAsync(async (_, context) =>
        {
            arrived.TrySetResult();
            await release.Task;
            await FakeApiServer.Answer(context, 200, "{}");
        });
        await using KubernetesShim shim = Shim(server.Url, time: time);
        Task<ExecuteResponse> first = shim.ExecuteAsync(Request("PUT", Pods + "/a", "{}"), Stop);
        await arrived.Task.WaitAsync(Stop);
        ExecuteRequest hasty = Request("PUT", Pods + "/a", "{}");
        hasty.TimeoutMilliseconds = 1000;
        Task<ExecuteResponse> second = shim.ExecuteAsync(hasty, Stop);

        time.Advance(TimeSpan.FromSeconds(1));
        ExecuteResponse answer = await second;
        release.SetResult();

        Assert.Equal(Error.TimedOut, answer.Error);
        Assert.Contains("was not sent", answer.Text, StringComparison.Ordinal);
        Assert.Equal(200, (await first).Code);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task Cancelled_request_is_cut_at_the_server_and_frees_its_place()
    {
        TaskCompletionSource arrived = new(), aborted = new();
        await using FakeApiServer server = await FakeApiServer.StartAsync(async (seen, context) =>
        {
            if (seen.Method == "PUT")
            {
                await using CancellationTokenRegistration told = context.RequestAborted.Register(aborted.SetResult);
                arrived.SetResult();
                await aborted.Task;
            }
        });
        await using KubernetesShim shim = Shim(server.Url);
        using CancellationTokenSource cancel = new();
        Task<ExecuteResponse> running = shim.ExecuteAsync(Request("PUT", Pods + "/a", "{}"), cancel.Token);
        await arrived.Task.WaitAsync(Stop);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        await aborted.Task.WaitAsync(Stop);
        Assert.Equal(200, (await shim.ExecuteAsync(Request("GET", Pods + "/a"), Stop)).Code);
    }

    [Fact]
    public async Task Options_that_cannot_work_are_told_all_at_once()
    {
        ShimStartException e = Assert.Throws<ShimStartException>(() => Shim(new Uri("http://127.0.0.1:1"), new() { MaxParallel = 0, MaxBodyBytes = 0 }));

        Assert.Contains("parallel", e.Message, StringComparison.Ordinal);
        Assert.Contains("body", e.Message, StringComparison.Ordinal);
        await Task.CompletedTask;
    }

    private static async Task<(Error, int)> Outcome(KubernetesShim shim, ExecuteRequest request)
    {
        ExecuteResponse answer = await shim.ExecuteAsync(request, Stop);
        Assert.Contains(request.Url, answer.Text, StringComparison.Ordinal);
        return (answer.Error, answer.Code);
    }

    private static Uri ClosedPort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
    }
}
