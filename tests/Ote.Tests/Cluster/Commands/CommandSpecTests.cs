using System.Text.Json.Nodes;
using Ote.Cluster.Commands;

namespace Ote.Tests.Cluster.Commands;

public sealed class CommandSpecTests
{
    [Fact]
    public void A_short_spec_has_sensible_defaults()
    {
        var spec = Objects.Spec();
        Assert.Equal(("api", "GET", "/version", "*"), (spec.Command.Destination, spec.Command.Method, spec.Command.Url, spec.Command.Selector));
        Assert.Equal(("root", "0123456789ab", 3UL, "ote-system/cmd"), (spec.Command.Entry, spec.Command.CommandUid, spec.Command.Generation, spec.Command.DisplayName));
        Assert.Equal(TimeSpan.FromHours(24), spec.Deadline);
        Assert.True(spec is { LateDelivery: true, Cancel: false, Retention: null });
        Assert.Equal(0L, spec.Command.DeadlineUnixMilliseconds);
    }

    [Fact]
    public void Every_field_is_read()
    {
        var spec = Objects.Spec(
            ("clusterSelector", "b,a"), ("destination", "helm"), ("method", "post"), ("url", "/x"), ("body", "{é}"), ("contentType", "text/plain"), ("deadlineSeconds", 5),
            ("timeoutSeconds", 2), ("maxResponseBytes", 100), ("lateDelivery", false), ("cancel", true), ("ttlSecondsAfterFinished", 0), ("parentClusterName", "ignored"));
        Assert.Equal(("a,b", "helm", "POST", "{é}", "text/plain"), (spec.Command.Selector, spec.Command.Destination, spec.Command.Method, spec.Command.Body.ToStringUtf8(), spec.Command.ContentType));
        Assert.Equal((TimeSpan.FromSeconds(5), 2000U, 100U), (spec.Deadline, spec.Command.TimeoutMilliseconds, spec.Command.MaxResponseBytes));
        Assert.True(spec is { LateDelivery: false, Cancel: true } && spec.Retention == TimeSpan.Zero);
    }

    [Theory]
    [InlineData("clusterSelector", null, "write * to select every cluster")]
    [InlineData("clusterSelector", "\"c[1]\"", "position 1")]
    [InlineData("method", null, "none of GET, HEAD, POST, PUT, PATCH, DELETE")]
    [InlineData("method", "\"TRACE\"", "'TRACE'")]
    [InlineData("url", null, "starts with '/'")]
    [InlineData("url", "\"http://elsewhere/\"", "starts with '/'")]
    [InlineData("destination", "\"ftp\"", "none of api, helm")]
    [InlineData("deadlineSeconds", "0", "0 is not between 1")]
    [InlineData("deadlineSeconds", "99999999999", "is not between")]
    [InlineData("timeoutSeconds", "-1", "-1 is not between 1")]
    [InlineData("ttlSecondsAfterFinished", "-1", "-1 is not between 0")]
    [InlineData("maxResponseBytes", "-1", "is not between 0")]
    [InlineData("maxResponseBytes", "1048577", "is not between 0")]
    public void A_fault_names_the_field_and_what_is_allowed(string field, string? value, string expected)
    {
        Assert.Null(CommandSpec.Read(Objects.Command((field, value is null ? null : JsonNode.Parse(value))), "root", namesRequester: true, out var faults));
        string fault = Assert.Single(faults);
        Assert.StartsWith($"spec.{field}: ", fault, StringComparison.Ordinal);
        Assert.Contains(expected, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_large_body_and_a_long_url_are_refused_without_being_repeated()
    {
        Assert.Null(CommandSpec.Read(Objects.Command(("body", new string('x', 1024 * 1024 + 1)), ("url", "/" + new string('x', 9000))), "root", namesRequester: true, out var faults));
        Assert.Equal(2, faults.Count);
        Assert.All(faults, f => Assert.InRange(f.Length, 1, 250));
    }

    [Fact]
    public void All_faults_are_told_at_once()
    {
        Assert.Null(CommandSpec.Read(new JsonObject { ["metadata"] = new JsonObject() }, "root", namesRequester: true, out var faults));
        Assert.Equal(["clusterSelector", "method", "url"], faults.Select(f => f["spec.".Length..f.IndexOf(':', StringComparison.Ordinal)]));
    }

    [Fact]
    public void Requester_noted_by_the_embedded_API_is_who_the_command_acts_as()
    {
        var spec = CommandSpec.Read(Noted(), "root", namesRequester: true, out _);

        Assert.Equal("alice", spec!.Command.Requester.User);
        Assert.Equal(["devs", "ops"], spec.Command.Requester.Groups);
    }

    [Fact]
    public void Requester_claimed_on_an_API_that_notes_none_is_not_believed()
    {
        var spec = CommandSpec.Read(Noted(), "root", namesRequester: false, out _);

        Assert.Equal("ote:cluster-controller:root", spec!.Command.Requester.User);
        Assert.Equal(["ote:commanders"], spec.Command.Requester.Groups);
    }

    private static JsonObject Noted() => new()
    {
        ["metadata"] = new JsonObject
        {
            ["name"] = "a",
            ["namespace"] = "default",
            ["generation"] = 1,
            ["annotations"] = new JsonObject { ["ote.baidu.com/requested-by"] = "alice", ["ote.baidu.com/requested-by-groups"] = "devs, ops" },
        },
        ["spec"] = new JsonObject { ["clusterSelector"] = "c1", ["method"] = "GET", ["url"] = "/api" },
    };
}
