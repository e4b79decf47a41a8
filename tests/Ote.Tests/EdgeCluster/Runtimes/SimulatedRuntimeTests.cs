using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.EdgeCluster.Runtimes;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Runtimes;

public sealed class SimulatedRuntimeTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new(Sample.Now);
    private readonly List<PodId> _changes = [];
    private readonly SimulatedRuntime _runtime;

    public SimulatedRuntimeTests()
    {
        _runtime = Make();
        _runtime.PodChanged += _changes.Add;
    }

    [Fact]
    public async Task Pod_runs_after_its_start_delay_and_says_so()
    {
        var pod = await CreateAsync();
        Assert.Equal(("Pending", "ContainerCreating"), (Status(pod).Text("phase"), Waiting(pod)));
        _time.Advance(TimeSpan.FromSeconds(2));
        var after = Status(pod);
        Assert.Equal(("Running", "10.244.0.2"), (after.Text("phase"), after.Text("podIP")));
        Assert.Equal(["PodScheduled", "Initialized", "ContainersReady", "Ready"], after.Items("conditions")!.Where(c => c.Text("status") == "True").Select(c => c.Text("type")));
        Assert.Equal([PodId.Of(pod)], _changes);
    }

    [Fact]
    public async Task Simulation_shows_on_pod_container_and_node()
    {
        var pod = await CreateAsync();
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Contains("simulated", Status(pod).Text("message"), StringComparison.Ordinal);
        Assert.StartsWith("simulated://", Container(pod).Text("containerID"), StringComparison.Ordinal);
        Assert.StartsWith("simulated://", _runtime.Node.RuntimeVersion, StringComparison.Ordinal);
        Assert.Equal("OTE simulated node", _runtime.Node.OsImage);
        Assert.Contains("not really run", _runtime.Node.ReadyMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ephemeral_container_runs_beside_the_others_and_nothing_waits_for_it()
    {
        var pod = await CreateAsync();
        _time.Advance(TimeSpan.FromSeconds(2));
        var debugged = pod.Copy();
        debugged["spec"]!["ephemeralContainers"] = new JsonArray(new JsonObject { ["name"] = "debugger", ["image"] = "busybox" });
        debugged["metadata"]!["annotations"] = new JsonObject { ["simulated.ote.baidu.com/debugger.exit-after"] = "10s", ["simulated.ote.baidu.com/debugger.exit-code"] = "3" };
        await _runtime.UpdatePodAsync(debugged, TestContext.Current.CancellationToken);
        Assert.Equal(("Running", "ContainerCreating"), (Status(pod).Text("phase"), Status(pod).Items("ephemeralContainerStatuses")![0].Text("state", "waiting", "reason")));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.NotNull(Status(pod).Items("ephemeralContainerStatuses")![0].Text("state", "running", "startedAt"));
        _time.Advance(TimeSpan.FromSeconds(10));
        var ended = Status(pod);
        Assert.Equal(("Running", 3), (ended.Text("phase"), ended.Items("ephemeralContainerStatuses")![0].Whole("state", "terminated", "exitCode"))); // and it is not started again
        Assert.Contains(ended.Items("conditions")!, c => c.Text("type") == "Ready" && c.Text("status") == "True");
    }

    [Fact]
    public async Task Image_that_cannot_be_pulled_backs_off_until_the_pod_changes()
    {
        var pod = await CreateAsync("""{"simulated.ote.baidu.com/image-pull-error":"manifest unknown"}""");
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("ErrImagePull", Waiting(pod));
        _time.Advance(TimeSpan.FromMinutes(60));
        Assert.Equal("ImagePullBackOff", Waiting(pod));
        Assert.Contains("manifest unknown", Container(pod).Text("state", "waiting", "message"), StringComparison.Ordinal);
        Assert.Equal("Pending", Status(pod).Text("phase"));
        var mended = pod.Copy();
        mended["metadata"]!["annotations"] = new JsonObject();
        await _runtime.UpdatePodAsync(mended, TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("Running", Status(pod).Text("phase"));
    }

    [Fact]
    public async Task Crashing_container_restarts_at_once_then_after_growing_waits()
    {
        var pod = await CreateAsync("""{"simulated.ote.baidu.com/exit-after":"1s","simulated.ote.baidu.com/exit-code":"3"}""");
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(1, Container(pod).Whole("restartCount"));
        Assert.NotNull(Container(pod).At("state", "running"));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("CrashLoopBackOff", Waiting(pod));
        Assert.Equal(3, Container(pod).Whole("lastState", "terminated", "exitCode"));
        Assert.Equal("Running", Status(pod).Text("phase"));
        Assert.Equal("False", Status(pod).Items("conditions")!.First(c => c.Text("type") == "Ready").Text("status"));
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(1, Container(pod).Whole("restartCount"));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, Container(pod).Whole("restartCount"));
        _time.Advance(TimeSpan.FromSeconds(1 + 19));
        Assert.Equal(2, Container(pod).Whole("restartCount"));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(3, Container(pod).Whole("restartCount"));
    }

    [Theory]
    [InlineData("Never", 0, "Succeeded")]
    [InlineData("Never", 2, "Failed")]
    [InlineData("OnFailure", 0, "Succeeded")]
    [InlineData("OnFailure", 2, "Running")]
    public async Task Container_that_ends_ends_the_pod_unless_its_policy_restarts_it(string policy, int code, string phase)
    {
        var pod = await CreateAsync(
            $$"""{"simulated.ote.baidu.com/web.exit-after":"1s","simulated.ote.baidu.com/web.exit-code":"{{code}}"}""", policy);
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(phase, Status(pod).Text("phase"));
    }

    [Theory]
    [InlineData("Never", "Succeeded")]
    [InlineData("OnFailure", "Succeeded")]
    [InlineData("Always", "Running")]
    public async Task Pod_that_is_there_to_end_ends_after_a_second_by_itself_whoever_owns_it(string policy, string phase)
    {
        var pod = await CreateAsync(policy: policy);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("Running", Status(pod).Text("phase"));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(phase, Status(pod).Text("phase"));
    }

    [Fact]
    public async Task Pod_that_is_there_to_end_runs_as_long_as_its_annotation_says()
    {
        var pod = await CreateAsync("""{"simulated.ote.baidu.com/exit-after":"1h"}""", "Never");
        _time.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal("Running", Status(pod).Text("phase"));
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal("Succeeded", Status(pod).Text("phase"));
    }

    [Fact]
    public async Task Script_object_sets_what_annotations_leave_open()
    {
        await using var runtime = Make((_, name) => name == "web" ? new ContainerScript { NeverReady = true, StartDelay = TimeSpan.Zero } : null);
        var pod = Pod("""{"simulated.ote.baidu.com/start-delay":"3s"}""");
        await runtime.CreatePodAsync(pod, TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("Pending", runtime.GetPodStatus(PodId.Of(pod)).Text("phase"));
        _time.Advance(TimeSpan.FromHours(1));
        var status = runtime.GetPodStatus(PodId.Of(pod));
        Assert.Equal(("Running", false), (status.Text("phase"), status.Items("containerStatuses")![0].Truth("ready")));
    }

    [Fact]
    public async Task Ready_comes_its_delay_after_running()
    {
        var pod = await CreateAsync("""{"simulated.ote.baidu.com/ready-after":"5s"}""");
        _time.Advance(TimeSpan.FromSeconds(6.9));
        Assert.False(Container(pod).Truth("ready"));
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.True(Container(pod).Truth("ready"));
    }

    [Fact]
    public async Task Init_containers_run_one_after_the_other_before_the_others()
    {
        var pod = Pod();
        pod["spec"]!["initContainers"] = JsonNode.Parse("""[{"name":"one","image":"i"},{"name":"two","image":"i"}]""");
        await _runtime.CreatePodAsync(pod, TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(0, Status(pod).Items("initContainerStatuses")![0].Whole("state", "terminated", "exitCode"));
        Assert.Equal("ContainerCreating", Status(pod).Items("initContainerStatuses")![1].Text("state", "waiting", "reason"));
        Assert.Equal("PodInitializing", Waiting(pod));
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal("Running", Status(pod).Text("phase"));
    }

    [Fact]
    public async Task Pod_that_ran_before_goes_on_with_its_address_and_restarts()
    {
        var pod = await CreateAsync("""{"simulated.ote.baidu.com/exit-after":"30s"}""");
        await CreateAsync(name: "other");
        _time.Advance(TimeSpan.FromSeconds(40));
        pod["status"] = JsonNode.Parse(Status(pod).ToJsonString());
        Assert.Equal(1, Container(pod).Whole("restartCount"));
        await using var later = Make();
        await later.CreatePodAsync(pod, TestContext.Current.CancellationToken);
        Assert.True(JsonNode.DeepEquals(pod["status"], later.GetPodStatus(PodId.Of(pod))));
        await later.CreatePodAsync(Pod(name: "third"), TestContext.Current.CancellationToken);
        Assert.Equal("10.244.0.3", later.GetPodStatus(PodId.Of(Pod(name: "third"))).Text("podIP"));
    }

    [Fact]
    public async Task Creating_twice_is_creating_once_and_deleting_frees_the_address()
    {
        var pod = await CreateAsync();
        _time.Advance(TimeSpan.FromSeconds(2));
        await _runtime.CreatePodAsync(pod, TestContext.Current.CancellationToken);
        Assert.Equal("Running", Status(pod).Text("phase"));
        await _runtime.DeletePodAsync(PodId.Of(pod), TestContext.Current.CancellationToken);
        Assert.Empty(_runtime.GetPods());
        Assert.Equal("10.244.0.2", Status(await CreateAsync(name: "next")).Text("podIP"));
    }

    [Fact]
    public async Task Trouble_refuses_new_pods_and_shows_on_the_node()
    {
        var told = 0;
        _runtime.NodeChanged += () => told++;
        _runtime.SetTrouble("disk is gone");
        Assert.Equal((1, "disk is gone"), (told, _runtime.Node.Trouble));
        await Assert.ThrowsAsync<PodRuntimeException>(() => CreateAsync());
    }

    [Theory]
    [InlineData("start-delay", "soon")]
    [InlineData("exit-code", "256")]
    [InlineData("never-ready", "yes")]
    [InlineData("exit-after", "-3s")]
    public async Task Annotation_that_cannot_be_read_is_refused_by_name(string name, string value)
    {
        var refused = await Assert.ThrowsAsync<PodRuntimeException>(() => CreateAsync($$"""{"simulated.ote.baidu.com/{{name}}":"{{value}}"}"""));
        Assert.Contains(name, refused.Message, StringComparison.Ordinal);
        Assert.Contains(value, refused.Message, StringComparison.Ordinal);
    }

    public ValueTask DisposeAsync() => _runtime.DisposeAsync();

    private static JsonObject Pod(string annotations = "{}", string policy = "Always", string name = "p")
    {
        var pod = Sample.Pod(name);
        pod["metadata"]!["annotations"] = JsonNode.Parse(annotations);
        pod["spec"]!["restartPolicy"] = policy;
        pod.Remove("status");
        return pod;
    }

    private SimulatedRuntime Make(Func<JsonObject, string, ContainerScript?>? script = null) =>
        new(0, new SimulatedRuntimeOptions { StartDelay = TimeSpan.FromSeconds(2), Script = script }, _time, NullLogger.Instance);

    private async Task<JsonObject> CreateAsync(string annotations = "{}", string policy = "Always", string name = "p")
    {
        var pod = Pod(annotations, policy, name);
        await _runtime.CreatePodAsync(pod, TestContext.Current.CancellationToken);
        return pod;
    }

    private JsonObject Status(JsonObject pod) => _runtime.GetPodStatus(PodId.Of(pod))!;

    private JsonNode Container(JsonObject pod) => Status(pod).Items("containerStatuses")![0]!;

    private string? Waiting(JsonObject pod) => Container(pod).Text("state", "waiting", "reason");
}
