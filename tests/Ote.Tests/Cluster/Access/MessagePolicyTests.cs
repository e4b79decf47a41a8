using Ote.Cluster.Access;
using Ote.Cluster.Routing;

namespace Ote.Tests.Cluster.Access;

public sealed class MessagePolicyTests
{
    private static readonly RouteEntry Shop = Entry("shop", "tier=edge");
    private static readonly RouteEntry Office = Entry("office", "tier=lab");

    [Theory]
    [InlineData("", true)] // all of it is open
    [InlineData("from: {clusters: tier=edge}, to: {clusters: office}, topics: [stock]", true)]
    [InlineData("from: {subtree: north}, to: {subtree: root}", true)]
    [InlineData("topics: [sto*]", true)]
    [InlineData("topics: [stoc]", false)]
    [InlineData("topics: []", false)]
    [InlineData("from: {clusters: tier=lab}", false)]
    [InlineData("to: {clusters: shop}", false)]
    [InlineData("from: {subtree: south}", false)]
    [InlineData("from: {clusters: 'a=='}", false)] // a fault allows nothing
    public void Policy_allows_what_it_says_and_nothing_else(string spec, bool allowed) =>
        Assert.Equal(allowed, new MessagePolicySet("here", [Policy(spec)]).Objection(Shop, Office, "stock", IsBelow) is null);

    [Fact]
    public void Without_policies_all_is_allowed_and_with_some_one_of_them_has_to()
    {
        Assert.Null(new MessagePolicySet("here", []).Objection(Shop, Office, "stock", IsBelow));
        Assert.Null(new MessagePolicySet("here", [Policy("topics: []"), Policy("topics: [stock]")]).Objection(Shop, Office, "stock", IsBelow));
        Assert.Equal(
            "shop may not send office messages on topic 'prices': none of the 1 message policies of cluster root's control API allows it; ask who keeps them for one that does",
            new MessagePolicySet("cluster root's control API", [Policy("topics: [stock]")]).Objection(Shop, Office, "prices", IsBelow));
        Assert.NotNull(new MessagePolicySet("a file", [], isClosed: true).Objection(Shop, Office, "stock", IsBelow));
    }

    [Fact]
    public void What_is_wrong_in_one_is_said()
    {
        MessagePolicy.Read(Policies.Object("p", "from: {clusters: 'a==', subtree: 'A'}, topics: ['']"), out var faults);
        Assert.Equal(3, faults.Count);
    }

    private static bool IsBelow(string cluster, string top) => top == "root" || top == cluster || (cluster == "shop" && top == "north");

    private static MessagePolicy Policy(string spec) => MessagePolicy.Read(Policies.Object("p", spec), out _);

    private static RouteEntry Entry(string name, string tag) => new() { Name = name, Uid = "u", Tags = TagSet.TryCreate([tag], out var tags, out _) ? tags : TagSet.Empty };
}
