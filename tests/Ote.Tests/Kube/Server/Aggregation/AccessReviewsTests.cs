using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Aggregation;
using Ote.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Aggregation;

public sealed class AccessReviewsTests : IDisposable
{
    private static readonly UserInfo Ann = new("ann", ["devs"]) { Uid = "7", Extra = new Dictionary<string, IReadOnlyList<string>> { ["scopes"] = ["x"] } };
    private static readonly AccessRequest Pods = new("list", "ote.baidu.com", "clusters/pods", "default", "c1");
    private readonly FakeTimeProvider _time = new();
    private readonly Played _authority = new();
    private readonly KubeClient _client;
    private readonly AccessReviews _reviews;

    public AccessReviewsTests()
    {
        _client = new KubeClient(new HttpClient(_authority) { BaseAddress = new Uri("https://root.test/") });
        _reviews = new AccessReviews(_client, _time);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _reviews.Dispose();
        _client.Dispose();
        _authority.Dispose();
    }

    [Fact]
    public async Task Asks_of_the_user_as_it_is_and_of_the_cluster_by_name()
    {
        Assert.True((await _reviews.AskAsync(Ann, Pods, Ct)).Allowed);
        Assert.Equal(
            """{"user":"ann","groups":["devs"],"resourceAttributes":{"verb":"list","group":"ote.baidu.com","resource":"clusters","subresource":"pods","namespace":"default","name":"c1"},"uid":"7","extra":{"scopes":["x"]}}""",
            _authority.Asked.Single()["spec"]!.ToJsonString());
    }

    [Fact]
    public async Task Answers_hold_for_ten_seconds_whether_they_allow_or_refuse()
    {
        foreach (var allowed in (bool[])[true, false])
        {
            _authority.Allowed = allowed;
            _authority.Asked.Clear();
            Assert.Equal(allowed, (await _reviews.AskAsync(Ann, Pods, Ct)).Allowed);
            _authority.Allowed = !allowed;
            _time.Advance(TimeSpan.FromSeconds(9.9));
            Assert.Equal(allowed, (await _reviews.AskAsync(Ann, Pods, Ct)).Allowed);
            _time.Advance(TimeSpan.FromSeconds(0.1));
            Assert.Equal(!allowed, (await _reviews.AskAsync(Ann, Pods, Ct)).Allowed);
            Assert.Equal(2, _authority.Asked.Count);
            _time.Advance(AccessReviews.Holds);
        }
    }

    [Fact]
    public async Task What_is_asked_of_another_user_group_verb_namespace_or_name_is_another_question()
    {
        (UserInfo, AccessRequest)[] questions =
        [
            (Ann, Pods), (Ann with { Name = "ann2" }, Pods), (Ann with { Groups = ["devs", "ops"] }, Pods), (Ann with { Groups = ["devs,ops"] }, Pods), (Ann with { Uid = "8" }, Pods),
            (Ann, Pods with { Verb = "get" }), (Ann, Pods with { Namespace = null }), (Ann, Pods with { Name = null }), (Ann, Pods with { Name = "c2" }),
        ];
        foreach (var (user, asked) in questions.Concat(questions))
        {
            await _reviews.AskAsync(user, asked, Ct);
        }

        Assert.Equal(questions.Length, _authority.Asked.Count);
    }

    [Fact]
    public async Task What_cannot_be_asked_is_not_allowed_and_the_next_time_it_is_asked_again()
    {
        _authority.Fault = new HttpRequestException("connection refused");
        Assert.Equal((503, true), Told(await Assert.ThrowsAsync<ApiError>(() => _reviews.AskAsync(Ann, Pods, Ct).AsTask()), "connection refused"));
        _authority.Fault = null;
        _authority.Status = HttpStatusCode.Forbidden;
        Assert.Equal((503, true), Told(await Assert.ThrowsAsync<ApiError>(() => _reviews.AskAsync(Ann, Pods, Ct).AsTask()), "otectl install --fleet"));
        _authority.Status = HttpStatusCode.Created;
        Assert.True((await _reviews.AskAsync(Ann, Pods, Ct)).Allowed);
    }

    [Fact]
    public async Task An_authority_that_does_not_answer_is_waited_for_ten_seconds()
    {
        _authority.Holds = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asking = _reviews.AskAsync(Ann, Pods, Ct).AsTask();
        await _authority.Reached.Task.WaitAsync(Ct);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal((503, true), Told(await Assert.ThrowsAsync<ApiError>(() => asking), "no answer within 10 s"));
    }

    private static (int Code, bool Says) Told(ApiError error, string cause) => (error.Code, error.Message.Contains(cause, StringComparison.Ordinal));

    private sealed class Played : HttpMessageHandler
    {
        public List<JsonNode> Asked { get; } = [];

        public bool Allowed { get; set; } = true;

        public HttpStatusCode Status { get; set; } = HttpStatusCode.Created;

        public Exception? Fault { get; set; }

        public TaskCompletionSource? Holds { get; set; }

        public TaskCompletionSource Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Asked.Add(JsonNode.Parse(await request.Content!.ReadAsStringAsync(cancellationToken))!);
            Reached.TrySetResult();
            if (Holds is not null)
            {
                await Holds.Task.WaitAsync(cancellationToken);
            }

            return Fault is not null ? throw Fault : new HttpResponseMessage(Status)
            {
                Content = new StringContent($$$"""{"kind":"SubjectAccessReview","status":{"allowed":{{{(Allowed ? "true" : "false")}}}}}""", Encoding.UTF8, "application/json"),
            };
        }
    }
}
