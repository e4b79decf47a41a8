using System.Text.Json.Nodes;
using Ote.Cluster.Commands;

namespace Ote.Tests.Cluster.Commands;

public sealed class CommandTraceTests
{
    private const string Given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    private const string Uid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

    [Fact]
    public void Callers_own_trace_is_continued_as_it_is() => Assert.Equal(Given, CommandTrace.Of(Object(Uid, 1, Given)));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("00-00000000000000000000000000000000-b7ad6b7169203331-01")]
    [InlineData("no trace at all")]
    public void Without_one_the_trace_is_the_objects_uid_and_the_same_each_time(string? annotation)
    {
        var begun = CommandTrace.Of(Object(Uid, 1, annotation));

        Assert.Matches("^00-3f2504e04f8941d39a0c0305e82c3301-[0-9a-f]{16}-01$", begun);
        Assert.Equal(begun, CommandTrace.Of(Object(Uid, 1, annotation)));
    }

    [Fact]
    public void Each_generation_begins_anew_within_the_trace_of_its_object()
    {
        var first = CommandTrace.Of(Object(Uid, 1, null));
        var second = CommandTrace.Of(Object(Uid, 2, null));

        Assert.Equal(first[..36], second[..36]);
        Assert.NotEqual(first, second);
    }

    [Fact]
    public void Uid_that_is_no_uuid_gets_a_trace_of_its_own() =>
        Assert.Matches("^00-[0-9a-f]{32}-[0-9a-f]{16}-01$", CommandTrace.Of(Object("command-7", 1, null)));

    private static JsonObject Object(string uid, int generation, string? annotation) => new()
    {
        ["metadata"] = new JsonObject
        {
            ["uid"] = uid,
            ["generation"] = generation,
            ["annotations"] = annotation is null ? null : new JsonObject { [CommandTrace.Annotation] = annotation },
        },
    };
}
