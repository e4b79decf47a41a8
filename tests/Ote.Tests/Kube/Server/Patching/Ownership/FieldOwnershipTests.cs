using System.Text.Json.Nodes;
using Ote.Kube.Server.Patching.Ownership;

namespace Ote.Tests.Kube.Server.Patching.Ownership;

public sealed class FieldOwnershipTests
{
    private const string Map = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"1"}}""";

    [Fact]
    public void Creator_owns_all_but_identity() => Assert.Equal(
        """{"f:data":{".":{},"f:a":{}},"f:metadata":{"f:generateName":{},"f:labels":{".":{},"f:l":{}}}}""",
        Maps().Update("me", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","namespace":"n","uid":"u","generateName":"g","labels":{"l":"1"},"annotations":{}},"data":{"a":"1"}}""").Owns("me"));

    [Fact]
    public void Updater_takes_what_it_changes_and_nothing_else()
    {
        OwnershipCase maps = Maps().Update("one", """{"data":{"a":"1","b":"1","c":"1"}}""").Update("two", """{"data":{"a":"2","b":"1","d":"1"}}""");
        Assert.Equal("""{"f:data":{".":{},"f:b":{}}}""", maps.Owns("one"));
        Assert.Equal("""{"f:data":{"f:a":{},"f:d":{}}}""", maps.Owns("two"));
    }

    [Fact]
    public void Update_that_changes_no_field_changes_no_owner()
    {
        OwnershipCase maps = Maps().Update("one", Map);
        ManagedEntries before = maps.Managed;
        Assert.Same(before, maps.Update("two", Map).Managed);
    }

    [Fact]
    public void Applier_owns_what_it_states_without_the_maps_around_it() => Assert.Equal(
        """{"f:data":{"f:a":{}},"f:metadata":{"f:labels":{"f:l":{}}}}""",
        Maps().Apply("me", """{"metadata":{"name":"x","labels":{"l":"1"}},"data":{"a":"1"}}""").Owns("me"));

    [Fact]
    public void Applier_meets_a_conflict_where_another_owns_a_different_value()
    {
        OwnershipCase maps = Maps().Update("one", """{"data":{"a":"1","b":"1"}}""");
        Applied refused = maps.Try("two", """{"data":{"a":"2","b":"1"}}""");
        FieldConflict only = Assert.Single(refused.Conflicts);
        Assert.Equal(("\"one\" using v1", ".data.a"), (only.Owner.Described(), Assert.Single(only.Fields.Paths())));
        maps.Apply("two", """{"data":{"a":"2","b":"1"}}""", force: true).Holds("""{"data":{"a":"2","b":"1"}}""");
        Assert.Equal("""{"f:data":{".":{},"f:b":{}}}""", maps.Owns("one"));
        Assert.Equal("""{"f:data":{"f:a":{},"f:b":{}}}""", maps.Owns("two"));
    }

    [Fact]
    public void What_an_applier_leaves_out_goes_unless_another_owns_it()
    {
        OwnershipCase maps = Maps().Apply("one", """{"data":{"a":"1","b":"1"}}""").Apply("two", """{"data":{"b":"1","c":"1"}}""").Apply("one", """{"metadata":{}}""");
        maps.Holds("""{"data":{"b":"1","c":"1"},"metadata":{}}""");
        maps.Apply("two", """{"metadata":{}}""").Holds("""{"metadata":{}}""");
        Assert.Equal("", maps.Owns("two"));
    }

    [Fact]
    public void Apply_that_changes_nothing_keeps_even_the_time()
    {
        OwnershipCase maps = Maps().Apply("one", Map);
        string? time = maps.Managed.All[0].Time;
        Assert.Equal(time, maps.Apply("one", Map).Managed.All[0].Time);
    }

    [Fact]
    public void Objects_without_entries_stay_untracked_until_somebody_applies()
    {
        OwnershipCase maps = Maps().Update("one", """{"data":{"a":"1","b":"1"}}""");
        maps.Managed = ManagedEntries.None;
        Assert.True(maps.Update("two", """{"data":{"a":"2","b":"1"}}""").Managed.IsNone);
        Assert.Equal("\"before-first-apply\" using v1", Assert.Single(maps.Try("me", """{"data":{"a":"3"}}""").Conflicts).Owner.Described());
        maps.Apply("me", """{"data":{"a":"2"}}""");
        Assert.Equal("""{"f:data":{".":{},"f:a":{},"f:b":{}}}""", maps.Owns("before-first-apply"));
    }

    [Fact]
    public void Appliers_come_first_then_times_then_names()
    {
        OwnershipCase maps = Maps().Update("z", """{"data":{"a":"1"}}""").Update("b", """{"data":{"a":"1","b":"1"}}""").Apply("m", """{"data":{"c":"1"}}""").Apply("a", """{"data":{"d":"1"}}""");
        Assert.Equal(["m", "a", "z", "b"], maps.Managed.All.Select(e => e.Manager));
    }

    [Fact]
    public void Of_more_than_ten_updaters_the_oldest_own_together()
    {
        OwnershipCase maps = Maps().Update("u00", """{"data":{"k00":"1"}}""");
        JsonObject data = new() { ["k00"] = "1" };
        for (int i = 1; i < 13; i++)
        {
            data[$"k{i:00}"] = "1";
            maps.Update($"u{i:00}", new JsonObject { ["data"] = data.DeepClone() }.ToJsonString());
        }
        Assert.Equal(10, maps.Managed.All.Count);
        Assert.Equal("""{"f:data":{".":{},"f:k00":{},"f:k01":{},"f:k02":{},"f:k03":{}}}""", maps.Owns("ancient-changes"));
        Assert.Equal("ancient-changes", maps.Managed.All[0].Manager);
    }

    [Fact]
    public void Main_writes_own_no_status_and_status_writes_nothing_else()
    {
        OwnershipCase deployments = Deployments().Update("maker", """{"spec":{"replicas":1},"status":{"replicas":1}}""");
        Assert.Equal("""{"f:spec":{"f:replicas":{}}}""", deployments.Owns("maker"));
        deployments.Update("watcher", """{"spec":{"replicas":2},"status":{"replicas":2,"conditions":[{"type":"A","status":"True"}]}}""", "status");
        Assert.Equal("""{"f:status":{"f:conditions":{".":{},"k:{\"type\":\"A\"}":{".":{},"f:status":{},"f:type":{}}},"f:replicas":{}}}""", deployments.Owns("watcher"));
        Assert.Equal("status", deployments.Managed.All.Single(e => e.Manager == "watcher").Subresource);
        Applied refused = deployments.Try("other", """{"spec":{"replicas":7},"status":{"replicas":3}}""", subresource: "status");
        Assert.Equal("\"watcher\" with subresource \"status\" using apps/v1", Assert.Single(refused.Conflicts).Owner.Described());
    }

    [Fact]
    public void Elements_of_keyed_lists_have_owners_of_their_own()
    {
        OwnershipCase services = OwnershipCase.Of("", "v1", "services").Update("one", """{"spec":{"ports":[{"port":80,"protocol":"TCP"},{"port":53,"protocol":"UDP"}]}}""")
            .Apply("two", """{"spec":{"ports":[{"port":443,"name":"s"},{"port":80,"name":"h"}]}}""");
        Assert.Equal("""{"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{}},"k:{\"port\":443,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{}}}}}""", services.Owns("two"));
        services.Holds("""{"spec":{"ports":[{"port":443,"name":"s"},{"port":80,"protocol":"TCP","name":"h"},{"port":53,"protocol":"UDP"}]}}""");
        services.Apply("two", """{"spec":{"ports":[{"port":80}]}}""").Holds("""{"spec":{"ports":[{"port":80,"protocol":"TCP"},{"port":53,"protocol":"UDP"}]}}""");
    }

    [Fact]
    public void Atomic_maps_and_lists_are_owned_as_a_whole()
    {
        OwnershipCase deployments = Deployments().Update("one", """{"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"spec":{"containers":[{"name":"c","command":["x"]}]}}}}""");
        Assert.Equal("""{"f:spec":{"f:selector":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:command":{},"f:name":{}}}}}}}""", deployments.Owns("one"));
        Assert.Equal([".spec.selector", ".spec.template.spec.containers[name=\"c\"].command"], deployments.Try("two",
            """{"spec":{"selector":{"matchLabels":{"c":"d"}},"template":{"spec":{"containers":[{"name":"c","command":["x","y"]}]}}}}""").Conflicts.Single().Fields.Paths());
    }

    [Fact]
    public void Sets_grow_by_apply_and_shrink_by_what_the_applier_no_longer_states()
    {
        OwnershipCase maps = Maps().Update("one", """{"metadata":{"finalizers":["a","b"]}}""").Apply("two", """{"metadata":{"finalizers":["c","b"]}}""");
        maps.Holds("""{"metadata":{"finalizers":["a","c","b"]}}""");
        Assert.Equal("""{"f:metadata":{"f:finalizers":{"v:\"b\"":{},"v:\"c\"":{}}}}""", maps.Owns("two"));
        maps.Apply("two", """{"metadata":{"finalizers":["x"]}}""").Holds("""{"metadata":{"finalizers":["a","b","x"]}}""");
    }

    [Fact]
    public void Who_owns_a_map_and_nothing_in_it_comes_to_own_what_is_in_it_at_the_next_apply()
    {
        OwnershipCase maps = Maps().Update("one", """{"data":{"a":"1"}}""").Update("two", """{"data":{"b":"1"}}""");
        Assert.Equal("""{"f:data":{}}""", maps.Owns("one"));
        maps.Apply("three", """{"data":{"b":"1"}}""");
        Assert.Equal("""{"f:data":{".":{},"f:b":{}}}""", maps.Owns("one"));
    }

    [Fact]
    public void An_element_twice_in_a_list_counts_as_a_whole()
    {
        OwnershipCase maps = Maps().Update("one", """{"metadata":{"finalizers":["a","a","b"]}}""").Update("two", """{"metadata":{"finalizers":["a","b"]}}""");
        Assert.Equal("""{"f:metadata":{"f:finalizers":{".":{},"v:\"b\"":{}}}}""", maps.Owns("one"));
        Assert.Equal("""{"f:metadata":{"f:finalizers":{"v:\"a\"":{}}}}""", maps.Owns("two"));
    }

    [Theory]
    [InlineData("""["a","b"]""", """["c","b"]""", """["a","c","b"]""")]
    [InlineData("""["a","b","c"]""", """["c","a"]""", """["b","c","a"]""")]
    [InlineData("""["a","b","c","d"]""", """["d","x","b"]""", """["a","c","d","x","b"]""")]
    [InlineData("""["a"]""", """["x","a","y"]""", """["x","a","y"]""")]
    [InlineData("""["a","a","b"]""", """["b","a"]""", """["b","a"]""")]
    [InlineData("""[]""", """["b","a"]""", """["b","a"]""")]
    [InlineData("""["b","a"]""", """[]""", """["b","a"]""")]
    public void Lists_merge_in_the_order_of_the_configuration(string live, string applied, string merged) =>
        Maps().Update("one", $$$"""{"metadata":{"finalizers":{{{live}}}}}""").Apply("two", $$$"""{"metadata":{"finalizers":{{{applied}}}}}""", force: true)
            .Holds($$$"""{"metadata":{"finalizers":{{{merged}}}}}""");

    private static OwnershipCase Maps() => OwnershipCase.Of("", "v1", "configmaps");

    private static OwnershipCase Deployments() => OwnershipCase.Of("apps", "v1", "deployments");
}
