using System.Net;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Ote.Center.Up;

namespace Ote.Tests.Center.Up;

public sealed class RealAccessTests
{
    private const string Option = "--kubeconfig a=admin.conf";
    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData(401, "does not know the kubeconfig's user (401: no); its credentials may have expired: get a new kubeconfig from whoever runs the cluster")]
    [InlineData(403, "does not let the kubeconfig's user act as kubernetes-admin in system:masters, as the job does (403: no); give the kubeconfig of one of its administrators")]
    public async Task Refused_credentials_are_told_with_cluster_cause_and_next_step(int code, string expected)
    {
        var answers = new Scripted((_, _) => Answer(code));
        var refused = await Assert.ThrowsAsync<UpException>(() => CheckAsync(answers, mustAnswer: false));
        Assert.Equal($"{Option}: the cluster at https://a.test/ {expected}", refused.Message);
    }

    [Theory]
    [InlineData(200)]
    [InlineData(404)]
    [InlineData(503)]
    public async Task Any_other_answer_lets_the_tree_start(int code)
    {
        var answers = new Scripted((_, _) => Answer(code));
        await CheckAsync(answers, mustAnswer: true);
        Assert.Equal("GET https://a.test/apis/apps/v1/namespaces/default/deployments/nginx as kubernetes-admin in system:masters", Assert.Single(answers.Asked));
    }

    [Fact]
    public async Task A_cluster_named_now_must_answer_and_one_of_an_earlier_up_may_be_away()
    {
        var away = new Scripted((_, _) => throw new HttpRequestException("look inside", new IOException("Connection refused.")));
        await CheckAsync(away, mustAnswer: false);
        var refused = await Assert.ThrowsAsync<UpException>(() => CheckAsync(away, mustAnswer: true));
        Assert.Equal($"{Option}: the cluster at https://a.test/ cannot be reached (Connection refused); check that it runs and that the file is of it", refused.Message);
    }

    [Fact]
    public async Task A_silent_cluster_is_given_up_after_a_quarter_of_a_minute()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var silent = new Scripted(async (_, stop) =>
        {
            asked.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop);
            throw new InvalidOperationException("an endless wait ended");
        });
        var check = CheckAsync(silent, mustAnswer: true);
        await asked.Task;
        _time.Advance(RealAccess.Patience);
        Assert.Contains("cannot be reached (nothing for 15 s)", (await Assert.ThrowsAsync<UpException>(() => check)).Message, StringComparison.Ordinal);
    }

    private static Task<HttpResponseMessage> Answer(int code) => Task.FromResult(new HttpResponseMessage((HttpStatusCode)code)
    {
        Content = new StringContent("""{"kind":"Status","message":"no"}""", Encoding.UTF8, "application/json"),
    });

    private async Task CheckAsync(Scripted cluster, bool mustAnswer)
    {
        using var http = new HttpClient(cluster, disposeHandler: false) { BaseAddress = new Uri("https://a.test/") };
        await RealAccess.CheckAsync(Option, http, mustAnswer, _time, TestContext.Current.CancellationToken);
    }

    private sealed class Scripted(Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> answer) : HttpMessageHandler
    {
        public List<string> Asked { get; } = [];

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Asked.Add($"{request.Method} {request.RequestUri} as {Header(request, "Impersonate-User")} in {Header(request, "Impersonate-Group")}");
            return answer(request, cancellationToken);
        }

        private static string Header(HttpRequestMessage request, string name) => string.Join(',', request.Headers.GetValues(name));
    }
}
