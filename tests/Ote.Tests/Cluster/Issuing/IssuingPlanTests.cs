using System.Text.Json.Nodes;
using Ote.Cluster.Identity;
using Ote.Cluster.Issuing;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;

namespace Ote.Tests.Cluster.Issuing;

public sealed class IssuingPlanTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly IssuingSpec Spec = new("shop-*", Now.AddDays(1), TimeSpan.FromDays(1));
    private static readonly GrantRecord Grant = new("issuer-1", Spec.Until, "of");
    private static readonly JsonObject Cluster = (JsonObject)JsonNode.Parse("""{"metadata":{"name":"north"},"spec":{"uid":"u-north"}}""")!;

    public static TheoryData<string, string> Shown => new()
    {
        { "held", "InForce" },
        { "held in another form", "NotTold" },
        { "not heard of", "NotTold" },
        { "ended", "Ended" },
        { "nonsense", "Invalid" },
        { "tokens not known", "TokensUnknown" },
        { "nothing wished", "" },
    };

    [Theory]
    [MemberData(nameof(Shown))]
    public void Condition_says_how_it_stands(string what, string reason)
    {
        var plan = what switch
        {
            "nonsense" => Make(null, null, "until is missing"),
            "tokens not known" => Make(Grant, Spec, tokens: null),
            "nothing wished" => Make(null, null),
            _ => Make(Grant, Spec),
        };
        var entry = what == "not heard of" ? null : new RouteEntry { Name = "north", Uid = "u-north", Issuing = what == "held in another form" ? 7 : plan.Order.Digest };
        var cluster = new JsonObject { ["status"] = new JsonObject() };
        plan.Write(cluster.Child("status"), entry, what == "ended" ? Spec.Until : Now);
        Assert.Equal(reason, cluster.Condition("MayIssue").Text("reason") ?? "");
        Assert.Equal(what == "held", cluster.IsTrue("MayIssue"));
    }

    [Fact]
    public void It_is_another_one_when_leave_tokens_or_cas_change_and_holds_no_more_tokens_than_may_be()
    {
        using var other = CertificateAuthority.Create(TimeProvider.System);
        ulong[] digests =
        [
            Make(Grant, Spec).Order.Digest, Make(Grant with { Id = "issuer-2" }, Spec).Order.Digest, Make(Grant, Spec, tokens: [Token("b")]).Order.Digest, Make(null, null).Order.Digest,
            IssuingPlan.Make(Cluster, Grant, Spec, null, [Token("a")], [CaPin.Of(other.Authority)]).Order.Digest,
        ];
        Assert.Equal(5, digests.Distinct().Count());
        Assert.Equal(digests[0], Make(Grant, Spec).Order.Digest);
        Assert.Empty(Make(null, null).Order.Tokens);
        Assert.Equal(OrderWord.MostTokens, Make(Grant, Spec, tokens: [.. Enumerable.Range(0, 200).Select(i => Token("t" + i))]).Order.Tokens.Count);
    }

    private static IssuingPlan Make(GrantRecord? grant, IssuingSpec? spec, string? error = null) => Make(grant, spec, error, [Token("a")]);

    private static IssuingPlan Make(GrantRecord? grant, IssuingSpec? spec, JsonObject[]? tokens) => Make(grant, spec, null, tokens);

    private static IssuingPlan Make(GrantRecord? grant, IssuingSpec? spec, string? error, JsonObject[]? tokens) => IssuingPlan.Make(Cluster, grant, spec, error, tokens, []);

    private static JsonObject Token(string id) => new() { ["metadata"] = new JsonObject { ["name"] = id }, ["spec"] = new JsonObject { ["secretHash"] = "00", ["autoAccept"] = true, ["issuer"] = "north" } };
}
