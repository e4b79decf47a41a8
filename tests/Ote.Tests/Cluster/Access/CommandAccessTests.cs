using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Access;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Commands;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Tests.Cluster.Access;

/// <summary>Policies of a control API, as they come and go.</summary>
public sealed class CommandAccessTests : IAsyncDisposable
{
    private static readonly Command Pods = new() { Entry = "root", Method = "GET", Url = "/api/v1/pods", Requester = new Requester { User = "alice" } };
    private readonly FakeTimeProvider _time = new();
    private readonly CancellationTokenSource _stop = new();
    private ApiServer _server = null!;
    private RouteKeeper _routes = null!;
    private FaultyHandler _faults = null!;
    private Task _running = Task.CompletedTask;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nothing_is_judged_before_the_policies_are_known()
    {
        var access = await StartAsync(installed: true, failing: true);
        var judged = access.JudgeAsync(Pods, ["c1"], Ct).AsTask();
        await UntilAsync(() => Task.FromResult(_faults.Failed > 2));
        Assert.False(judged.IsCompleted);
        await _server.CreateClient(UserInfo.Admin).CreateAsync(Kinds.CommandPolicies, null, Policies.Object("closed", "subjects: []"), Ct);
        _faults.Fail(0, default, false, _ => false);
        await UntilAsync(() => Task.FromResult(judged.IsCompleted));
        Assert.Equal(["c1"], (await judged).Refused);
    }

    [Fact]
    public async Task First_policy_closes_and_the_last_one_to_go_opens()
    {
        var access = await StartAsync(installed: true);
        Assert.Empty((await access.JudgeAsync(Pods, ["c1"], Ct)).Refused);
        var admin = _server.CreateClient(UserInfo.Admin);
        await admin.CreateAsync(Kinds.CommandPolicies, null, Policies.Object("p", "subjects: [{kind: User, name: bob}], rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]"), Ct);
        await UntilAsync(async () => (await access.JudgeAsync(Pods, ["c1"], Ct)).Refused.Count == 1);
        await admin.CreateAsync(Kinds.CommandPolicies, null, Policies.Object("q", "subjects: [{kind: User, name: alice}], rules: [{verbs: [list], apiGroups: [''], resources: [pods]}]"), Ct);
        await UntilAsync(async () => (await access.JudgeAsync(Pods, ["c1"], Ct)).Refused.Count == 0);
        await admin.DeleteAsync(Kinds.CommandPolicies, null, "q", Ct);
        await UntilAsync(async () => (await access.JudgeAsync(Pods, ["c1"], Ct)).Refused.Count == 1);
        await admin.DeleteAsync(Kinds.CommandPolicies, null, "p", Ct);
        await UntilAsync(async () => (await access.JudgeAsync(Pods, ["c1"], Ct)).Refused.Count == 0);
    }

    [Fact]
    public async Task Policy_that_cannot_be_understood_says_so_in_its_status_until_it_is_mended()
    {
        await StartAsync(installed: true);
        var admin = _server.CreateClient(UserInfo.Admin);
        await admin.CreateAsync(Kinds.CommandPolicies, null, Policies.Object("p", "subjects: [{kind: User, name: bob}], rules: [{verbs: ['*']}]"), Ct);
        JsonObject? policy = null;
        await UntilAsync(async () => (policy = await admin.GetAsync(Kinds.CommandPolicies, null, "p", Ct))!.Condition("InForce") is not null);
        Assert.False(policy!.IsTrue("InForce"));
        Assert.Contains("spec.rules[0]: give apiGroups and resources", policy!.Condition("InForce").Text("message"), StringComparison.Ordinal);
        await admin.PatchAsync(Kinds.CommandPolicies, null, "p", PatchKind.Merge, JsonNode.Parse("""{"spec":{"rules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]}}""")!, Ct);
        await UntilAsync(async () => (policy = await admin.GetAsync(Kinds.CommandPolicies, null, "p", Ct))!.IsTrue("InForce"));
        Assert.Equal(2, policy.Whole("status", "observedGeneration"));
    }

