using System.Net;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Mirror.Reporting;

namespace Ote.Tests.Mirror.Reporting;

public sealed class NodeUsageTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly ClusterTally _tally = new();
    private readonly Played _server = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<long> _seen = [];

    [Fact]
    public async Task A_metrics_server_is_asked_each_minute_and_a_cluster_without_one_each_five()
    {
        _tally.Of("nodes")!.Put((System.Text.Json.Nodes.JsonObject)System.Text.Json.Nodes.JsonNode.Parse("""{"metadata":{"name":"n1"},"status":{"capacity":{"cpu":"2"} } }""")!);
        _tally.Of("nodes")!.Keep(new HashSet<(string, string)> { ("", "n1") });
        _tally.Of("pods")!.Keep(new HashSet<(string, string)>());
        var running = new NodeUsage(new KubeClient(new HttpClient(_server) { BaseAddress = new Uri("http://cluster/") }, "test"), _tally, _time).RunAsync(_stop.Token);
        await AnswerAsync(HttpStatusCode.OK, """{"items":[{"usage":{"cpu":"250m"} }]}""");
        await AnswerAsync(HttpStatusCode.NotFound, "{}", after: NodeUsage.Each);
        await AnswerAsync(HttpStatusCode.OK, """{"items":[{"usage":{"cpu":"300m"} }]}""", after: NodeUsage.LookAgain);
        Assert.Equal([251, 0, 301], _seen);
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    public void Dispose()
    {
        _stop.Dispose();
        _server.Dispose();
    }

    private async Task AnswerAsync(HttpStatusCode code, string body, TimeSpan after = default)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _tally.Changed += told.SetResult;
        var asked = _server.Asked.Reader.ReadAsync(patience.Token).AsTask();
        var before = _time.GetUtcNow();
        while (!asked.IsCompleted && !patience.IsCancellationRequested)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
            await Task.Yield();
        }

        Assert.True(_time.GetUtcNow() - before >= after, $"asked after {_time.GetUtcNow() - before}");
        (await asked).SetResult(new HttpResponseMessage(code) { Content = new StringContent(body, Encoding.UTF8, "application/json") });
        await told.Task.WaitAsync(patience.Token);
        _tally.Changed -= told.SetResult;
        _seen.Add(_tally.Now!.Resources.Single(r => r.Name == "cpu").Used);
    }

    /// <summary>A server whose answers the test gives.</summary>
    private sealed class Played : HttpMessageHandler
    {
        public Channel<TaskCompletionSource<HttpResponseMessage>> Asked { get; } = Channel.CreateUnbounded<TaskCompletionSource<HttpResponseMessage>>();

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var answer = new TaskCompletionSource<HttpResponseMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
            Asked.Writer.TryWrite(answer);
            return answer.Task;
        }
    }
}
