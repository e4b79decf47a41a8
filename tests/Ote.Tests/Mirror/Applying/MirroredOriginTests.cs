using System.Text;
using Ote.Kube.Server.Store;
using Ote.Mirror.Applying;

namespace Ote.Tests.Mirror.Applying;

public sealed class MirroredOriginTests
{
    [Fact]
    public void An_object_says_whose_it_is_wherever_that_stands()
    {
        var shown = MirroredObject.Of("""{"spec":{"apiVersion":"wrong","annotations":{"ote.baidu.com/cluster":"wrong"} },"metadata":{"annotations":{"a":"b"},"name":"web","resourceVersion":"7","labels":{ } } }"""u8, "c1", "web-c1", 3, "batch/v1", "CronJob");
        Assert.Equal(new ObjectOrigin("c1", "web", "7", "batch/v1"), MirroredObject.OriginOf(shown.Json));
    }

    [Theory]
    [InlineData("""{"apiVersion":"v1"}""")]
    [InlineData("""{"metadata":null}""")]
    [InlineData("""{"metadata":{"annotations":[] } }""")]
    [InlineData("""{"metadata":{"annotations":{"ote.baidu.com/cluster":3,"ote.baidu.com/name":"web"} } }""")]
    public void One_that_does_not_say_is_nobodys(string json) => Assert.Null(MirroredObject.OriginOf(Encoding.UTF8.GetBytes(json)));
}
