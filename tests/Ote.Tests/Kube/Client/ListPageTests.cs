using System.Text;
using System.Text.Json;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.Kube.Client;

public sealed class ListPageTests
{
    [Fact]
    public void A_page_has_its_objects_its_version_and_where_the_next_begins_in_whatever_order_they_come()
    {
        var page = Read("""{"kind":"PodList","items":[{"metadata":{"name":"a","x":[1,{"y":null}]}},{"metadata":{"name":"b"}}],"extra":{"items":[1]},"metadata":{"resourceVersion":"7","continue":"c2"}}""");
        Assert.Equal(["a", "b"], page.Items.Select(item => item.Name()));
        Assert.Equal("""{"metadata":{"name":"a","x":[1,{"y":null}]}}""", page.Items[0].ToJsonString());
        Assert.Equal(("7", "c2"), (page.ResourceVersion, page.Continue));
    }

    [Theory]
    [InlineData("""{"kind":"PodList","metadata":{"resourceVersion":"7","continue":""},"items":null}""", "7")]
    [InlineData("""{"metadata":null,"items":[]}""", "")]
    [InlineData("{}", "")]
    public void A_page_without_objects_is_the_last_one(string json, string version)
    {
        var page = Read(json);
        Assert.Empty(page.Items);
        Assert.Equal((version, null), (page.ResourceVersion, page.Continue));
    }

    [Theory]
    [InlineData("")]
    [InlineData("no")]
    [InlineData("""{"items":[{"a":1}]""")]
    [InlineData("""{"items":[]} {}""")]
    [InlineData("""{"items":[{"a":]}""")]
    public void What_is_no_list_is_refused(string json) => Assert.ThrowsAny<JsonException>(() => Read(json));

    [Fact]
    public void What_is_no_object_is_no_list() => Assert.Null(ListPage.Read("[]"u8));

    private static ListPage Read(string json) => ListPage.Read(Encoding.UTF8.GetBytes(json))!;
}
