using System.Text;
using Google.Protobuf;
using Ote.Cluster.Observing;
using Ote.Kube.Mirrors;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Observing;

public sealed class ExpectationTests
{
    private const string Answer = """{"kind":"Deployment","metadata":{"name":"web","namespace":"shop","uid":"u1","managedFields":[{"name":"no"}],"resourceVersion":"100"},"spec":{"metadata":{"name":"no"}}}""";
    private const string Deleted = """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":{"name":"web","group":"apps","kind":"deployments","uid":"u1"}}""";
    private const string Url = "/apis/apps/v1/namespaces/shop/deployments/web";

    [Theory]
    [InlineData("PATCH", Url, "deployments.apps shop/web")]
    [InlineData("PUT", Url + "/scale", "deployments.apps shop/web")]
    [InlineData("POST", "/api/v1/namespaces/shop/pods", "pods shop/ as answered")]
    [InlineData("POST", "/api/v1/namespaces", "namespaces / as answered")]
    [InlineData("DELETE", "/api/v1/namespaces/shop", "namespaces /shop to be gone")]
    [InlineData("DELETE", Url, "deployments.apps shop/web to be gone")]
    [InlineData("GET", Url, "nothing")]
    [InlineData("DELETE", "/apis/apps/v1/namespaces/shop/deployments", "nothing")]
    [InlineData("PATCH", Url + "?fieldManager=x&dryRun=All", "nothing")]
    [InlineData("POST", "/healthz", "nothing")]
    [InlineData("PATCH", "/apis/apps/v1/../v1/namespaces/shop/deployments/web", "nothing")]
    public void A_request_says_which_object_it_changes(string method, string url, string expected)
    {
        var request = ObservedRequest.Of(new Command { Method = method, Url = url });
        Assert.Equal(expected, request is null ? "nothing" : $"{request.Kind} {request.Namespace}/{request.Name ?? " as answered"}{(request.Deletes ? " to be gone" : "")}");
    }

    [Fact]
    public void A_chart_or_a_deletion_that_is_only_tried_changes_no_object()
    {
        Assert.Null(ObservedRequest.Of(new Command { Method = "POST", Url = "/api/v1/namespaces/shop/pods", Destination = "helm" }));
        Assert.Null(ObservedRequest.Of(new Command { Method = "DELETE", Url = Url, Body = ByteString.CopyFromUtf8("""{"dryRun":["All"]}""") }));
    }

    [Fact]
    public void An_answer_says_which_object_came_to_be_also_when_its_end_is_cut_off()
    {
        Assert.Equal(new AnsweredObject("web", "u1", "100"), AnsweredObject.Read(Encoding.UTF8.GetBytes(Answer)));
        Assert.Equal(new AnsweredObject("web", "u1", "100"), AnsweredObject.Read(Encoding.UTF8.GetBytes(Answer[..(Answer.IndexOf("100", StringComparison.Ordinal) + 5)])));
        Assert.Equal(new AnsweredObject("web", "u1", null), AnsweredObject.Read(Encoding.UTF8.GetBytes(Answer[..Answer.IndexOf("managed", StringComparison.Ordinal)])));
        Assert.Equal(new AnsweredObject("web", "u1", null), AnsweredObject.Read(Encoding.UTF8.GetBytes(Deleted)));
        Assert.Equal(default, AnsweredObject.Read("no JSON"u8));
        Assert.Equal(default, AnsweredObject.Read("""[{"metadata":{"name":"web"}}]"""u8));
        Assert.Equal(default, AnsweredObject.Read("""{"metadata":{"name":{"name":"web"},"uid":7}}"""u8));
    }

    [Fact]
    public void An_answer_that_does_not_say_which_state_was_made_is_looked_for_nowhere()
    {
        Assert.Null(Expected("PATCH", Answer.Replace("\"uid\":\"u1\",", "", StringComparison.Ordinal)));
        Assert.Null(Expected("PATCH", Answer.Replace("resourceVersion", "version", StringComparison.Ordinal)));
        Assert.Null(Expected("DELETE", """{"kind":"Status","status":"Success"}"""));
        Assert.NotNull(Expected("DELETE", Deleted));
    }

    [Theory]
    [InlineData("u1", "100", false, true)]
    [InlineData("u1", "101", false, true)]
    [InlineData("u1", "1000", false, true)]
    [InlineData("u1", "99", false, false)]
    [InlineData("u1", "abc", false, false)]
    [InlineData("u0", "90", false, false)] // of the same name, before
    [InlineData("u2", "170", false, true)] // it took the name since
    [InlineData(null, null, false, false)]
    [InlineData(null, null, true, true)] // it was there, and is gone
    public void A_change_is_observed_in_its_state_or_a_later_one(string? uid, string? version, bool gone, bool met) =>
        Assert.Equal(met, Expected("PATCH", Answer)!.IsMetBy(new MirroredState(true, uid, version, gone)));

    [Theory]
    [InlineData(null, null, true, true)]
    [InlineData("u2", "300", true, true)]
    [InlineData("u2", "300", false, false)] // it may be from before
    [InlineData(null, null, false, false)] // it has not been there yet
    [InlineData("u1", "300", false, false)]
    public void A_deletion_is_observed_when_the_object_was_there_and_is_gone(string? uid, string? version, bool gone, bool met) =>
        Assert.Equal(met, Expected("DELETE", Deleted)!.IsMetBy(new MirroredState(true, uid, version, gone)));

    [Fact]
    public void A_deletion_that_waits_for_something_is_observed_when_the_object_is_gone_and_not_before()
    {
        var expected = Expected("DELETE", Answer)!;
        Assert.False(expected.IsMetBy(new MirroredState(true, "u1", "100", false)));
        Assert.False(expected.IsMetBy(new MirroredState(true, "u1", "130", false)));
        Assert.True(expected.IsMetBy(new MirroredState(true, "u2", "140", false)));
        Assert.True(expected.IsMetBy(new MirroredState(true, null, null, true)));
    }

    [Fact]
    public void Versions_that_are_no_numbers_are_not_ordered()
    {
        var expected = Expected("PATCH", Answer.Replace("\"100\"", "\"a100\"", StringComparison.Ordinal))!;
        Assert.True(expected.IsMetBy(new MirroredState(true, "u1", "a100", false)));
        Assert.False(expected.IsMetBy(new MirroredState(true, "u2", "a100", false)));
        Assert.False(expected.IsMetBy(new MirroredState(true, "u1", "a101", false)));
    }

    private static Expectation? Expected(string method, string answer) =>
        Expectation.Of(ObservedRequest.Of(new Command { Method = method, Url = Url })!, "c1", Encoding.UTF8.GetBytes(answer));
}
