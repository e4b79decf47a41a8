using Ote.Cluster.Observing;
using Ote.Kube.Mirrors;
using Ote.Tests.Cluster.Commands;

namespace Ote.Tests.Cluster.Observing;

public sealed class ObservationBookTests
{
    private readonly PlayedMirror _mirror = new();
    private readonly List<string> _woken = [];

    [Fact]
    public void A_command_is_woken_once_for_what_the_mirror_tells_of_its_objects_until_it_has_looked()
    {
        using var book = new ObservationBook(_mirror, _woken.Add);
        var (one, two) = (Of("one", book), Of("two", book));
        Assert.True(book.TryAdd(Key("a"), one) && book.TryAdd(Key("b"), one) && book.TryAdd(Key("b"), two));
        _mirror.Report("c", "x", "u");
        Assert.Empty(_woken);
        _mirror.Report("c", "a", "u");
        _mirror.Report("c", "b", "u");
        Assert.Equal(["one", "two"], _woken);
        one.TakeHeard(default, out _);
        _mirror.Report("c", "a", "u");
        Assert.Equal(["one", "two", "one"], _woken);
    }

    [Fact]
    public void No_more_than_a_number_wait_and_room_that_is_given_back_is_given_again()
    {
        using var book = new ObservationBook(_mirror, _woken.Add, most: 2);
        var (one, two) = (Of("one", book), Of("two", book));
        Assert.True(book.TryAdd(Key("a"), one) && book.TryAdd(Key("a"), two));
        Assert.False(book.TryAdd(Key("b"), one));
        book.Remove(Key("a"), one);
        book.Remove(Key("a"), one); // not twice
        Assert.Equal(1, book.Count);
        Assert.True(book.TryAdd(Key("b"), one));
        _mirror.Report("c", "a", "u");
        Assert.Equal(["two"], _woken);
    }

    [Fact]
    public void A_book_that_is_closed_is_not_told_of_anything()
    {
        var book = new ObservationBook(_mirror, _woken.Add);
        Assert.True(_mirror.IsHeard);
        book.Dispose();
        Assert.False(_mirror.IsHeard);
    }

    private static Ote.Cluster.Observing.Observation Of(string id, ObservationBook book) => new(id, new ObservedRequest("configmaps", "default", null, false), book, new ObservedPages([], 1), 1);

    private static MirroredKey Key(string name) => new("c", "configmaps", "default", name);
}
