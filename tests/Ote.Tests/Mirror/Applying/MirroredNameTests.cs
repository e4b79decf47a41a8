using Ote.Mirror.Applying;

namespace Ote.Tests.Mirror.Applying;

public sealed class MirroredNameTests
{
    [Fact]
    public void An_object_is_shown_under_its_name_and_its_clusters() => Assert.Equal("web-1-c17", MirroredName.Of("web-1", "c17"));

    [Fact]
    public void Two_that_would_be_shown_alike_are_told_apart_by_a_mark()
    {
        Assert.Equal(MirroredName.Of("a-b", "c"), MirroredName.Of("a", "b-c"));
        Assert.NotEqual(MirroredName.Marked("a-b", "c"), MirroredName.Marked("a", "b-c"));
        Assert.Equal(MirroredName.Marked("a-b", "c"), MirroredName.Marked("a-b", "c"));
    }

    [Fact]
    public void A_name_that_would_be_too_long_is_cut_and_marked()
    {
        var long1 = MirroredName.Of(new string('a', 252) + "b", "c1");
        var long2 = MirroredName.Of(new string('a', 252) + "c", "c1");
        Assert.Equal(MirroredName.MostBytes, long1.Length);
        Assert.NotEqual(long1, long2);
    }
}