    [Fact]
    public async Task Policy_about_the_subtree_of_a_cluster_that_nobody_knows_says_so_until_there_is_one()
    {
        await StartAsync(installed: true);
        var admin = _server.CreateClient(UserInfo.Admin);
        await admin.CreateAsync(
            Kinds.CommandPolicies, null, Policies.Object("p", "subjects: [{kind: User, name: bob}], subtree: nrth, rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]"), Ct);
        JsonObject? policy = null;
        await UntilAsync(async () => (policy = await admin.GetAsync(Kinds.CommandPolicies, null, "p", Ct))!.IsTrue("InForce"));
        Assert.Equal("what it allows is allowed; no cluster called 'nrth' is known at root, so none counts as below it; correct the subtree if it is mistyped", policy!.Condition("InForce").Text("message"));

        _routes.Apply(t => t.ChildAttached(new RouteEntry { Name = "nrth", Uid = "u-nrth", Parent = "root", Online = true, Epoch = 1 }));
        await UntilAsync(async () => (await admin.GetAsync(Kinds.CommandPolicies, null, "p", Ct))!.Condition("InForce").Text("message") == "what it allows is allowed");
        _routes.Apply(t => t.ChildDetached("nrth", 0));
        _routes.Apply(t => t.Forget("nrth"));
        await UntilAsync(async () => (await admin.GetAsync(Kinds.CommandPolicies, null, "p", Ct))!.Condition("InForce").Text("message") != "what it allows is allowed");
    }

    [Theory]
    [InlineData("[get, fly]", "spec.rules[0].verbs: 'fly' is none of get, list, create, update, patch, delete, deletecollection, or '*'")]
    [InlineData("[GET]", "spec.rules[0].verbs: 'GET' is none of")]
    public async Task Verb_that_is_none_is_a_fault_that_the_status_names(string verbs, string fault)
    {
        await StartAsync(installed: true);
        var admin = _server.CreateClient(UserInfo.Admin);
        await admin.CreateAsync(Kinds.CommandPolicies, null, Policies.Object("p", $"subjects: [{{kind: User, name: bob}}], rules: [{{verbs: {verbs}, apiGroups: ['*'], resources: ['*']}}]"), Ct);
        JsonObject? policy = null;
        await UntilAsync(async () => (policy = await admin.GetAsync(Kinds.CommandPolicies, null, "p", Ct))!.Condition("InForce") is not null);
        Assert.False(policy!.IsTrue("InForce"));
        Assert.Contains(fault, policy!.Condition("InForce").Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_api_that_does_not_know_policies_has_none_until_they_are_installed()
    {
        var access = await StartAsync(installed: false);
        Assert.Empty((await access.JudgeAsync(Pods, ["c1"], Ct)).Refused);
        var admin = _server.CreateClient(UserInfo.Admin);
        await admin.CreateAsync(Kinds.CustomResourceDefinitions, null, Crds.Load().Single(c => c.Name() == "commandpolicies.ote.baidu.com"), Ct);
        await UntilAsync(async () =>
        {
            try
            {
                return await admin.GetAsync(Kinds.CommandPolicies, null, "closed", Ct) is not null
                    || await admin.CreateAsync(Kinds.CommandPolicies, null, Policies.Object("closed", "subjects: []"), Ct) is not null;
            }
            catch (KubeStatusException notYet) when (notYet.IsNotFound)
            {
                return false;
            }
        });
        await UntilAsync(async () => (await access.JudgeAsync(Pods, ["c1"], Ct)).Refused.Count == 1);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ContinueWith(_ => { }, TaskScheduler.Default);
        await _server.DisposeAsync();
        _stop.Dispose();
    }

    private async Task<CommandAccess> StartAsync(bool installed, bool failing = false)
    {
        _server = await ApiServer.StartAsync(new ApiServerOptions { InstallCrds = installed ? Crds.Load() : [] }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        _faults = new FaultyHandler(_server.CreateHandler(UserInfo.Admin));
        if (failing)
        {
            _faults.Fail(int.MaxValue, HttpStatusCode.InternalServerError, after: false, _ => true);
        }

        var api = new KubeClient(new HttpClient(_faults) { BaseAddress = new Uri("https://embedded/") });
        _routes = new RouteKeeper(new RouteEntry { Name = "root", Uid = "u" }, new MemoryJournal(), _time, NullLogger.Instance);
        var access = new CommandAccess(null, api, _routes, () => ["root"], _time, () => 0.5, NullLogger.Instance);
        _running = access.RunAsync(_stop.Token);
        return access;
    }

    /// <summary>Waits while time passes.</summary>
    private async Task UntilAsync(Func<Task<bool>> happened)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        while (!await happened())
        {
            patience.Token.ThrowIfCancellationRequested();
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Run(() => { }, patience.Token);
        }
    }
}
