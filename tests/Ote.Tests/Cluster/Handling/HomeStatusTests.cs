using System.Text.Json.Nodes;
using Ote.Cluster.Handling;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;

namespace Ote.Tests.Cluster.Handling;

public sealed class HomeStatusTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly RouteEntry Entry = new() { Name = "c1", Uid = "u1", Parent = "bj", Home = "bj", Online = true };

    [Fact]
    public void At_home_it_says_so() =>
        Assert.Equal(("True", "PreferredParent", "it hangs below the parent it was set up with"), Written(Entry));

    [Fact]
    public void Elsewhere_it_returns_by_itself_unless_an_operator_keeps_it() =>
        Assert.Equal(("False", "OtherParent", "it hangs below sh and returns to bj when that has been well for a while"), Written(Entry with { Parent = "sh" }));

    [Fact]
    public void Pinned_elsewhere_it_says_who_holds_it_and_how_that_ends() =>
        Assert.Equal(("False", "Pinned", "it hangs below sh and an operator pinned it below sh; otectl unpin c1 lets it return to bj"), Written(Entry with { Parent = "sh" }, """{"pinnedParent":"sh"}"""));

    [Fact]
    public void Pinned_to_its_home_it_returns() =>
        Assert.Equal(("False", "OtherParent", "it hangs below sh and returns to bj when that has been well for a while"), Written(Entry with { Parent = "sh" }, """{"pinnedParent":"bj"}"""));

    [Fact]
    public void Forbidden_its_home_it_says_how_that_ends() => Assert.Equal(
        ("False", "HomeForbidden", "it hangs below sh and an operator does not let it hang below bj; otectl allow c1 bj lets it return"),
        Written(Entry with { Parent = "sh" }, """{"forbiddenParents":["bj"]}"""));

    [Fact]
    public void While_its_home_hangs_below_it_nobody_is_told_that_it_returns() => Assert.Equal(
        ("False", "HomeBelow", "it hangs below sh and bj hangs below it by now; it returns when that hangs elsewhere and has been well for a while"),
        Written(Entry with { Parent = "sh" }, home: HomeState.Below));

    [Fact]
    public void While_its_home_is_drained_it_says_that_it_waits_for_undrain() => Assert.Equal(
        ("False", "HomeDrained", "it hangs below sh and bj is drained; it returns after otectl undrain bj, when that has been well for a while"),
        Written(Entry with { Parent = "sh" }, home: HomeState.Drained));

    [Fact]
    public void A_wish_of_another_control_api_is_named_as_what_it_is() =>
        Assert.Equal("WishedElsewhere", Written(Entry with { Parent = "sh", Placement = 7 }).Reason);

    [Theory]
    [InlineData(null)]
    [InlineData("""{"pinnedParent":"sh"}""")]
    public void A_cluster_that_is_away_does_not_claim_to_be_anywhere(string? spec) =>
        Assert.Equal(("Unknown", "NotAttached", "it is away; it last hung below bj"), Written(Entry with { Online = false }, spec));

    [Fact]
    public void A_cluster_whose_home_nobody_knows_says_nothing_of_it()
    {
        var status = new JsonObject();
        HomeStatus.Write(status, Entry with { Home = "" }, [], HomeState.Fit, Now);
        Assert.Empty(status);
    }

    private static (string? Status, string? Reason, string? Message) Written(RouteEntry entry, string? spec = null, HomeState home = HomeState.Fit)
    {
        var (status, cluster) = (new JsonObject(), new JsonObject { ["spec"] = spec is null ? null : JsonNode.Parse(spec) });
        HomeStatus.Write(status, entry, cluster, home, Now);
        var written = new JsonObject { ["status"] = status }.Condition("AtHome");
        return (written.Text("status"), written.Text("reason"), written.Text("message"));
    }
}
