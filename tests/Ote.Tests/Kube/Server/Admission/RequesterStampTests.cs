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
    public void OtherKinds_AreLeftAlone() =>
        Assert.Equal(AdmissionVerdict.Allow, new RequesterStamp().Decide(new AdmissionRequest(Ann, "create", "", "ConfigMap", null, Command("{}"), null)));

    private static JsonObject Decide(UserInfo user, JsonObject obj, JsonObject? old) =>
        new RequesterStamp().Decide(new AdmissionRequest(user, old is null ? "create" : "update", "ote.baidu.com", "ClusterController", null, obj, old)).Object ?? obj;

    private static JsonObject Command(string spec) => new() { ["metadata"] = new JsonObject { ["name"] = "c" }, ["spec"] = JsonNode.Parse(spec) };
}
