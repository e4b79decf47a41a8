using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Watching;

namespace Ote.Tests.Kube.Watching;

public sealed class ReflectorTests
{
    [Fact]
    public async Task What_the_target_could_not_take_is_told_again()
    {
        var server = new Server();
        using var client = new KubeClient(new HttpClient(server) { BaseAddress = new Uri("https://up/") });
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var target = new Target(ends.Cancel);
        await new Reflector(client, Kinds.Pods, null, null, target, TimeProvider.System, () => 1, NullLogger.Instance).RunAsync(ends.Token);
        Assert.Equal(["list", "a 6", "b 7 refused", "b 7", "c 8"], target.Heard);
        Assert.Equal(["5", "6"], server.Watched);
    }

    [Fact]
    public async Task Why_a_watch_is_refused_is_said_once_until_something_is_answered_and_whose_it_is()
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        Queue<HttpStatusCode> answers = new([HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized, HttpStatusCode.OK, HttpStatusCode.Unauthorized]);
        using var client = new KubeClient(new HttpClient(new Refusing(answers, ends.Cancel)) { BaseAddress = new Uri("https://up/") });
        var log = new Said();
        await new Reflector(client, Kinds.Pods, null, null, new Target(() => { }), TimeProvider.System, () => 0, log, whose: "as kubelet").RunAsync(ends.Token);
        Assert.Equal(["Unauthorized", "Unauthorized"], log.Lines.Select(line => line.Split(": ")[1].Split(';')[0]));
        Assert.All(log.Lines, line => Assert.StartsWith("Watch of pods as kubelet refused: ", line, StringComparison.Ordinal));
    }

    /// <summary>Answers each request with the next status, and ends with the last.</summary>
    private sealed class Refusing(Queue<HttpStatusCode> answers, Action atEnd) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (answers.TryDequeue(out var next))
            {
                return Task.FromResult(new HttpResponseMessage(next)
                {
                    Content = new StringContent(
                        next == HttpStatusCode.OK ? """{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"5"},"items":[]}"""
                        : $$"""{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{{next}}","code":{{(int)next}}}""", Encoding.UTF8, "application/json"),
                });
            }

            atEnd();
            throw new OperationCanceledException();
        }
    }

    private sealed class Said : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception));
    }

    /// <summary>Refuses b once, as a full disk does.</summary>
    private sealed class Target(Action atEnd) : IReflectorTarget
    {
        public List<string> Heard { get; } = [];

        public void Replace(IReadOnlyList<JsonObject> items) => Heard.Add("list");

        public void Upsert(JsonObject obj)
        {
            var what = $"{obj.Name()} {obj.ResourceVersion()}";
            if (what == "b 7" && !Heard.Contains("b 7 refused"))
            {
                Heard.Add("b 7 refused");
                throw new IOException("no room");
            }

            Heard.Add(what);
            if (what == "c 8")
            {
                atEnd();
            }
        }

        public void Remove(JsonObject obj) => throw new NotSupportedException();
    }

    /// <summary>Lists nothing at version 5, and tells of three pods to who watches from there.</summary>
    private sealed class Server : HttpMessageHandler
    {
        public List<string> Watched { get; } = [];

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var query = System.Web.HttpUtility.ParseQueryString(request.RequestUri!.Query);
            if (query["watch"] is null)
            {
                return Answer("""{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"5"},"items":[]}""");
            }

            var from = int.Parse(query["resourceVersion"]!, System.Globalization.CultureInfo.InvariantCulture);
            Watched.Add($"{from}");
            return Answer(string.Concat(Enumerable.Range(0, 3).Where(i => i + 6 > from).Select(i =>
                $$$"""{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"{{{(char)('a' + i)}}}","resourceVersion":"{{{i + 6}}}"} } }""" + "\n")));
        }

        private static Task<HttpResponseMessage> Answer(string text) => Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(text, Encoding.UTF8, "application/json") });
    }
}
