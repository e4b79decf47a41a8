using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Ote.Shim.Live;

namespace Ote.Tests.Shim.Live;

/// <summary>How a watch ends whose way breaks.</summary>
public sealed class CutTransformerTests
{
    private const string Watch = "/api/v1/pods?watch=true&resourceVersion=7";
    private const string Event = "{\"type\":\"ADDED\",\"object\":{}}\n";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_watch_whose_way_breaks_between_events_ends_with_an_event_that_says_so()
    {
        var (copiedByOthers, told, isAborted) = await AnswerAsync(Watch, Event, breaks: true);
        Assert.False(copiedByOthers);
        Assert.False(isAborted);
        var lines = told.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Event.TrimEnd(), lines[0]);
        var last = JsonNode.Parse(lines[1])!;
        Assert.Equal(("ERROR", "Status", "ServiceUnavailable", 503, "the way broke"), (
            (string?)last["type"], (string?)last["object"]!["kind"], (string?)last["object"]!["reason"], (int)last["object"]!["code"]!, (string?)last["object"]!["message"]));
    }

    [Fact]
    public async Task Where_it_breaks_within_an_event_the_connection_ends_and_nothing_is_added()
    {
        var (_, told, isAborted) = await AnswerAsync(Watch, Event + "{\"type\":\"MOD", breaks: true);
        Assert.True(isAborted);
        Assert.EndsWith("MOD", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_ends_by_itself_is_as_it_came()
    {
        var (_, told, isAborted) = await AnswerAsync(Watch, Event, breaks: false);
        Assert.False(isAborted);
        Assert.Equal(Event, told);
    }

    [Theory]
    [InlineData("/api/v1/pods")]
    [InlineData("/api/v1/pods?watch=false")]
    [InlineData("/api/v1/pods?labelSelector=watch%3Dtrue")]
    public async Task What_is_no_watch_is_left_to_others(string target)
    {
        var (copiedByOthers, told, _) = await AnswerAsync(target, Event, breaks: true);
        Assert.True(copiedByOthers);
        Assert.Equal("", told);
    }

    private static async Task<(bool CopiedByOthers, string Told, bool IsAborted)> AnswerAsync(string target, string text, bool breaks)
    {
        using var told = new MemoryStream();
        var lifetime = new Lifetime();
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(told));
        context.Features.Set<IHttpRequestLifetimeFeature>(lifetime);
        using var answer = new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(new Breaking(Encoding.UTF8.GetBytes(text), breaks)) };
        answer.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        var copied = await new CutTransformer(target, static _ => false, "the way broke", TimeSpan.FromMinutes(1), TimeProvider.System).TransformResponseAsync(context, answer, Ct);
        return (copied, Encoding.UTF8.GetString(told.ToArray()), lifetime.IsAborted);
    }

    private sealed class Lifetime : IHttpRequestLifetimeFeature
    {
        public bool IsAborted { get; private set; }

        public CancellationToken RequestAborted { get; set; }

        public void Abort() => IsAborted = true;
    }

    /// <summary>Has some bytes, and then ends or breaks.</summary>
    private sealed class Breaking(byte[] bytes, bool breaks) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Position == Length && breaks ? throw new IOException("the response ended prematurely") : base.ReadAsync(buffer, cancellationToken);
    }
}
