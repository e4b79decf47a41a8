using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema.Conversion;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Schema.Conversion;

/// <summary>Kinds that show the same objects in two forms.</summary>
public sealed class StoredFormTests
{
    private const string Core = "api/v1/namespaces/default/events";
    private const string New = "apis/events.k8s.io/v1/namespaces/default/events";
    private const string V1 = "apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
    private const string V2 = "apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_event_is_one_object_of_both_groups()
    {
        await using var api = await ApiServerFixture.StartAsync();
        Assert.Equal(201, (await api.SendAsync(HttpMethod.Post, Core, """{"metadata":{"name":"a"},"involvedObject":{"kind":"Pod","name":"p","namespace":"default"},"reason":"Broken","message":"it broke","count":3,"source":{"component":"c"},"type":"Warning"}""")).Code);
        var (_, seen) = await api.SendAsync(HttpMethod.Get, New + "/a");
        Assert.Equal(
            ("events.k8s.io/v1", "it broke", "p", 3L, "c"),
            (seen.Text("apiVersion"), seen.Text("note"), seen.Text("regarding", "name"), seen.Whole("deprecatedCount"), seen.Text("deprecatedSource", "component")));
        Assert.Null(seen["message"]);
        Assert.Equal(201, (await api.SendAsync(HttpMethod.Post, New, """{"metadata":{"name":"b"},"eventTime":"2026-01-01T00:00:00.000000Z","action":"Doing","reason":"Done","note":"it is done","type":"Normal","regarding":{"kind":"Pod","name":"p","namespace":"default"},"reportingController":"example.org/t","reportingInstance":"t-1"}""")).Code);
        (_, seen) = await api.SendAsync(HttpMethod.Get, Core + "/b");
        Assert.Equal(("v1", "it is done", "p", "example.org/t"), (seen.Text("apiVersion"), seen.Text("message"), seen.Text("involvedObject", "name"), seen.Text("reportingComponent")));
    }

