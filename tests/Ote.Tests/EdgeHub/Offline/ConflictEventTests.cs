using System.Text.Json.Nodes;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.Offline;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.Tests.EdgeHub.Offline;

public sealed class ConflictEventTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 28, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Event_is_on_the_object_that_lost_something_and_says_all_of_it()
    {
        var told = ConflictEvent.Of(Entry("/pods", "shop", "web", "u1"), Kinds.Pods, ["one thing", "another"], "n1", s_now);
        Assert.Equal(("Pod", "web", "shop", "u1"), (told.Text("involvedObject", "kind"), told.Text("involvedObject", "name"), told.Text("involvedObject", "namespace"), told.Text("involvedObject", "uid")));
        Assert.Equal(("Warning", "OfflineWriteDropped", "While the node was cut off: one thing; another"), (told.Text("type"), told.Text("reason"), told.Text("message")));
        Assert.Equal(("shop", "n1", "2026-11-28T12:00:00Z"), (told.Namespace(), told.Text("source", "host"), told.Text("lastTimestamp")));
    }

    [Fact]
    public void Event_on_a_node_is_found_where_those_of_its_kubelet_are()
    {
        var told = ConflictEvent.Of(Entry("/nodes", "", "n1", "u1"), Kinds.Nodes, ["a label"], "n1", s_now);
        Assert.Equal(("default", "n1"), (told.Namespace(), told.Text("involvedObject", "uid")));
        Assert.Null(told.Text("involvedObject", "namespace"));
    }

    [Fact]
    public void Message_is_no_longer_than_an_API_server_takes() =>
        Assert.Equal(1024, ConflictEvent.Of(Entry("/pods", "d", "p", "u"), Kinds.Pods, [new string('x', 5000)], "n1", s_now).Text("message")!.Length);

    private static JournalEntry Entry(string resource, string ns, string name, string uid) =>
        new(1, new StoreKey(resource, ns, name), s_now, null, new JsonObject { ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = ns, ["uid"] = uid } });
}
