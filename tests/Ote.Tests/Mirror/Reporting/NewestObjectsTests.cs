using System.Text.Json.Nodes;
using Ote.Mirror.Reporting;

namespace Ote.Tests.Mirror.Reporting;

public sealed class NewestObjectsTests
{
    private readonly NewestObjects _newest = new(2);

    [Fact]
    public void The_oldest_of_too_many_goes_by_when_it_happened_last()
    {
        Assert.Null(_newest.Put(Event("a", "10:00")));
        Assert.Null(_newest.Put(Event("b", "11:00")));
        Assert.Equal(("default", "a"), _newest.Put(Event("c", "12:00")));
        Assert.Equal(("default", "late"), _newest.Put(Event("late", "09:00"))); // never to be reported
        Assert.Null(_newest.Put(Event("b", "13:00"))); // again
        Assert.Equal(("default", "c"), _newest.Put(Event("d", "14:00")));
    }

    [Fact]
    public void One_that_is_gone_makes_room()
    {
        _newest.Put(Event("a", "10:00"));
        _newest.Put(Event("b", "11:00"));
        _newest.Remove(("default", "b"));
        Assert.Null(_newest.Put(Event("c", "12:00")));
    }

    private static JsonObject Event(string name, string time) =>
        (JsonObject)JsonNode.Parse($$"""{"metadata":{"name":"{{name}}","namespace":"default","creationTimestamp":"2026-11-27T08:00:00Z"},"lastTimestamp":"2026-11-27T{{time}}:00Z"}""")!;
}
