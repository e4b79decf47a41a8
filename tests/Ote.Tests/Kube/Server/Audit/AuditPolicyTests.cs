using Ote.Kube.Server.Audit;

namespace Ote.Tests.Kube.Server.Audit;

public sealed class AuditPolicyTests
{
    private const string Policy = """
        apiVersion: audit.k8s.io/v1
        kind: Policy
        omitStages: [RequestReceived]
        rules:
        - level: None
          users: [system:kube-proxy]
          verbs: [watch]
          resources: [{group: "", resources: [endpoints, services]}]
        - level: None
          userGroups: [system:authenticated]
          nonResourceURLs: ["/api*", /version]
        - level: Metadata
          resources: [{group: "", resources: [configmaps], resourceNames: [one]}]
          namespaces: [kube-system]
        - level: None
          resources: [{group: apps}, {group: "", resources: [pods/*, "*/status"]}]
        - level: Metadata
          omitStages: [ResponseStarted]
        """;

    private static readonly AuditSubject Someone = new("jane", ["dev", "system:authenticated"], "get", "", "secrets", "", "default", "one", "/api/v1/namespaces/default/secrets/one");

    [Fact]
    public void The_first_rule_that_is_for_a_request_decides()
    {
        var policy = AuditPolicyFile.Parse(Policy);
        Assert.Equal((AuditLevel.Metadata, AuditStages.RequestReceived | AuditStages.ResponseStarted), policy.Of(Someone));
        var proxy = Someone with { User = "system:kube-proxy", Verb = "watch", Resource = "services", Name = "" };
        Assert.Equal(AuditLevel.None, policy.Of(proxy).Level);
        Assert.Equal(AuditLevel.Metadata, policy.Of(proxy with { Verb = "list" }).Level);
        Assert.Equal(AuditLevel.Metadata, policy.Of(proxy with { Resource = "nodes" }).Level);
        var path = new AuditSubject("jane", ["system:authenticated"], "get", "", "", "", "", "", "/apis/apps");
        Assert.Equal(AuditLevel.None, policy.Of(path).Level);
        Assert.Equal(AuditLevel.None, policy.Of(path with { Path = "/version" }).Level);
        Assert.Equal(AuditLevel.Metadata, policy.Of(path with { Path = "/version/x" }).Level);
        Assert.Equal(AuditLevel.Metadata, policy.Of(path with { Groups = [] }).Level);
    }

    [Fact]
    public void Parts_of_resources_and_whole_groups_can_be_named()
    {
        var policy = AuditPolicyFile.Parse(Policy);
        Assert.Equal(AuditLevel.None, policy.Of(Someone with { Group = "apps", Resource = "deployments" }).Level);
        Assert.Equal(AuditLevel.None, policy.Of(Someone with { Resource = "pods", Subresource = "log" }).Level);
        Assert.Equal(AuditLevel.None, policy.Of(Someone with { Resource = "nodes", Subresource = "status" }).Level);
        // As in the real server: pods themselves too.
        Assert.Equal(AuditLevel.None, policy.Of(Someone with { Resource = "pods" }).Level);
        Assert.Equal(AuditLevel.Metadata, policy.Of(Someone with { Resource = "services" }).Level);
        Assert.Equal(AuditLevel.Metadata, policy.Of(Someone with { Resource = "nodes", Subresource = "proxy" }).Level);
    }

    [Fact]
    public void What_no_rule_is_for_is_not_noted()
    {
        var policy = AuditPolicyFile.Parse("""{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata", "users": ["joe"]}]}""");
        Assert.Equal(AuditLevel.None, policy.Of(Someone).Level);
        Assert.Equal(AuditLevel.Metadata, policy.Of(Someone with { User = "joe" }).Level);
    }

    [Fact]
    public void Without_a_file_writes_are_noted_and_reads_leases_and_events_are_not()
    {
        var policy = AuditPolicy.Default;
        Assert.Equal(AuditLevel.None, policy.Of(Someone).Level);
        Assert.Equal(AuditLevel.Metadata, policy.Of(Someone with { Verb = "delete" }).Level);
        Assert.Equal(AuditLevel.None, policy.Of(Someone with { Verb = "update", Group = "coordination.k8s.io", Resource = "leases" }).Level);
        Assert.Equal(AuditLevel.None, policy.Of(Someone with { Verb = "create", Resource = "events" }).Level);
        Assert.Equal(AuditLevel.Metadata, policy.Of(Someone with { Verb = "update", Resource = "pods", Subresource = "status" }).Level);
        Assert.Equal(AuditLevel.None, policy.Of(Someone with { User = "system:edge-cluster", Verb = "update", Group = "apps", Resource = "deployments", Subresource = "status" }).Level);
    }

    [Theory]
    [InlineData("rules: [{level: Metadata}]", "not apiVersion: audit.k8s.io/v1")]
    [InlineData("apiVersion: audit.k8s.io/v1\nkind: Policy\n", "rules: at least one belongs there")]
    [InlineData("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Request}]", "rules[0].level: this server notes no bodies; write Metadata")]
    [InlineData("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: All}]", "rules[0].level: 'All' is neither None nor Metadata")]
    [InlineData("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, user: [a]}]", "rules[0] has an unknown field 'user'")]
    [InlineData("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, users: a}]", "rules[0].users is no list of texts")]
    [InlineData("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, omitStages: [Late]}]", "rules[0].omitStages: 'Late' is none of")]
    [InlineData("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, nonResourceURLs: [/], namespaces: [a]}]", "rules[0]: nonResourceURLs do not go together")]
    [InlineData("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, resources: [{resourceNames: [a]}]}]", "rules[0].resources[0]: resourceNames need resources")]
    public void A_policy_that_is_not_understood_whole_is_refused(string text, string why) =>
        Assert.Contains(why, Assert.Throws<FormatException>(() => AuditPolicyFile.Parse(text)).Message, StringComparison.Ordinal);
}
