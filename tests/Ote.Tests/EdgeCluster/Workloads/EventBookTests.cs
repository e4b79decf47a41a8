using Ote.EdgeCluster.Workloads;

namespace Ote.Tests.EdgeCluster.Workloads;

public sealed class EventBookTests
{
    [Fact]
    public void Event_that_happens_again_is_counted_and_stays_young()
    {
        var book = new EventBook(2);
        book.Note("a");
        book.Note("b");
        Assert.Equal((2, null), book.Note("a"));
        Assert.Equal((1, "b"), book.Note("c"));
        Assert.Equal((1, "a"), book.Note("b"));
    }

    [Fact]
    public void Forgotten_event_starts_anew()
    {
        var book = new EventBook(2);
        book.Note("a", 7);
        Assert.Equal(8, book.Note("a").Count);
        book.Forget("a");
        Assert.Equal(1, book.Note("a").Count);
    }
}
