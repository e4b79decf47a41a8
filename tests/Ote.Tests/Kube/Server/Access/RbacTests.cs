using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Access;

/// <summary>Roles and bindings that are stored decide from the moment they are.</summary>
public sealed class RbacTests
{
    private static readonly ResourceRef s_roles = new("rbac.authorization.k8s.io", "v1", "roles", "Role", true);
    private static readonly ResourceRef s_clusterRoles = new("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false);
    private static readonly ResourceRef s_bindings = new("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true);
    private static readonly ResourceRef s_clusterBindings = new("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false);
    private static readonly UserInfo s_jo = new("jo", ["team", UserInfo.Authenticated]);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Binding_counts_in_its_namespace_until_it_is_deleted()
    {
        await using var api = await ApiServerFixture.StartAsync(onDisk: true);
        var jo = api.As(s_jo);
        await RefusedAsync(() => jo.ListAsync(Kinds.Pods, "default", null, Ct), """pods is forbidden: User "jo" cannot list resource "pods" in API group "" in the namespace "default" """);
        await api.Admin.CreateAsync(s_roles, "default", Role("reader", """[{"apiGroups":[""],"resources":["pods"],"verbs":["get","list"]}]"""), Ct);
        await api.Admin.CreateAsync(s_bindings, "default", Binding("RoleBinding", "b", "Role", "reader", """[{"kind":"Group","name":"team"}]"""), Ct);
        await jo.ListAsync(Kinds.Pods, "default", null, Ct);
        await RefusedAsync(() => jo.ListAsync(Kinds.Pods, "kube-system", null, Ct));
        await RefusedAsync(() => jo.ListAsync(Kinds.Pods, null, null, Ct));
        await RefusedAsync(() => jo.DeleteAsync(Kinds.Pods, "default", "p", Ct));
        await RefusedAsync(() => jo.ListAsync(Kinds.Secrets, "default", null, Ct));
        await api.Admin.DeleteAsync(s_bindings, "default", "b", Ct);
        await RefusedAsync(() => jo.ListAsync(Kinds.Pods, "default", null, Ct));
    }

    [Fact]
    public async Task Binding_counts_after_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("ote-rbac-");
        try
        {
            var options = new ApiServerOptions { Name = "test", DataDirectory = folder.FullName, BootstrapRoles = true };
            await using (var before = await ApiServer.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System, Ct))
            {
                using var admin = before.CreateClient(UserInfo.Admin);
                await admin.CreateAsync(s_bindings, "default", Binding("RoleBinding", "b", "ClusterRole", "view", """[{"kind":"User","name":"jo"}]"""), Ct);
            }

            await using var after = await ApiServer.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System, Ct);
            using var jo = after.CreateClient(s_jo);
            await jo.ListAsync(Kinds.Pods, "default", null, Ct);
            await RefusedAsync(() => jo.ListAsync(Kinds.Pods, "kube-system", null, Ct));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task ServiceAccounts_names_and_parts_are_told_apart()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.Admin.CreateAsync(s_clusterRoles, null, Role("one", """
            [{"apiGroups":[""],"resources":["configmaps"],"resourceNames":["mine"],"verbs":["get","list","update"]},
             {"apiGroups":["*"],"resources":["*/status"],"verbs":["get"]}, {"nonResourceURLs":["/metrics/*"],"verbs":["get"]}]
            """), Ct);
        await api.Admin.CreateAsync(s_clusterBindings, null, Binding("ClusterRoleBinding", "b", "ClusterRole", "one", """[{"kind":"ServiceAccount","name":"robot","namespace":"apps"}]"""), Ct);
        var robot = new UserInfo("system:serviceaccount:apps:robot", [UserInfo.Authenticated]);
        Assert.True(await MayAsync(api, robot, """{"verb":"get","resource":"configmaps","name":"mine","namespace":"default"}"""));
        Assert.False(await MayAsync(api, robot, """{"verb":"get","resource":"configmaps","name":"yours","namespace":"default"}"""));
        Assert.False(await MayAsync(api, robot, """{"verb":"list","resource":"configmaps","namespace":"default"}"""));
        Assert.True(await MayAsync(api, robot, """{"verb":"get","group":"apps","resource":"deployments","subresource":"status","namespace":"x"}"""));
        Assert.False(await MayAsync(api, robot, """{"verb":"get","group":"apps","resource":"deployments","namespace":"x"}"""));
        Assert.False(await MayAsync(api, new UserInfo("system:serviceaccount:other:robot", []), """{"verb":"get","resource":"configmaps","name":"mine"}"""));
        // A list of one by its name is judged as that one.
        await api.As(robot).ListAsync(Kinds.ConfigMaps, "default", new ListQuery(FieldSelector: "metadata.name=mine"), Ct);
        await RefusedAsync(() => api.As(robot).ListAsync(Kinds.ConfigMaps, "default", new ListQuery(FieldSelector: "metadata.name=yours"), Ct));
        await RefusedAsync(() => api.As(robot).ListAsync(Kinds.ConfigMaps, "default", new ListQuery(FieldSelector: "metadata.name!=mine"), Ct));
    }

    [Fact]
    public async Task Bootstrap_roles_let_view_read_but_no_secrets_and_take_in_what_is_labelled()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { BootstrapRoles = true });
        await api.Admin.CreateAsync(s_bindings, "default", Binding("RoleBinding", "b", "ClusterRole", "view", """[{"kind":"User","name":"jo"}]"""), Ct);
        var jo = api.As(s_jo);
        await jo.ListAsync(Kinds.Pods, "default", null, Ct);
        await RefusedAsync(() => jo.ListAsync(Kinds.Secrets, "default", null, Ct));
        Assert.Equal(404, (await Assert.ThrowsAsync<KubeStatusException>(() => jo.SendAsync(HttpMethod.Get, "apis/nothing", null, null, Ct))).Code); // discovery is allowed
        var more = Role("more", """[{"apiGroups":[""],"resources":["secrets"],"verbs":["list"]}]""");
        more.Child("metadata")["labels"] = new JsonObject { ["rbac.authorization.k8s.io/aggregate-to-view"] = "true" };
        await api.Admin.CreateAsync(s_clusterRoles, null, more, Ct);
        await jo.ListAsync(Kinds.Secrets, "default", null, Ct);
    }

    [Fact]
    public async Task Nobody_gives_away_what_they_may_not_do_themselves()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { BootstrapRoles = true });
        await api.Admin.CreateAsync(s_bindings, "default", Binding("RoleBinding", "b", "ClusterRole", "admin", """[{"kind":"User","name":"jo"}]"""), Ct);
        var jo = api.As(s_jo);
        await jo.CreateAsync(s_roles, "default", Role("fine", """[{"apiGroups":["apps"],"resources":["deployments"],"verbs":["get","create"]}]"""), Ct);
        await jo.CreateAsync(s_bindings, "default", Binding("RoleBinding", "fine", "Role", "fine", """[{"kind":"User","name":"al"}]"""), Ct);
        await RefusedAsync(
            () => jo.CreateAsync(s_roles, "default", Role("greedy", """[{"apiGroups":[""],"resources":["nodes","pods"],"verbs":["get"]}]"""), Ct),
            "is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"nodes\"], Verbs:[\"get\"]}");
        await RefusedAsync(() => jo.CreateAsync(s_bindings, "default", Binding("RoleBinding", "greedy", "ClusterRole", "cluster-admin", """[{"kind":"User","name":"jo"}]"""), Ct));
        await RefusedAsync(
            () => jo.PatchAsync(s_roles, "default", "fine", PatchKind.Merge, JsonNode.Parse("""{"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}""")!, Ct));
        // A label changes nothing about what it allows.
        await jo.PatchAsync(s_roles, "default", "fine", PatchKind.Merge, JsonNode.Parse("""{"metadata":{"labels":{"a":"b"}}}""")!, Ct);

        // Of a role that is not there nobody can say what it would give.
        var missing = await Assert.ThrowsAsync<KubeStatusException>(
            () => jo.CreateAsync(s_bindings, "default", Binding("RoleBinding", "early", "Role", "later", """[{"kind":"User","name":"al"}]"""), Ct));
        Assert.Equal((404, "NotFound", "roles.rbac.authorization.k8s.io \"later\" not found"), (missing.Code, missing.Reason, missing.Message));
        await api.Admin.CreateAsync(s_bindings, "default", Binding("RoleBinding", "early", "Role", "later", """[{"kind":"User","name":"al"}]"""), Ct);

        await api.Admin.CreateAsync(s_clusterRoles, null, Role("binder", """[{"apiGroups":["rbac.authorization.k8s.io"],"resources":["clusterroles"],"resourceNames":["cluster-admin"],"verbs":["bind"]}]"""), Ct);
        await api.Admin.CreateAsync(s_clusterBindings, null, Binding("ClusterRoleBinding", "b", "ClusterRole", "binder", """[{"kind":"User","name":"jo"}]"""), Ct);
        await jo.CreateAsync(s_bindings, "default", Binding("RoleBinding", "greedy", "ClusterRole", "cluster-admin", """[{"kind":"User","name":"jo"}]"""), Ct);
    }

    [Fact]
    public async Task Reviews_say_who_somebody_is_and_what_they_may_do()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { BootstrapRoles = true, Tokens = new Dictionary<string, UserInfo> { ["t0ken"] = s_jo } });
        await api.Admin.CreateAsync(s_bindings, "default", Binding("RoleBinding", "b", "ClusterRole", "edit", """[{"kind":"Group","name":"team"}]"""), Ct);
        var jo = api.As(s_jo);
        var who = await AskAsync(jo, "apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
        Assert.Equal("jo", who.Text("status", "userInfo", "username"));
        var token = await AskAsync(api.Admin, "apis/authentication.k8s.io/v1/tokenreviews", """{"spec":{"token":"t0ken"}}""");
        Assert.Equal((true, "jo"), (token.Truth("status", "authenticated"), token.Text("status", "user", "username")));
        Assert.Null((await AskAsync(api.Admin, "apis/authentication.k8s.io/v1/tokenreviews", """{"spec":{"token":"guess"}}""")).Truth("status", "authenticated"));
        await RefusedAsync(() => AskAsync(jo, "apis/authentication.k8s.io/v1/tokenreviews", """{"spec":{"token":"t0ken"}}"""));

        var rules = await AskAsync(jo, "apis/authorization.k8s.io/v1/selfsubjectrulesreviews", """{"spec":{"namespace":"default"}}""");
        Assert.Contains(rules.Items("status", "resourceRules")!.OfType<JsonObject>(), r => r.Items("resources")!.Any(x => (string?)x == "deployments"));
        Assert.Equal(false, rules.Truth("status", "incomplete"));
        Assert.Contains(
            (await AskAsync(api.Admin, "apis/authorization.k8s.io/v1/selfsubjectrulesreviews", """{"spec":{"namespace":"default"}}""")).Items("status", "resourceRules")!.OfType<JsonObject>(),
            r => r["verbs"]!.ToJsonString() == """["*"]""");

        const string Local = """{"spec":{"user":"al","groups":["team"],"resourceAttributes":{"verb":"create","resource":"pods","namespace":"default"}}}""";
        var local = await AskAsync(api.Admin, "apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews", Local);
        Assert.Equal(true, local.Truth("status", "allowed"));
        Assert.Equal("""RBAC: allowed by RoleBinding "b/default" of ClusterRole "edit" to Group "team" """.TrimEnd(), local.Text("status", "reason"));
        Assert.Equal(422, (await Assert.ThrowsAsync<KubeStatusException>(
            () => AskAsync(api.Admin, "apis/authorization.k8s.io/v1/namespaces/kube-system/localsubjectaccessreviews", Local))).Code);
        Assert.Equal(422, (await Assert.ThrowsAsync<KubeStatusException>(
            () => AskAsync(api.Admin, "apis/authorization.k8s.io/v1/subjectaccessreviews", """{"spec":{"resourceAttributes":{"verb":"get"}}}"""))).Code);
    }

    private static JsonObject Role(string name, string rules) => new() { ["metadata"] = new JsonObject { ["name"] = name }, ["rules"] = JsonNode.Parse(rules) };

    private static JsonObject Binding(string kind, string name, string roleKind, string role, string subjects) => new()
    {
        ["apiVersion"] = "rbac.authorization.k8s.io/v1",
        ["kind"] = kind,
        ["metadata"] = new JsonObject { ["name"] = name },
        ["roleRef"] = new JsonObject { ["apiGroup"] = "rbac.authorization.k8s.io", ["kind"] = roleKind, ["name"] = role },
        ["subjects"] = new JsonArray([.. ((JsonArray)JsonNode.Parse(subjects)!).OfType<JsonObject>().Select(s =>
        {
            var subject = (JsonObject)s.DeepClone();
            if (subject.Text("kind") != "ServiceAccount")
            {
                subject["apiGroup"] = "rbac.authorization.k8s.io";
            }

            return (JsonNode)subject;
        })]),
    };

    private static async Task<bool> MayAsync(ApiServerFixture api, UserInfo user, string resource)
    {
        var spec = new JsonObject { ["user"] = user.Name, ["groups"] = new JsonArray([.. user.Groups.Select(g => (JsonNode)g)]), ["resourceAttributes"] = JsonNode.Parse(resource) };
        return (await AskAsync(api.Admin, "apis/authorization.k8s.io/v1/subjectaccessreviews", new JsonObject { ["spec"] = spec }.ToJsonString())).Truth("status", "allowed") == true;
    }

    private static Task<JsonObject> AskAsync(KubeClient client, string path, string body) =>
        client.SendAsync(HttpMethod.Post, path, JsonNode.Parse(body), new MediaTypeHeaderValue("application/json"), Ct);

    private static async Task RefusedAsync(Func<Task> request, string? because = null)
    {
        var refused = await Assert.ThrowsAsync<KubeStatusException>(request);
        Assert.Equal(403, refused.Code);
        if (because is not null)
        {
            Assert.Contains(because.TrimEnd(), refused.Message, StringComparison.Ordinal);
        }
    }
}
