using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.EdgeCluster.Runtimes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Tests.EdgeCluster.Runtimes;

/// <summary>The log of a simulated pod, and what of it cannot be had, as the API answers.</summary>
public sealed class SimulatedStreamsTests : IAsyncDisposable
{
    private const string Pods = "/api/v1/namespaces/default/pods";
    private ApiServer? _server;
    private HttpClient? _http;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Log_says_that_it_is_simulated_and_what_the_simulation_did()
    {
        await PodAsync("""{"name":"web","image":"nginx:1","restartCount":2,"state":{"running":{"startedAt":"2026-03-01T12:00:00Z"}},"lastState":{"terminated":{"exitCode":3,"reason":"Error","startedAt":"2026-03-01T11:00:00Z","finishedAt":"2026-03-01T11:30:00Z"}}}""");

        Assert.Equal(
            (200, "simulated: container web (nginx:1) is not really run, so it writes no log; these lines are the simulation's\nsimulated: started, 2 restarts so far\n"),
            await GetAsync("/web/log"));
        Assert.Equal((200, "simulated: started, 2 restarts so far\n"), await GetAsync("/web/log?container=web&tailLines=1&follow=true"));
        Assert.Equal((200, "2026-03-01T11:30:00.000000000Z simulated: ended with exit code 3 (Error)\n"), await GetAsync("/web/log?previous=true&timestamps=true&tailLines=1"));
        Assert.Equal((200, "simulated:"), await GetAsync("/web/log?limitBytes=10"));
    }

    [Theory]
    [InlineData("/web/log?container=other", 400, "container other is not valid for pod web")]
    [InlineData("/web/log?previous=true", 400, "previous terminated container \"web\" in pod \"web\" not found")]
    [InlineData("/web/log?tailLines=some", 400, "tailLines")]
    [InlineData("/gone/log", 404, "pods \"gone\" not found")]
    [InlineData("/web/exec?command=ls", 405, "pod web is simulated, its containers are not really run: no command can be run in it; put a real cluster")]
    [InlineData("/web/exec?command=ls", 405, "annotations such as simulated.ote.baidu.com/exit-after: 10s say what it is to do")]
    [InlineData("/web/attach", 405, "there is no process to attach to")]
    [InlineData("/web/portforward", 405, "no port is open in it")]
    [InlineData("/web/proxy", 404, "the server could not find the requested resource")]
    public async Task What_cannot_be_had_is_a_status_that_says_why(string path, int code, string message)
    {
        await PodAsync("""{"name":"web","image":"nginx:1","restartCount":0,"state":{"running":{"startedAt":"2026-03-01T12:00:00Z"}}}""");

        (int answered, string text) = await GetAsync(path);

        JsonNode status = JsonNode.Parse(text)!;
        Assert.Equal((code, code, "Status"), (answered, (int)status["code"]!, (string)status["kind"]!));
        Assert.Contains(message, (string)status["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Log_of_a_container_that_has_not_started_is_refused_and_one_of_several_must_be_named()
    {
        await PodAsync("""{"name":"web","state":{"waiting":{"reason":"ContainerCreating"}}}""", """,{"name":"side","image":"s"}""");

        Assert.Contains("is waiting to start", (await GetAsync("/web/log?container=web")).Text, StringComparison.Ordinal);
        Assert.Contains("choose one of: [web side]", (await GetAsync("/web/log")).Text, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        _http?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    private async Task PodAsync(string status, string more = "")
    {
        _server = await ApiServer.StartAsync(new ApiServerOptions { PodStreams = new SimulatedStreams() }, NullLoggerFactory.Instance, TimeProvider.System, Stop);
        var admin = new UserInfo("admin", [UserInfo.Masters]);
        _http = new HttpClient(_server.CreateHandler(admin)) { BaseAddress = new Uri("https://embedded/") };
        using var client = _server.CreateClient(admin);
        await client.CreateAsync(Kinds.Pods, "default", Sample.Parse($$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"default"},"spec":{"containers":[{"name":"web","image":"nginx:1"}{{{more}}}] } }"""), Stop);
        await client.PatchAsync(Kinds.Pods, "default", "web", PatchKind.Merge, Sample.Parse($$$"""{"status":{"containerStatuses":[{{{status}}}] } }"""), Stop, "status");
    }

    private async Task<(int Code, string Text)> GetAsync(string path)
    {
        using var answer = await _http!.GetAsync(new Uri(Pods + path, UriKind.Relative), Stop);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(Stop));
    }
}