    [Fact]
    public async Task Both_groups_list_select_patch_and_delete_the_same_events()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, Core, """{"metadata":{"name":"a"},"involvedObject":{"kind":"Pod","name":"p","namespace":"default"},"reason":"Broken","message":"it broke"}""");
        Assert.Single((await api.SendAsync(HttpMethod.Get, New + "?fieldSelector=regarding.name%3Dp")).Body.Items("items")!);
        Assert.Empty((await api.SendAsync(HttpMethod.Get, New + "?fieldSelector=regarding.name%3Dq")).Body.Items("items")!);
        var (code, patched) = await api.SendAsync(HttpMethod.Patch, New + "/a", """{"note":"it is well"}""", "application/merge-patch+json");
        Assert.Equal((200, "it is well"), (code, patched.Text("note")));
        Assert.Equal("it is well", (await api.SendAsync(HttpMethod.Get, Core + "/a")).Body.Text("message"));
        var table = (await api.SendAsync(HttpMethod.Get, New, accept: "application/json;as=Table;v=v1;g=meta.k8s.io")).Body;
        Assert.Contains("it is well", table["rows"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(200, (await api.SendAsync(HttpMethod.Delete, New + "/a")).Code);
        Assert.Equal(404, (await api.SendAsync(HttpMethod.Get, Core + "/a")).Code);
    }

    [Fact]
    public async Task A_watch_of_one_group_sees_events_of_the_other()
    {
        await using var api = await ApiServerFixture.StartAsync();
        using var answer = await api.Admin.Http.GetAsync(new Uri(New + "?watch=1", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Token);
        await api.SendAsync(HttpMethod.Post, Core, """{"metadata":{"name":"a"},"involvedObject":{"kind":"Pod","name":"p","namespace":"default"},"message":"it broke"}""");
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(Token));
        var change = JsonNode.Parse((await reader.ReadLineAsync(Token))!);
        Assert.Equal(("ADDED", "events.k8s.io/v1", "it broke"), (change.Text("type"), change.Text("object", "apiVersion"), change.Text("object", "note")));
    }

    [Fact]
    public async Task An_autoscaler_of_v1_has_its_cpu_target_among_the_metrics_of_v2()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var (code, made) = await api.SendAsync(HttpMethod.Post, V1, """{"metadata":{"name":"web"},"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},"maxReplicas":5,"targetCPUUtilizationPercentage":70}}""");
        Assert.Equal((201, "autoscaling/v1", 70L, 1L), (code, made.Text("apiVersion"), made.Whole("spec", "targetCPUUtilizationPercentage"), made.Whole("spec", "minReplicas")));
        var (_, seen) = await api.SendAsync(HttpMethod.Get, V2 + "/web");
        Assert.Equal("""[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":70}}}]""", seen.At("spec", "metrics")!.ToJsonString());
        Assert.Null(seen.At("spec", "targetCPUUtilizationPercentage"));
    }

    [Fact]
    public async Task What_v1_has_no_field_for_outlives_a_change_through_v1()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var (code, made) = await api.SendAsync(HttpMethod.Post, V2, """
            {"metadata":{"name":"web","annotations":{"mine":"x"}},"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},"maxReplicas":5,"metrics":[
              {"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":60}}},{"type":"Resource","resource":{"name":"memory","target":{"type":"AverageValue","averageValue":"1Gi"}}}],
              "behavior":{"scaleDown":{"stabilizationWindowSeconds":60}}}}
            """);
        Assert.Equal(201, code);
        var (_, v1) = await api.SendAsync(HttpMethod.Get, V1 + "/web");
        Assert.Equal(60L, v1.Whole("spec", "targetCPUUtilizationPercentage"));
        Assert.Equal(["autoscaling.alpha.kubernetes.io/behavior", "autoscaling.alpha.kubernetes.io/metrics", "mine"], v1.At("metadata", "annotations")!.AsObject().Select(a => a.Key).Order(StringComparer.Ordinal));
        Assert.Equal(200, (await api.SendAsync(HttpMethod.Patch, V1 + "/web", """{"spec":{"maxReplicas":9}}""", "application/merge-patch+json")).Code);
        var (_, after) = await api.SendAsync(HttpMethod.Get, V2 + "/web");
        Assert.Equal(9L, after.Whole("spec", "maxReplicas"));
        Assert.Equal(made.At("spec", "metrics")!.ToJsonString(), after.At("spec", "metrics")!.ToJsonString());
        Assert.True(JsonNode.DeepEquals(made.At("spec", "behavior"), after.At("spec", "behavior")));
        Assert.Equal("""{"mine":"x"}""", after.At("metadata", "annotations")!.ToJsonString());
    }

    [Theory]
    [InlineData("""{"spec":{"scaleTargetRef":{"kind":"D","name":"web"},"maxReplicas":0}}""", 422)]
    [InlineData("""{"spec":{"scaleTargetRef":{"kind":"D","name":"web"},"maxReplicas":"many"}}""", 400)]
    public async Task An_autoscaler_of_v1_is_judged_as_one_of_v2(string body, int code)
    {
        await using var api = await ApiServerFixture.StartAsync();
        var obj = (JsonObject)JsonNode.Parse(body)!;
        obj["metadata"] = new JsonObject { ["name"] = "web" };
        Assert.Equal(code, (await api.SendAsync(HttpMethod.Post, V1, obj.ToJsonString())).Code);
    }

    [Fact]
    public void Status_of_an_autoscaler_goes_there_and_back()
    {
        const string V2Text = """{"apiVersion":"autoscaling/v2","metadata":{"name":"a"},"spec":{"maxReplicas":1},"status":{"currentMetrics":[{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":5}}}],"conditions":[{"type":"AbleToScale","status":"True"}]}}""";
        var v1 = AutoscalerForm.FromV2((JsonObject)JsonNode.Parse(V2Text)!);
        Assert.Equal(5L, v1.Whole("status", "currentCPUUtilizationPercentage"));
        Assert.Equal("""[{"type":"AbleToScale","status":"True"}]""", v1.Text("metadata", "annotations", "autoscaling.alpha.kubernetes.io/conditions"));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(V2Text), AutoscalerForm.ToV2(v1)));
    }
}
