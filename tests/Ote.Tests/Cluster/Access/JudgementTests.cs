using Ote.Cluster.Access;
using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Tests.Cluster.Access;

public sealed class JudgementTests
{
    private const string Pods = "/api/v1/namespaces/shop/pods";
    private static readonly RouteEntry[] Clusters =
    [
        new() { Name = "c1", Uid = "1", Tags = TagSet.Of("tier=edge") }, new() { Name = "c2", Uid = "2", Tags = TagSet.Of("tier=mec") }, new() { Name = "c3", Uid = "3" },
    ];

    [Theory]
    // Subjects.
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", "GET", Pods, "")]
    [InlineData("subjects: [{kind: User, name: bob}], rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", "GET", Pods, "c1 c2 c3")]
    [InlineData("subjects: [{kind: Group, name: alice}], rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", "GET", Pods, "c1 c2 c3")]
    [InlineData("subjects: [{kind: Group, name: shop}], rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", "GET", Pods, "")]
    [InlineData("subjects: [{kind: User, name: '*'}], rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", "GET", Pods, "")]
    [InlineData("subjects: [], rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", "GET", Pods, "c1 c2 c3")]
    // Entries.
    [InlineData("subjects: [{kind: User, name: '*'}], entries: [root], rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", "GET", Pods, "")]
    [InlineData("subjects: [{kind: User, name: '*'}], entries: [north], rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", "GET", Pods, "c1 c2 c3")]
    // Clusters.
    [InlineData("subjects: [{kind: User, name: alice}], clusters: tier=edge, rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", "GET", Pods, "c2 c3")]
    [InlineData("subjects: [{kind: User, name: alice}], subtree: c2, rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", "GET", Pods, "c1")]
    [InlineData("subjects: [{kind: User, name: alice}], subtree: c2, clusters: tier=mec, rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", "GET", Pods, "c1 c3")]
    // Verbs, kinds, namespaces, names.
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: [list], apiGroups: [''], resources: [pods], namespaces: [shop]}]", "GET", Pods, "")]
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: [get], apiGroups: [''], resources: [pods], namespaces: [shop]}]", "GET", Pods, "c1 c2 c3")]
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: [list], apiGroups: [apps], resources: [pods]}]", "GET", Pods, "c1 c2 c3")]
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: [list], apiGroups: [''], resources: [pods], namespaces: [other]}]", "GET", Pods, "c1 c2 c3")]
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: [list], apiGroups: [''], resources: [pods], namespaces: ['*']}]", "GET", "/api/v1/pods", "c1 c2 c3")]
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: [get], apiGroups: [''], resources: [pods]}]", "GET", Pods + "/web/log", "c1 c2 c3")]
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: [get], apiGroups: [''], resources: ['*/log']}]", "GET", Pods + "/web/log", "")]
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: [get], apiGroups: [''], resources: [pods], resourceNames: [web]}]", "GET", Pods + "/web", "")]
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: [list], apiGroups: [''], resources: [pods], resourceNames: [web]}]", "GET", Pods, "c1 c2 c3")]
    // Paths.
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", "GET", "/version", "c1 c2 c3")]
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: [get], nonResourceURLs: [/healthz/*]}]", "GET", "/healthz/etcd", "")]
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: [get], nonResourceURLs: [/healthz/*]}]", "GET", "/version", "c1 c2 c3")]
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: ['*'], nonResourceURLs: ['*']}]", "GET", Pods, "c1 c2 c3")]
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*'], nonResourceURLs: ['*']}]", "GET", "/api/v1//pods", "c1 c2 c3")]
    // A rule copied from a role names verbs that no command has; a path's are methods.
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: [get, list, watch], apiGroups: [''], resources: [pods]}]", "GET", Pods, "")]
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: [head, post, put], nonResourceURLs: [/healthz]}]", "HEAD", "/healthz", "")]
    // What is wrong allows nothing, and is there.
    [InlineData("subjects: [{kind: User, name: alice}], rules: [{verbs: [list, fly], apiGroups: [''], resources: [pods]}]", "GET", Pods, "c1 c2 c3")]
    [InlineData("subjects: [{kind: User, name: alice}], clusters: 'a==', rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", "GET", Pods, "c1 c2 c3")]
    public void Policy_allows_what_it_says_and_nothing_else(string spec, string method, string url, string refused)
    {
        var verdict = Judge(Command(method, url), Set(spec));
        Assert.Equal(refused, string.Join(' ', verdict.Refused.Order(StringComparer.Ordinal)));
        Assert.Equal(refused.Length == 0, verdict.Text.Length == 0);
    }

    [Fact]
    public void Without_policies_everything_is_allowed_and_the_selector_goes_as_it_is() => Assert.Equal((0, false), Facts(Judge(Command("DELETE", Pods), new PolicySet("here", []))));

    [Fact]
    public void A_file_without_policies_allows_nothing() => Assert.Equal((3, true), Facts(Judge(Command("GET", Pods), PolicyFile.Read("", "file", "c1"))));

    [Fact]
    public void Every_place_that_has_policies_must_allow_it()
    {
        var wide = Set("subjects: [{kind: User, name: '*'}], rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]");
        var narrow = Set("subjects: [{kind: User, name: '*'}], clusters: c1, rules: [{verbs: [list], apiGroups: ['*'], resources: ['*']}]");
        Assert.Equal(["c2", "c3"], Judge(Command("GET", Pods), wide, narrow).Refused.Order(StringComparer.Ordinal));
        Assert.Equal(3, Judge(Command("DELETE", Pods), wide, narrow).Refused.Count);
    }

    [Fact]
    public void What_is_allowed_for_clusters_one_by_one_is_bound_to_them_even_when_none_is_refused() =>
        Assert.Equal((0, true), Facts(Judge(Command("GET", Pods), Set("subjects: [{kind: User, name: alice}], clusters: '*', rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]"))));

    [Fact]
    public void Refusal_names_who_what_and_the_next_step() => Assert.Equal(
        "user 'alice' may not ask this cluster to deletecollection pods in namespace shop: none of the 1 command policies of here allows it; ask who keeps them for one that does",
        Judge(Command("DELETE", Pods), Set("subjects: []")).Text);

    private static (int Refused, bool Bound) Facts(AccessVerdict verdict) => (verdict.Refused.Count, verdict.IsBound);

    // c3 hangs below c2.
    private static AccessVerdict Judge(Command command, params PolicySet[] sets) =>
        Judgement.Of(command, sets, Clusters, (cluster, top) => cluster == top || (cluster, top) == ("c3", "c2"));

    private static Command Command(string method, string url) => new()
    {
        Entry = "root", Destination = "api", Method = method, Url = url, Requester = new Requester { User = "alice", Groups = { "shop", "system:authenticated" } },
    };

    private static PolicySet Set(string spec) => new("here", [CommandPolicy.Read(Policies.Object("p", spec), out _)]);
}
