using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Lifecycle;

/// <summary>What goes with what is deleted.</summary>
public sealed class CleanupTests
{
    private static readonly ResourceRef Widgets = new("test.ote", "v1", "widgets", "Widget", true);

    private static readonly ResourceRef Events = new("", "v1", "events", "Event", true);

    private const string Definitions = "apis/apiextensions.k8s.io/v1/customresourcedefinitions";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Namespace_TakesItsContentAlong_AndTakesNothingNew(bool onDisk)
    {
        await using var api = await ApiServerFixture.StartAsync(onDisk);
        await api.Admin.CreateAsync(Kinds.Namespaces, null, Named("team"), Token);
        var held = Named("held");
        held["metadata"]!["finalizers"] = new JsonArray("test.ote/hold");
        await api.Admin.CreateAsync(Kinds.ConfigMaps, "team", held, Token);
        await api.Admin.CreateAsync(Kinds.Secrets, "team", Named("s"), Token);
        await api.Admin.DeleteAsync(Kinds.Namespaces, null, "team", Token);
        await GoneAsync(api, Kinds.Secrets, "team", "s");
        Assert.Equal("Terminating", (await api.Admin.GetAsync(Kinds.Namespaces, null, "team", Token)).Text("status", "phase"));
        JsonObject? stuck = null;
        await UntilAsync(async () => (stuck = await api.Admin.GetAsync(Kinds.Namespaces, null, "team", Token))!.Condition("NamespaceFinalizersRemaining") is not null);
        Assert.Equal(
            [
                "NamespaceDeletionDiscoveryFailure False", "NamespaceDeletionGroupVersionParsingFailure False", "NamespaceDeletionContentFailure False", "NamespaceContentRemaining True",
                "NamespaceFinalizersRemaining True",
            ],
            stuck!.Items("status", "conditions")!.Select(c => $"{c.Text("type")} {c.Text("status")}"));
        Assert.Equal("Some resources are remaining: configmaps. has 1 resource instances", stuck!.Condition("NamespaceContentRemaining").Text("message"));
        Assert.Equal("Some content in the namespace has finalizers remaining: test.ote/hold in 1 resource instances", stuck!.Condition("NamespaceFinalizersRemaining").Text("message"));
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => api.Admin.CreateAsync(Kinds.Secrets, "team", Named("late"), Token));
        Assert.Equal((403, "secrets \"late\" is forbidden: unable to create new content in namespace team because it is being terminated"), (refused.Code, refused.Message));
        await api.Admin.PatchAsync(Kinds.ConfigMaps, "team", "held", PatchKind.Merge, (JsonObject)JsonNode.Parse("""{"metadata":{"finalizers":null}}""")!, Token);
        await GoneAsync(api, Kinds.Namespaces, null, "team");
    }

    [Theory]
    [InlineData("default")]
    [InlineData("kube-system")]
    public async Task Namespace_OfTheSystem_MayNotBeDeleted(string name)
    {
        await using var api = await ApiServerFixture.StartAsync();
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => api.Admin.DeleteAsync(Kinds.Namespaces, null, name, Token));
        Assert.Equal((403, $"namespaces \"{name}\" is forbidden: this namespace may not be deleted"), (refused.Code, refused.Message));
    }

    [Fact]
    public async Task Dependents_GoWithTheirLastOwner()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var first = await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Named("o1"), Token);
        var second = await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Named("o2"), Token);
        await api.Admin.CreateAsync(Kinds.Secrets, "default", Owned("one", first), Token);
        await api.Admin.CreateAsync(Kinds.Secrets, "default", Owned("both", first, second), Token);
        await api.Admin.CreateAsync(Kinds.Pods, "default", PodOf("grandchild", await api.Admin.GetAsync(Kinds.Secrets, "default", "one", Token)), Token);
        await api.Admin.DeleteAsync(Kinds.ConfigMaps, "default", "o1", Token);
        await GoneAsync(api, Kinds.Secrets, "default", "one");
        await GoneAsync(api, Kinds.Pods, "default", "grandchild");
        await UntilAsync(async () => (await api.Admin.GetAsync(Kinds.Secrets, "default", "both", Token))!.Items("metadata", "ownerReferences")!.Count == 1);
        await api.Admin.DeleteAsync(Kinds.ConfigMaps, "default", "o2", Token);
        await GoneAsync(api, Kinds.Secrets, "default", "both");
    }

    [Fact]
    public async Task Dependents_OfAnOwnerThatIsNotThere_Go()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var ghost = Named("ghost");
        ghost["apiVersion"] = "v1";
        ghost["kind"] = "ConfigMap";
        ghost["metadata"]!["uid"] = "no-such-uid";
        await api.Admin.CreateAsync(Kinds.Secrets, "default", Owned("child", ghost), Token);
        await GoneAsync(api, Kinds.Secrets, "default", "child");

        var foundling = await api.Admin.CreateAsync(Kinds.Secrets, "default", Named("foundling"), Token);
        foundling["metadata"]!["ownerReferences"] = Owned("foundling", ghost)["metadata"]!["ownerReferences"]!.DeepClone();
        await api.Admin.ReplaceAsync(Kinds.Secrets, foundling, Token);
        await GoneAsync(api, Kinds.Secrets, "default", "foundling");
    }

    [Fact]
    public async Task Dependents_Orphaned_Stay()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var owner = await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Named("o"), Token);
        await api.Admin.CreateAsync(Kinds.Secrets, "default", Owned("child", owner), Token);
        await api.SendAsync(HttpMethod.Delete, "api/v1/namespaces/default/configmaps/o?propagationPolicy=Orphan");
        await GoneAsync(api, Kinds.ConfigMaps, "default", "o");
        var child = await api.Admin.GetAsync(Kinds.Secrets, "default", "child", Token);
        Assert.Null(child!.Items("metadata", "ownerReferences"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Owner_DeletedInTheForeground_GoesAfterThoseThatBlockIt(bool restarted)
    {
        var folder = Directory.CreateTempSubdirectory("ote-clean-");
        try
        {
            var options = new ApiServerOptions { Name = "test", DataDirectory = folder.FullName };
            var server = await ApiServer.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System, Token);
            using (var admin = server.CreateClient(UserInfo.Admin))
            {
                var owner = await admin.CreateAsync(Kinds.ConfigMaps, "default", Named("o"), Token);
                var middle = await admin.CreateAsync(Kinds.Secrets, "default", Blocking(Owned("middle", owner)), Token);
                var held = Blocking(Owned("held", middle));
                held["metadata"]!["finalizers"] = new JsonArray("test.ote/hold");
                await admin.CreateAsync(Kinds.ConfigMaps, "default", held, Token);
                await admin.CreateAsync(Kinds.Secrets, "default", Owned("free", owner), Token);
                await admin.SendAsync(HttpMethod.Delete, "api/v1/namespaces/default/configmaps/o?propagationPolicy=Foreground", null, null, Token);
                await UntilAsync(async () => (await admin.GetAsync(Kinds.ConfigMaps, "default", "held", Token))!.IsDeleting());
                Assert.Equal("foregroundDeletion", (string?)(await admin.GetAsync(Kinds.Secrets, "default", "middle", Token)).Items("metadata", "finalizers")?[0]);
                Assert.True((await admin.GetAsync(Kinds.ConfigMaps, "default", "o", Token))!.IsDeleting());
            }

            if (restarted)
            {
                await server.DisposeAsync();
                server = await ApiServer.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System, Token);
            }

            await using (server)
            {
                using var admin = server.CreateClient(UserInfo.Admin);
                await admin.PatchAsync(Kinds.ConfigMaps, "default", "held", PatchKind.Merge, JsonNode.Parse("""{"metadata":{"finalizers":null}}""")!, Token);
                foreach (var (kind, name) in new[] { (Kinds.Secrets, "middle"), (Kinds.ConfigMaps, "o"), (Kinds.Secrets, "free") })
                {
                    await UntilAsync(async () => await admin.GetAsync(kind, "default", name, Token) is null);
                }
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Dependents_OfAnotherOwnerToo_OnlyLoseTheOneThatGoesInTheForeground()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var first = await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Named("o1"), Token);
        var second = await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Named("o2"), Token);
        await api.Admin.CreateAsync(Kinds.Secrets, "default", Blocking(Owned("both", first, second)), Token);
        await api.SendAsync(HttpMethod.Delete, "api/v1/namespaces/default/configmaps/o1?propagationPolicy=Foreground");
        await GoneAsync(api, Kinds.ConfigMaps, "default", "o1");
        var left = Assert.Single((await api.Admin.GetAsync(Kinds.Secrets, "default", "both", Token)).Items("metadata", "ownerReferences")!);
        Assert.Equal("o2", left.Text("name"));
    }

    [Fact]
    public async Task Event_GoesWhenItWasNotSeenForAnHour()
    {
        FakeTimeProvider time = new(new DateTimeOffset(2026, 11, 1, 9, 0, 0, TimeSpan.Zero));
        await using var api = await ApiServerFixture.StartAsync(time: time);
        await api.Admin.CreateAsync(Events, "default", Seen("old", time), Token);
        time.Advance(TimeSpan.FromMinutes(50));
        await api.Admin.CreateAsync(Events, "default", Seen("new", time), Token);
        var again = await api.Admin.CreateAsync(Events, "default", Seen("again", time), Token);
        time.Advance(TimeSpan.FromMinutes(20));
        await GoneAsync(api, Events, "default", "old");
        Assert.NotNull(await api.Admin.GetAsync(Events, "default", "new", Token));
        again["lastTimestamp"] = time.GetUtcNow().ToKubeTime();
        await api.Admin.ReplaceAsync(Events, again, Token);
        time.Advance(TimeSpan.FromMinutes(50));
        await GoneAsync(api, Events, "default", "new");
        Assert.NotNull(await api.Admin.GetAsync(Events, "default", "again", Token));
    }

    [Fact]
    public async Task Namespace_GoesBySomebodyElsesHand_WhereTheServerCollectsNothing()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { CollectsGarbage = false });
        await api.Admin.CreateAsync(Kinds.Namespaces, null, Named("team"), Token);
        await api.Admin.DeleteAsync(Kinds.Namespaces, null, "team", Token);
        var team = await api.Admin.GetAsync(Kinds.Namespaces, null, "team", Token);
        Assert.Equal("Terminating", team.Text("status", "phase"));
        team!["spec"]!["finalizers"] = new JsonArray();
        var (code, _) = await api.SendAsync(HttpMethod.Put, "api/v1/namespaces/team/finalize", team.ToJsonString());
        Assert.Equal(200, code);
        Assert.Null(await api.Admin.GetAsync(Kinds.Namespaces, null, "team", Token));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Definition_IsServedAtOnce_AndTakesItsObjectsAlong(bool onDisk)
    {
        await using var api = await ApiServerFixture.StartAsync(onDisk);
        var crd = await api.Admin.CreateAsync(Kinds.CustomResourceDefinitions, null, Definition(), Token);
        Assert.True(crd.IsTrue("Established"));
        Assert.True(crd.IsTrue("NamesAccepted"));
        var made = await api.Admin.CreateAsync(Widgets, "default", Widget("w", """{"size":3,"junk":1}"""), Token);
        Assert.Equal((3, "blue", null, 1L), (made.Whole("spec", "size"), made.Text("spec", "colour"), made["spec"]!["junk"], made.Generation()));
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => api.Admin.CreateAsync(Widgets, "default", Widget("x", """{"size":30}"""), Token));
        Assert.Equal((422, "Invalid"), (refused.Code, refused.Reason));
        var status = await api.Admin.PatchAsync(Widgets, "default", "w", PatchKind.Merge, (JsonObject)JsonNode.Parse("""{"status":{"ok":true}}""")!, Token, "status");
        Assert.Equal((true, 1L), (status.Truth("status", "ok"), status.Generation()));
        await api.Admin.DeleteAsync(Kinds.CustomResourceDefinitions, null, "widgets.test.ote", Token);
        await GoneAsync(api, Kinds.CustomResourceDefinitions, null, "widgets.test.ote");
        Assert.Null(await api.Admin.GetAsync(Widgets, "default", "w", Token));
        await api.Admin.CreateAsync(Kinds.CustomResourceDefinitions, null, Definition(), Token);
        Assert.Empty((await api.Admin.ListAsync(Widgets, null, null, Token)).Items);
    }

    [Fact]
    public async Task Definition_that_goes_waits_for_its_objects_and_takes_no_new_ones()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.Admin.CreateAsync(Kinds.CustomResourceDefinitions, null, Definition(), Token);
        var held = Widget("held", """{"size":3}""");
        held["metadata"]!["finalizers"] = new JsonArray("test.ote/hold");
        await api.Admin.CreateAsync(Widgets, "default", held, Token);
        var (_, going) = await api.SendAsync(HttpMethod.Delete, $"{Definitions}/widgets.test.ote");
        Assert.Equal(("customresourcecleanup.apiextensions.k8s.io", "InstanceDeletionPending", 1L), (
            going.Items("metadata", "finalizers")!.Single().Text(), going.Condition("Terminating").Text("reason"), going.Generation()));
        await UntilAsync(async () => (await api.Admin.GetAsync(Kinds.CustomResourceDefinitions, null, "widgets.test.ote", Token))!.Condition("Terminating").Text("reason") == "InstanceDeletionInProgress");

        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => api.Admin.CreateAsync(Widgets, "default", Widget("late", """{"size":1}"""), Token));
        Assert.Equal((405, "MethodNotAllowed", "create not allowed while custom resource definition is terminating"), (refused.Code, refused.Reason, refused.Message));
        await api.Admin.PatchAsync(Widgets, "default", "held", PatchKind.Merge, JsonNode.Parse("""{"spec":{"size":4}}""")!, Token);
        await api.Admin.PatchAsync(Widgets, "default", "held", PatchKind.Merge, JsonNode.Parse("""{"metadata":{"finalizers":null}}""")!, Token);
        await GoneAsync(api, Kinds.CustomResourceDefinitions, null, "widgets.test.ote");
    }

    [Fact]
    public async Task Definition_that_somebody_else_holds_says_that_its_objects_are_gone()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var definition = Definition();
        definition["metadata"]!["finalizers"] = new JsonArray("test.ote/hold");
        await api.Admin.CreateAsync(Kinds.CustomResourceDefinitions, null, definition, Token);
        await api.Admin.CreateAsync(Widgets, "default", Widget("w", """{"size":3}"""), Token);
        await api.Admin.DeleteAsync(Kinds.CustomResourceDefinitions, null, "widgets.test.ote", Token);
        await UntilAsync(async () => (await api.Admin.GetAsync(Kinds.CustomResourceDefinitions, null, "widgets.test.ote", Token))!.Condition("Terminating").Text("reason") == "InstanceDeletionCompleted");
        var left = await api.Admin.GetAsync(Kinds.CustomResourceDefinitions, null, "widgets.test.ote", Token);
        Assert.Equal(["test.ote/hold"], left!.Items("metadata", "finalizers")!.Select(f => f.Text()));
        Assert.Null(await api.Admin.GetAsync(Widgets, "default", "w", Token));
        await api.Admin.PatchAsync(Kinds.CustomResourceDefinitions, null, "widgets.test.ote", PatchKind.Merge, JsonNode.Parse("""{"metadata":{"finalizers":null}}""")!, Token);
        Assert.Equal(404, (await api.SendAsync(HttpMethod.Get, $"{Definitions}/widgets.test.ote")).Code);
    }

    private static JsonObject Named(string name) => new() { ["metadata"] = new JsonObject { ["name"] = name } };

    private static JsonObject Widget(string name, string spec)
    {
        var widget = Named(name);
        widget["spec"] = JsonNode.Parse(spec);
        return widget;
    }

    private static JsonObject Owned(string name, params JsonObject?[] owners)
    {
        var obj = Named(name);
        obj["metadata"]!["ownerReferences"] = new JsonArray([.. owners.Select(o => (JsonNode)new JsonObject
        {
            ["apiVersion"] = o.Text("apiVersion"), ["kind"] = o.Text("kind"), ["name"] = o!.Name(), ["uid"] = o!.Uid(),
        })]);
        return obj;
    }

    private static JsonObject Seen(string name, TimeProvider time)
    {
        var seen = Named(name);
        seen["involvedObject"] = new JsonObject { ["kind"] = "Pod", ["name"] = "p", ["namespace"] = "default" };
        seen["lastTimestamp"] = time.GetUtcNow().ToKubeTime();
        return seen;
    }

    private static JsonObject Blocking(JsonObject owned)
    {
        foreach (var reference in owned.Items("metadata", "ownerReferences")!)
        {
            reference!["blockOwnerDeletion"] = true;
        }

        return owned;
    }

    private static JsonObject PodOf(string name, JsonObject? owner)
    {
        var pod = Owned(name, owner);
        pod["spec"] = JsonNode.Parse("""{"containers":[{"name":"c","image":"i"}]}""");
        return pod;
    }

    private static JsonObject Definition() => (JsonObject)JsonNode.Parse("""
        {"metadata":{"name":"widgets.test.ote"},"spec":{"group":"test.ote","scope":"Namespaced",
         "names":{"plural":"widgets","kind":"Widget"},"versions":[{"name":"v1","served":true,"storage":true,"subresources":{"status":{}},
          "schema":{"openAPIV3Schema":{"type":"object","properties":{
            "spec":{"type":"object","properties":{"size":{"type":"integer","maximum":9},"colour":{"type":"string","default":"blue"}}},
            "status":{"type":"object","properties":{"ok":{"type":"boolean"}}}}}}}]}}
        """)!;

    private static Task GoneAsync(ApiServerFixture api, ResourceRef kind, string? ns, string name) =>
        UntilAsync(async () => await api.Admin.GetAsync(kind, ns, name, Token) is null);

    private static async Task UntilAsync(Func<Task<bool>> reached)
    {
        while (!await reached())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, Token);
        }
    }
}
