using System.Text.Json.Nodes;
using Ote.Cluster.Namespaces;
using Ote.Kube.Objects;

namespace Ote.Tests.Cluster.Namespaces;

public sealed class NamespaceWishTests
{
    [Fact]
    public void What_is_made_by_a_wish_is_as_the_wish_wants_it()
    {
        var wish = Wish(Source("u1", ("team", "a")));
        var made = wish.Against(null, Never);
        Assert.Equal(NamespaceDeed.Create, made.Deed);
        Assert.Equal(NamespaceDeed.Nothing, wish.Against(There(made), Never).Deed);
    }

    [Fact]
    public void What_was_carried_and_is_no_more_is_taken_away_and_what_others_put_there_stays()
    {
        var there = There(Wish(Source("u1", ("team", "a"), ("old", "1"))).Against(null, Never));
        there["metadata"]!["labels"]!["theirs"] = "1";
        var change = Wish(Source("u1", ("team", "b"))).Against(there, Never);
        Assert.Equal(NamespaceDeed.Change, change.Deed);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""{"team":"b","old":null}"""), change.Body!["metadata"]!["labels"]));
        Assert.Equal(("there", "7"), (change.Body.Uid(), change.Body.ResourceVersion())); // of no other, and in no other state
    }

    [Fact]
    public void One_of_a_namespace_that_was_deleted_here_and_made_anew_is_deleted_first()
    {
        var there = There(Wish(Source("u1")).Against(null, Never));
        var step = Wish(Source("u2")).Against(there, uid => uid == "u1");
        Assert.Equal((NamespaceDeed.Delete, "there"), (step.Deed, step.Uid));
        Assert.Equal(NamespaceDeed.Change, Wish(Source("u2")).Against(there, Never).Deed); // nothing says that it was deleted here
    }

    [Fact]
    public void One_that_is_marked_as_another_entrys_or_that_goes_is_left()
    {
        var there = There(Wish(Source("u1")).Against(null, Never));
        Assert.Equal("NotOurs", Wish(Source("u1"), "north").Against(there, Never).Reason);
        there["metadata"]!["deletionTimestamp"] = "2026-05-01T12:00:00Z";
        Assert.Equal("Terminating", Wish(Source("u1")).Against(there, Never).Reason);
    }

    [Theory]
    [InlineData("kube-system")]
    [InlineData("kube-node-lease")]
    [InlineData("default")]
    [InlineData("ote-system")]
    public void Namespaces_of_the_system_are_never_meant(string name) => Assert.False(Policy().Selects(NamespaceWorld.Space(name)));

    [Fact]
    public void What_goes_along_is_what_the_policy_names_and_never_what_speaks_of_the_object_itself()
    {
        var source = Source("u1", ("team", "a"), ("kubernetes.io/metadata.name", "shop"), ("ote.baidu.com/from", "north"));
        source["metadata"]!["annotations"] = new JsonObject { ["note"] = "1", ["example.com/owner"] = "ann" };
        Assert.Equal(["team"], Policy().LabelsOf(source).Keys);
        Assert.Empty(Policy().AnnotationsOf(source));
        Assert.Equal(["example.com/owner"], Policy("""{"annotations":["example.com/*"]}""").AnnotationsOf(source).Keys);
        Assert.Empty(Policy("""{"labels":[]}""").LabelsOf(source));
    }

    private static bool Never(string uid) => false;

    private static NamespaceWish Wish(JsonObject source, string entry = "root") => new(Policy(), source, entry);

    private static NamespacePolicy Policy(string more = "{}")
    {
        var spec = JsonNode.Parse(more)!.AsObject();
        (spec["namespaces"], spec["clusters"]) = (new JsonArray("*"), "*");
        return NamespacePolicy.Read(new JsonObject { ["metadata"] = new JsonObject { ["name"] = "p" }, ["spec"] = spec }, "root", namesRequester: true, out _)!;
    }

    private static JsonObject Source(string uid, params (string Key, string Value)[] labels)
    {
        var source = NamespaceWorld.Space("shop", labels);
        source["metadata"]!["uid"] = uid;
        return source;
    }

    private static JsonObject There(NamespaceStep made)
    {
        var there = made.Body!.Copy();
        (there["metadata"]!["uid"], there["metadata"]!["resourceVersion"]) = ("there", "7");
        return there;
    }
}
