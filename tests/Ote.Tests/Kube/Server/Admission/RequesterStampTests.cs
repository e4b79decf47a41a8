using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Admission;

namespace Ote.Tests.Kube.Server.Admission;

public sealed class RequesterStampTests
{
    private static readonly UserInfo Ann = new("ann", ["ops", "dev"]);
    private static readonly UserInfo Bob = new("bob", ["qa"]);

    [Fact]
    public void Created_CarriesItsCreator_WhateverTheClientWrote()
    {
        var forged = Command("""{"method":"GET"}""");
        forged["metadata"]!["annotations"] = new JsonObject { [RequesterStamp.User] = "root", [RequesterStamp.Groups] = "system:masters", ["other"] = "stays" };
        var stored = Decide(Ann, forged, null);
        Assert.Equal(("ann", "ops,dev", "stays"), (stored.Annotation(RequesterStamp.User), stored.Annotation(RequesterStamp.Groups), stored.Annotation("other")));
        Assert.Equal("root", forged.Annotation(RequesterStamp.User));
    }

    [Fact]
    public void NamespacePolicy_CarriesWhoWroteIt() =>
        Assert.Equal("ann", Decide(Ann, Command("""{"namespaces":["a"],"clusters":"*"}"""), null, "NamespacePolicy").Annotation(RequesterStamp.User));

    [Fact]
    public void SpecChanged_CarriesWhoChangedIt()
    {
        var old = Decide(Ann, Command("""{"method":"GET"}"""), null);
        var changed = old.Copy();
        changed["spec"]!["method"] = "PUT";
        Assert.Equal("bob", Decide(Bob, changed, old).Annotation(RequesterStamp.User));
    }

    [Fact]
    public void MetadataChanged_StaysWithWhoChangedTheSpec()
    {
        var old = Decide(Ann, Command("""{"method":"GET"}"""), null);
        var edited = old.Copy();
        edited["metadata"]!["annotations"]![RequesterStamp.User] = "bob";
        edited["metadata"]!["annotations"]!.AsObject().Remove(RequesterStamp.Groups);
        var stored = Decide(Bob, edited, old);
        Assert.Equal(("ann", "ops,dev"), (stored.Annotation(RequesterStamp.User), stored.Annotation(RequesterStamp.Groups)));
    }

    [Fact]
    public void Cluster_CarriesWhoAcceptedItOrShutItOut_AndNobodyWhoOnlyTaggedIt()
    {
        var waiting = Decide(Bob, Command("""{"uid":"u1"}"""), null, "Cluster");
        Assert.Null(waiting.Annotation(RequesterStamp.AcceptanceUser));
        var accepted = Decide(Ann, Command("""{"uid":"u1","accepted":true}"""), waiting, "Cluster");
        var forged = Command("""{"uid":"u1","accepted":true,"tags":["x"]}""");
        forged["metadata"]!["annotations"] = new JsonObject { [RequesterStamp.AcceptanceUser] = "bob" };
        var tagged = Decide(Bob, forged, accepted, "Cluster");
        var revoked = Decide(Bob, Command("""{"uid":"u1","accepted":false,"tags":["x"]}"""), tagged, "Cluster");
        Assert.Equal(["ann", "ann", "bob"], ((JsonObject[])[accepted, tagged, revoked]).Select(o => o.Annotation(RequesterStamp.AcceptanceUser)));
        Assert.Equal("ops,dev", tagged.Annotation(RequesterStamp.AcceptanceGroups));
    }

    [Fact]
    public void OtherKinds_AreLeftAlone() =>
        Assert.Equal(AdmissionVerdict.Allow, new RequesterStamp().Decide(new AdmissionRequest(Ann, "create", "", "ConfigMap", null, Command("{}"), null)));

    private static JsonObject Decide(UserInfo user, JsonObject obj, JsonObject? old, string kind = "ClusterController") =>
        new RequesterStamp().Decide(new AdmissionRequest(user, old is null ? "create" : "update", "ote.baidu.com", kind, null, obj, old)).Object ?? obj;

    private static JsonObject Command(string spec) => new() { ["metadata"] = new JsonObject { ["name"] = "c" }, ["spec"] = JsonNode.Parse(spec) };
}
